#include "services/store/store_image.h"

#include <optional>
#include <utility>

#include "common/base/status_macros.h"

namespace mannequin::store {
namespace {

// The product has a real image now: whatever its placeholder was, nobody is shown it, or asked
// about it, any more.
absl::Status RetirePlaceholder(const std::string& product_id, Edit& edit) {
  ASSIGN_OR_RETURN(const std::optional<v1::Placeholder> placeholder,
                   edit.Read<v1::Placeholder>(Family::kPlaceholders, product_id));
  if (!placeholder || placeholder->state() == v1::PLACEHOLDER_STATE_RETIRED) return absl::OkStatus();
  RETURN_IF_ERROR(edit.DropImage(placeholder->badged_image_sha256()));
  v1::Placeholder retired = *placeholder;
  retired.clear_badged_image_sha256();
  retired.set_state(v1::PLACEHOLDER_STATE_RETIRED);
  edit.PutPlaceholder(placeholder, std::move(retired));
  return absl::OkStatus();
}

}  // namespace

absl::Status StoreImage(const v1::StoredProduct& before, const v1::Image& image, const std::string& sha256,
                        const Renditions& renditions, Edit& edit, v1::StoredProduct& after) {
  const google::protobuf::Timestamp& now = edit.now();
  // The new reference first: the same picture again must not lose its last one between.
  RETURN_IF_ERROR(edit.AddImage(image, sha256, renditions));
  RETURN_IF_ERROR(edit.DropImage(before.image().sha256()));
  after = before;
  v1::ImageInfo& info = *after.mutable_image();
  info.Clear();
  info.set_state(v1::IMAGE_STATE_STORED);
  info.set_sha256(sha256);
  info.set_width(image.width());
  info.set_height(image.height());
  info.set_size_bytes(static_cast<std::int64_t>(image.data().size()));
  info.set_media_type(image.media_type());
  info.set_attempts(before.image().attempts());
  *info.mutable_fetched_at() = now;
  *after.mutable_updated_at() = now;
  return RetirePlaceholder(before.product().id(), edit);
}

}  // namespace mannequin::store
