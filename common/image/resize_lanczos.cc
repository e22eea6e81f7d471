#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/image/resize.h"
#include "common/image/vips_handle.h"

namespace mannequin {

absl::StatusOr<Pixels> ResizeLanczos(const Pixels& pixels, int width, int height) {
  InitImages();
  if (pixels.width == width && pixels.height == height) return pixels;
  const VipsHandle memory(vips_image_new_from_memory(pixels.rgb.data(), pixels.rgb.size(), pixels.width, pixels.height,
                                                     3, VIPS_FORMAT_UCHAR));
  if (memory == nullptr) return VipsFailure("cannot scale");
  VipsImage* out = nullptr;
  if (vips_resize(memory.get(), &out, static_cast<double>(width) / pixels.width, "vscale",
                  static_cast<double>(height) / pixels.height, "kernel", VIPS_KERNEL_LANCZOS3, nullptr) != 0) {
    return VipsFailure("cannot scale");
  }
  const VipsHandle scaled(out);
  std::size_t size = 0;
  const GlibBytes bytes(vips_image_write_to_memory(scaled.get(), &size));
  if (bytes == nullptr) return VipsFailure("cannot scale");
  if (vips_image_get_width(out) != width || vips_image_get_height(out) != height ||
      size != static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3) {
    return absl::InternalError(absl::StrCat("scaled to ", vips_image_get_width(out), "x", vips_image_get_height(out),
                                            ", not to ", width, "x", height));
  }
  const auto* begin = static_cast<const std::uint8_t*>(bytes.get());
  return Pixels{width, height, std::vector<std::uint8_t>(begin, begin + size)};
}

}  // namespace mannequin
