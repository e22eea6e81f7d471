// What the tables know of a product besides its record, made out of the record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mannequin/v1/product.pb.h"

namespace mannequin::store {

struct ProductColumns {
  std::int64_t image_state = 0;
  std::int64_t update_spread = 0;
  std::int64_t updated_at = 0;  // nanoseconds since the epoch
  std::string brand;
  // Of `product_categories`: one for each ancestor.
  std::vector<std::string> categories;
  // Of `fetches`: nothing when its image is not to be fetched.
  std::optional<std::string> origin;
};

// Of the category of the first `depth` parts; only good to be compared.
std::string CategoryKey(const google::protobuf::RepeatedPtrField<std::string>& path, int depth);

ProductColumns ColumnsOf(const v1::StoredProduct& product);

}  // namespace mannequin::store
