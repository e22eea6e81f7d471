#include "services/store/postgres/product_columns.h"

#include "common/base/sha256.h"
#include "services/store/image_state.h"
#include "services/store/keys.h"
#include "services/store/postgres/schema.h"
#include "services/store/timestamp.h"
#include "services/store/url_origin.h"

namespace mannequin::store {
namespace {

// A row of an index takes 2,700 bytes, and a path may have 4,096.
constexpr std::size_t kMaxCategoryKey = 512;

}  // namespace

std::string CategoryKey(const google::protobuf::RepeatedPtrField<std::string>& path, int depth) {
  std::string key = CategoryPrefix(path, depth);
  // Keys of keys.h begin with another letter.
  return key.size() <= kMaxCategoryKey ? key : "h" + Sha256Hex(key);
}

ProductColumns ColumnsOf(const v1::StoredProduct& product) {
  ProductColumns columns;
  columns.image_state = product.image().state();
  columns.update_spread = UpdateSpread(product.product().id());
  columns.updated_at = absl::ToUnixNanos(FromProto(product.updated_at()));
  columns.brand = product.product().brand();
  for (int depth = 1; depth <= product.product().category_path_size(); ++depth) {
    columns.categories.push_back(CategoryKey(product.product().category_path(), depth));
  }
  if (IsToBeFetched(product.image())) columns.origin = OriginOf(product.product().image_url());
  return columns;
}

}  // namespace mannequin::store
