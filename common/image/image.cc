#include "common/image/image.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "absl/strings/match.h"
#include "common/base/status_macros.h"
#include "common/image/jpeg.h"
#include "common/image/resize.h"
#include "common/image/vips_handle.h"

namespace mannequin {
namespace {

constexpr double kWhite = 255;

struct VipsArrayFree {
  void operator()(VipsArrayDouble* array) const { vips_area_unref(VIPS_AREA(array)); }
};
using VipsDoubles = std::unique_ptr<VipsArrayDouble, VipsArrayFree>;

// Three bands of 8-bit sRGB: embedded profile applied, alpha over white.
absl::StatusOr<VipsHandle> ToSrgb(VipsHandle image) {
  VipsImage* out = nullptr;
  const bool profiled = vips_image_get_typeof(image.get(), VIPS_META_ICC_NAME) != 0;
  // A broken profile must not cost the picture: without it the colours are a guess, as
  // in any browser.
  if (profiled && vips_icc_transform(image.get(), &out, "srgb", "embedded", TRUE, nullptr) == 0) {
    image.reset(out);
  } else {
    vips_error_clear();
  }
  if (vips_image_get_interpretation(image.get()) != VIPS_INTERPRETATION_sRGB) {
    if (vips_colourspace(image.get(), &out, VIPS_INTERPRETATION_sRGB, nullptr) != 0) {
      return VipsFailure("cannot convert the picture to sRGB");
    }
    image.reset(out);
  }
  if (vips_image_hasalpha(image.get())) {
    VipsDoubles white(vips_array_double_newv(1, kWhite));
    if (vips_flatten(image.get(), &out, "background", white.get(), nullptr) != 0) {
      return VipsFailure("cannot lay the picture over white");
    }
    image.reset(out);
  }
  if (vips_image_get_format(image.get()) != VIPS_FORMAT_UCHAR) {
    if (vips_cast_uchar(image.get(), &out, nullptr) != 0) return VipsFailure("cannot convert the picture to 8 bits");
    image.reset(out);
  }
  if (vips_image_get_bands(image.get()) != 3) return absl::InvalidArgumentError("broken picture: not three bands");
  return image;
}

// Runs the pipeline: this is where the picture is decoded.
absl::StatusOr<Pixels> ToPixels(VipsImage* image) {
  std::size_t size = 0;
  GlibBytes memory(vips_image_write_to_memory(image, &size));
  if (memory == nullptr) return VipsFailure("broken picture");
  Pixels pixels{vips_image_get_width(image), vips_image_get_height(image), {}};
  const auto* begin = static_cast<const std::uint8_t*>(memory.get());
  pixels.rgb.assign(begin, begin + size);
  return pixels;
}

// A profile that says what is assumed anyway needs no transform: most embedded ones do.
bool IsSrgb(absl::string_view icc) {
  return icc.empty() || absl::StrContains(icc, "sRGB") || absl::StrContains(icc, absl::string_view("s\0R\0G\0B", 7));
}

// From the embedded profile `icc` to sRGB; as it is when the profile makes no sense.
Pixels FromProfile(Pixels pixels, absl::string_view icc) {
  if (IsSrgb(icc)) return pixels;
  VipsHandle image(vips_image_new_from_memory(pixels.rgb.data(), pixels.rgb.size(), pixels.width, pixels.height, 3,
                                              VIPS_FORMAT_UCHAR));
  if (image == nullptr) return pixels;
  vips_image_set_blob_copy(image.get(), VIPS_META_ICC_NAME, icc.data(), icc.size());
  image->Type = VIPS_INTERPRETATION_sRGB;
  absl::StatusOr<VipsHandle> converted = ToSrgb(std::move(image));
  if (!converted.ok()) return pixels;
  absl::StatusOr<Pixels> out = ToPixels(converted->get());
  return out.ok() ? *std::move(out) : pixels;
}

// All formats, whole, by libvips.
absl::StatusOr<Pixels> DecodeByVips(absl::string_view bytes, const ImageLimits& limits) {
  VipsHandle image(vips_image_new_from_buffer(bytes.data(), bytes.size(), "", "access", VIPS_ACCESS_SEQUENTIAL,
                                              "fail_on", VIPS_FAIL_ON_WARNING, nullptr));
  if (image == nullptr) return VipsFailure("broken picture");
  // A GIF's frame may be larger than the screen that its header declares.
  if (std::int64_t{vips_image_get_width(image.get())} * vips_image_get_height(image.get()) > limits.max_pixels) {
    return absl::ResourceExhaustedError(absl::StrCat("picture is over max_pixels = ", limits.max_pixels));
  }
  const int orientation = vips_image_get_orientation(image.get());
  ASSIGN_OR_RETURN(image, ToSrgb(std::move(image)));
  ASSIGN_OR_RETURN(Pixels pixels, ToPixels(image.get()));
  return Upright(std::move(pixels), orientation);
}

absl::StatusOr<Pixels> DecodeByJpeg(absl::string_view bytes, int min_width, int min_height, const ImageLimits& limits) {
  ASSIGN_OR_RETURN(JpegPicture picture, DecodeJpeg(bytes, min_width, min_height));
  if (picture.is_cmyk) return DecodeByVips(bytes, limits);
  return Upright(FromProfile(std::move(picture.pixels), picture.icc), picture.orientation);
}

// `png` with an XMP packet in front of its other chunks, where readers look first: an
// uncompressed iTXt chunk (PNG 11.3.3.4) of the keyword that XMP's part 3 names. libvips
// drops the packet when libspng writes for it.
std::string WithPngXmp(absl::string_view png, absl::string_view xmp) {
  constexpr std::size_t kAfterIhdr = 33;
  constexpr absl::string_view kKeyword("XML:com.adobe.xmp\0\0\0\0\0", 22);
  const auto big32 = [](std::uint32_t value) {
    return std::string{static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
                       static_cast<char>(value)};
  };
  const std::string body = absl::StrCat("iTXt", kKeyword, xmp);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return absl::StrCat(png.substr(0, kAfterIhdr), big32(static_cast<std::uint32_t>(body.size() - 4)), body,
                      big32(static_cast<std::uint32_t>(crc)), png.substr(kAfterIhdr));
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
  if (header.media_type != "image/jpeg") {
    ASSIGN_OR_RETURN(Pixels pixels, DecodeByVips(bytes, options.limits));
    return side == 0 ? pixels : FitSquare(pixels, side, options.pad);
  }
  // The size that the picture is scaled to: its JPEG is loaded no larger than needed.
  int min_width = 0;
  int min_height = 0;
  if (side > 0) {
    const int longer = std::max(header.width, header.height);
    const int shorter = std::min(header.width, header.height);
    const double scale = static_cast<double>(side) / (options.pad ? longer : shorter);
    min_width = std::max(1, static_cast<int>(header.width * scale));
    min_height = std::max(1, static_cast<int>(header.height * scale));
  }
  ASSIGN_OR_RETURN(Pixels pixels, DecodeByJpeg(bytes, min_width, min_height, options.limits));
  return side == 0 ? pixels : FitSquare(pixels, side, options.pad);
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

absl::StatusOr<Pixels> RenderSvg(absl::string_view svg) {
  InitImages();
  VipsImage* out = nullptr;
  if (vips_svgload_buffer(const_cast<char*>(svg.data()), svg.size(), &out, nullptr) != 0) {
    return VipsFailure("broken SVG");
  }
  ASSIGN_OR_RETURN(VipsHandle image, ToSrgb(VipsHandle(out)));
  return ToPixels(image.get());
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
