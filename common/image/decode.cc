#include "common/image/decode.h"

#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/jpeg.h"
#include "common/image/resize.h"
#include "common/image/svg_text_lock.h"
#include "common/image/vips_handle.h"

namespace mannequin {
namespace {

constexpr double kWhite = 255;

struct VipsArrayFree {
  void operator()(VipsArrayDouble* array) const { vips_area_unref(VIPS_AREA(array)); }
};
using VipsDoubles = std::unique_ptr<VipsArrayDouble, VipsArrayFree>;

// A profile that says what is assumed anyway needs no transform: most embedded ones do.
bool IsSrgb(absl::string_view icc) {
  return icc.empty() || absl::StrContains(icc, "sRGB") || absl::StrContains(icc, absl::string_view("s\0R\0G\0B", 7));
}

// Has it a profile that must be applied?
bool HasForeignProfile(VipsImage* image) {
  if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0) return false;
  const void* icc = nullptr;
  std::size_t size = 0;
  if (vips_image_get_blob(image, VIPS_META_ICC_NAME, &icc, &size) != 0) return true;
  return !IsSrgb({static_cast<const char*>(icc), size});
}

// Three bands of 8-bit sRGB: embedded profile applied, alpha over white.
absl::StatusOr<VipsHandle> ToSrgb(VipsHandle image) {
  VipsImage* out = nullptr;
  const bool profiled = HasForeignProfile(image.get());
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

// Of any loader that reads AVIF; libheif may still have no decoder for it.
bool HasAvifLoader() {
  static const bool has = vips_type_find("VipsForeignLoad", "heifload_buffer") != 0;
  return has;
}

// AVIF's container may hold other codecs than its name says.
absl::Status CheckAv1(VipsImage* image) {
  const char* codec = nullptr;
  if (vips_image_get_typeof(image, "heif-compression") == 0 ||
      vips_image_get_string(image, "heif-compression", &codec) != 0 || absl::string_view(codec) == "av1") {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("not a picture that is taken: AVIF of ", codec, " pixels"));
}

// All formats, whole, by libvips.
absl::StatusOr<DecodedPicture> DecodeByVips(absl::string_view bytes, const ImageHeader& header,
                                            const ImageLimits& limits) {
  const bool avif = header.media_type == "image/avif";
  if (avif && !HasAvifLoader()) {
    return absl::InvalidArgumentError("AVIF is not supported here: this libvips has no loader for it (libheif)");
  }
  VipsHandle image(vips_image_new_from_buffer(bytes.data(), bytes.size(), "", "access", VIPS_ACCESS_SEQUENTIAL,
                                              "fail_on", VIPS_FAIL_ON_WARNING, nullptr));
  if (image == nullptr) return VipsFailure("broken picture");
  if (avif) RETURN_IF_ERROR(CheckAv1(image.get()));
  // A GIF's frame may be larger than the screen that its header declares.
  if (std::int64_t{vips_image_get_width(image.get())} * vips_image_get_height(image.get()) > limits.max_pixels) {
    return absl::ResourceExhaustedError(absl::StrCat("picture is over max_pixels = ", limits.max_pixels));
  }
  const int orientation = vips_image_get_orientation(image.get());
  DecodedPicture picture;
  picture.upright_srgb = orientation <= 1 && image->Type != VIPS_INTERPRETATION_CMYK && !HasForeignProfile(image.get());
  ASSIGN_OR_RETURN(image, ToSrgb(std::move(image)));
  ASSIGN_OR_RETURN(Pixels pixels, ToPixels(image.get()));
  picture.pixels = Upright(std::move(pixels), orientation);
  return picture;
}

absl::StatusOr<DecodedPicture> DecodeByJpeg(absl::string_view bytes, const ImageHeader& header,
                                            const ImageLimits& limits, int min_width, int min_height,
                                            JpegPrecision precision) {
  ASSIGN_OR_RETURN(JpegPicture picture, DecodeJpeg(bytes, min_width, min_height, precision));
  if (picture.is_cmyk) return DecodeByVips(bytes, header, limits);
  const bool as_is = picture.orientation == 1 && IsSrgb(picture.icc);
  return DecodedPicture{Upright(FromProfile(std::move(picture.pixels), picture.icc), picture.orientation), as_is};
}

}  // namespace

absl::StatusOr<DecodedPicture> DecodeWhole(absl::string_view bytes, const ImageHeader& header,
                                           const ImageLimits& limits, int min_width, int min_height,
                                           JpegPrecision precision) {
  if (header.media_type == "image/jpeg") return DecodeByJpeg(bytes, header, limits, min_width, min_height, precision);
  return DecodeByVips(bytes, header, limits);
}

absl::StatusOr<Pixels> RenderSvg(absl::string_view svg) {
  InitImages();
  absl::MutexLockMaybe lock(SvgTextMutex(svg));
  VipsImage* out = nullptr;
  if (vips_svgload_buffer(const_cast<char*>(svg.data()), svg.size(), &out, nullptr) != 0) {
    return VipsFailure("broken SVG");
  }
  ASSIGN_OR_RETURN(VipsHandle image, ToSrgb(VipsHandle(out)));
  return ToPixels(image.get());
}

}  // namespace mannequin
