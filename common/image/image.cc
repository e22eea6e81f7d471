#include "common/image/image.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/bytes.h"
#include "common/image/decode.h"
#include "common/image/resize.h"
#include "common/image/vips_handle.h"

namespace mannequin {
namespace {

// `png` with an XMP packet in front of its other chunks, where readers look first: an
// uncompressed iTXt chunk (PNG 11.3.3.4) of the keyword that XMP's part 3 names. libvips
// drops the packet when libspng writes for it.
std::string WithPngXmp(absl::string_view png, absl::string_view xmp) {
  constexpr std::size_t kAfterIhdr = 33;
  constexpr absl::string_view kKeyword("XML:com.adobe.xmp\0\0\0\0\0", 22);
  const std::string body = absl::StrCat("iTXt", kKeyword, xmp);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return absl::StrCat(png.substr(0, kAfterIhdr), Big32Bytes(static_cast<std::uint32_t>(body.size() - 4)), body,
                      Big32Bytes(static_cast<std::uint32_t>(crc)), png.substr(kAfterIhdr));
}

}  // namespace

void InitImages(int threads) {
  static std::once_flag once;
  std::call_once(once, [threads] {
    if (vips_init("mannequin") != 0) vips_error_exit("libvips does not start");
    vips_concurrency_set(threads);
    // Every picture is new, so a cache of operations only holds memory.
    vips_cache_set_max(0);
    vips_block_untrusted_set(TRUE);
    // Ours only: DecodeImage never sees SVG, because ReadImageHeader refuses it first.
    vips_operation_block_set("VipsForeignLoadSvg", FALSE);
    // Every broken picture would be a warning on standard error; its Status says it.
    g_log_set_handler(
        "VIPS", G_LOG_LEVEL_WARNING, [](const char*, GLogLevelFlags, const char*, void*) {}, nullptr);
  });
}

absl::StatusOr<Pixels> DecodeImage(absl::string_view bytes, const DecodeOptions& options) {
  InitImages();
  if (options.resize_to < 0) return absl::InvalidArgumentError("DecodeImage: resize_to is negative");
  ASSIGN_OR_RETURN(const ImageHeader header, ReadImageHeader(bytes, options.limits));
  const int side = options.resize_to;
  // The size that the picture is scaled to: it is loaded no larger than needed.
  int min_width = 0;
  int min_height = 0;
  if (side > 0) {
    const int longer = std::max(header.width, header.height);
    const int shorter = std::min(header.width, header.height);
    const double scale = static_cast<double>(side) / (options.pad ? longer : shorter);
    min_width = std::max(1, static_cast<int>(header.width * scale));
    min_height = std::max(1, static_cast<int>(header.height * scale));
  }
  ASSIGN_OR_RETURN(DecodedPicture picture, DecodeWhole(bytes, header, options.limits, min_width, min_height));
  return side == 0 ? std::move(picture.pixels) : FitSquare(picture.pixels, side, options.pad);
}

absl::StatusOr<std::string> EncodeImage(const Pixels& pixels, absl::string_view media_type, int quality,
                                        std::optional<absl::string_view> xmp) {
  InitImages();
  if (pixels.width <= 0 || pixels.height <= 0 || pixels.rgb.size() != std::size_t{3} * pixels.width * pixels.height) {
    return absl::InvalidArgumentError("EncodeImage: rgb is not width * height * 3 bytes");
  }
  if (quality < 1 || quality > 100) return absl::InvalidArgumentError("EncodeImage: quality is not in 1 to 100");
  VipsHandle memory(vips_image_new_from_memory(pixels.rgb.data(), pixels.rgb.size(), pixels.width, pixels.height, 3,
                                               VIPS_FORMAT_UCHAR));
  if (memory == nullptr) return VipsFailure("cannot encode");
  VipsImage* out = nullptr;
  if (vips_copy(memory.get(), &out, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr) != 0) {
    return VipsFailure("cannot encode");
  }
  VipsHandle image(out);
  const bool is_png = media_type == "image/png";
  if (xmp.has_value() && !is_png) vips_image_set_blob_copy(image.get(), VIPS_META_XMP_NAME, xmp->data(), xmp->size());

  void* buffer = nullptr;
  std::size_t size = 0;
  int failed = 0;
  if (media_type == "image/jpeg") {
    failed = vips_jpegsave_buffer(image.get(), &buffer, &size, "Q", quality, nullptr);
  } else if (is_png) {
    failed = vips_pngsave_buffer(image.get(), &buffer, &size, nullptr);
  } else if (media_type == "image/webp") {
    failed = vips_webpsave_buffer(image.get(), &buffer, &size, "Q", quality, nullptr);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("EncodeImage: ", media_type, " is neither image/jpeg, image/png nor image/webp"));
  }
  GlibBytes owned(buffer);
  if (failed != 0) return VipsFailure("cannot encode");
  const absl::string_view bytes(static_cast<const char*>(buffer), size);
  return is_png && xmp.has_value() ? WithPngXmp(bytes, *xmp) : std::string(bytes);
}

Pixels Sheet(const std::vector<Pixels>& images, int columns, int gap) {
  if (images.empty() || columns < 1) return {};
  const int count = static_cast<int>(images.size());
  columns = std::min(columns, count);
  const int rows = (count + columns - 1) / columns;
  const int cell_width = images[0].width;
  const int cell_height = images[0].height;
  Pixels sheet{columns * cell_width + (columns - 1) * gap, rows * cell_height + (rows - 1) * gap, {}};
  sheet.rgb.assign(std::size_t{3} * sheet.width * sheet.height, 255);
  for (int i = 0; i < count; ++i) {
    const int left = (i % columns) * (cell_width + gap);
    const int top = (i / columns) * (cell_height + gap);
    const int width = std::min(images[i].width, cell_width);
    const int height = std::min(images[i].height, cell_height);
    for (int y = 0; y < height; ++y) {
      std::memcpy(&sheet.rgb[std::size_t{3} * (top + y) * sheet.width + 3 * left],
                  &images[i].rgb[std::size_t{3} * y * images[i].width], std::size_t{3} * width);
    }
  }
  return sheet;
}

}  // namespace mannequin
