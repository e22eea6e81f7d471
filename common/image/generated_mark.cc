#include "common/image/generated_mark.h"

#include "absl/strings/match.h"
#include "common/image/image.h"
#include "common/image/vips_handle.h"

namespace mannequin {

bool HasGeneratedMark(absl::string_view bytes) {
  InitImages();
  const absl::StatusOr<ImageHeader> header = ReadImageHeader(bytes);
  if (!header.ok() || header->media_type == "image/gif") return false;
  // JPEG and WebP hold XMP as it is: most pictures are answered by this search alone.
  if (header->media_type != "image/png" && !absl::StrContains(bytes, kGeneratedSourceType)) return false;
  const VipsHandle image(
      vips_image_new_from_buffer(bytes.data(), bytes.size(), "", "access", VIPS_ACCESS_SEQUENTIAL, nullptr));
  if (image == nullptr) {
    vips_error_clear();
    return false;
  }
  if (vips_image_get_typeof(image.get(), VIPS_META_XMP_NAME) == 0) return false;
  const void* xmp = nullptr;
  std::size_t size = 0;
  if (vips_image_get_blob(image.get(), VIPS_META_XMP_NAME, &xmp, &size) != 0) return false;
  return absl::StrContains(absl::string_view(static_cast<const char*>(xmp), size), kGeneratedSourceType);
}

}  // namespace mannequin
