// A listing of the kind that the shipped bundle knows.
#pragma once

#include <string>

#include "mannequin/v1/product.pb.h"

namespace mannequin {

inline v1::Product Shirt(const std::string& id) {
  v1::Product product;
  product.set_id(id);
  product.set_title("Blue cotton shirt");
  for (const char* part : {"Apparel", "Topwear", "Shirts"}) product.add_category_path(part);
  return product;
}

}  // namespace mannequin
