#include "services/generator/generated_image.h"

#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/image/resize.h"

namespace mannequin {

absl::StatusOr<v1::Image> EncodeGenerated(const Pixels& pixels, const ImageFormat& format,
                                          const Provenance& provenance) {
  const int width = format.size > 0 ? format.size : pixels.width;
  const int height = format.size > 0 ? format.size : pixels.height;
  ASSIGN_OR_RETURN(const Pixels scaled, ResizeLanczos(pixels, width, height));
  v1::Image image;
  ASSIGN_OR_RETURN(*image.mutable_data(),
                   EncodeImage(scaled, format.media_type, format.quality, GeneratedXmp(provenance)));
  image.set_sha256(Sha256Hex(image.data()));
  image.set_media_type(format.media_type);
  image.set_width(width);
  image.set_height(height);
  return image;
}

}  // namespace mannequin
