// What is known of the image of a product that was just written.
#pragma once

#include "mannequin/v1/product.pb.h"

namespace mannequin::store {

inline v1::ImageState NewImageState(const v1::Product& product) {
  return product.image_url().empty() ? v1::IMAGE_STATE_MISSING : v1::IMAGE_STATE_PENDING;
}

}  // namespace mannequin::store
