#include "services/generator/generated_image.h"

#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "services/generator/xmp.h"

namespace mannequin {

absl::StatusOr<v1::Image> EncodeGenerated(const Picture& picture, absl::string_view media_type,
                                          const std::string& product_id, const std::string& bundle_version) {
  const std::string xmp =
      GeneratedXmp({.product_id = product_id, .bundle_version = bundle_version, .seed = picture.seed});
  v1::Image image;
  ASSIGN_OR_RETURN(*image.mutable_data(), EncodeImage(picture.pixels, media_type, 90, xmp));
  image.set_sha256(Sha256Hex(image.data()));
  image.set_media_type(std::string(media_type));
  image.set_width(picture.pixels.width);
  image.set_height(picture.pixels.height);
  return image;
}

}  // namespace mannequin
