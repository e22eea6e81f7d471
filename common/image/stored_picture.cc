#include "common/image/stored_picture.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/decode.h"
#include "common/image/generated_mark.h"
#include "common/image/jpeg.h"
#include "common/image/not_available.h"
#include "common/image/resize.h"
#include "common/image/strip.h"

namespace mannequin {
namespace {

constexpr int kQuality = 92;

struct Size {
  int width = 0;
  int height = 0;
};

// Of a picture made no larger than `side`, its shape kept.
Size Within(int side, int width, int height) {
  const int longer = std::max(width, height);
  if (longer <= side) return {width, height};
  const double scale = static_cast<double>(side) / longer;
  return {std::clamp(static_cast<int>(std::lround(width * scale)), 1, side),
          std::clamp(static_cast<int>(std::lround(height * scale)), 1, side)};
}

// `small` is `pixels` within kNotAvailableSide.
absl::StatusOr<StoredPicture::Rendition> MakeRendition(const Pixels& pixels, const Pixels& small, int side) {
  const Size size = Within(side, pixels.width, pixels.height);
  const auto is = [&](const Pixels& other) { return size.width == other.width && size.height == other.height; };
  StoredPicture::Rendition rendition;
  rendition.side = side;
  rendition.width = size.width;
  rendition.height = size.height;
  if (is(pixels) || is(small)) {
    ASSIGN_OR_RETURN(rendition.jpeg, EncodeJpeg(is(pixels) ? pixels : small, kQuality, JpegChroma::kHalf));
  } else {
    ASSIGN_OR_RETURN(rendition.jpeg, EncodeJpeg(Resize(pixels, size.width, size.height), kQuality, JpegChroma::kHalf));
  }
  return rendition;
}

absl::Status EncodeAnew(absl::string_view bytes, const ImageHeader& header, const Pixels& pixels,
                        const ImageLimits& limits, StoredPicture* picture) {
  const absl::string_view source = GeneratedSourceTypeOf(bytes);
  const std::string xmp = source.empty() ? "" : GeneratedMarkPacket(source);
  picture->width = pixels.width;
  picture->height = pixels.height;
  if (header.media_type == "image/gif" || header.media_type == "image/png") {
    ASSIGN_OR_RETURN(picture->data, EncodeImage(pixels, "image/png", 90,
                                                xmp.empty() ? std::nullopt : std::optional<absl::string_view>(xmp)));
    picture->media_type = "image/png";
    if (static_cast<std::int64_t>(picture->data.size()) <= limits.max_bytes) return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(picture->data, EncodeJpeg(pixels, kQuality, JpegChroma::kFull, xmp));
  picture->media_type = "image/jpeg";
  if (static_cast<std::int64_t>(picture->data.size()) <= limits.max_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("picture of ", picture->data.size(),
                                                   " bytes, encoded anew, is over max_bytes = ", limits.max_bytes));
}

}  // namespace

absl::StatusOr<StoredPicture> MakeStoredPicture(std::string bytes, const StoredPictureOptions& options) {
  InitImages();
  ASSIGN_OR_RETURN(const ImageHeader header, ReadImageHeader(bytes, options.limits));
  // A JPEG is decoded no larger and no better than its renditions and the looks at it need.
  int side = kNotAvailableSide;
  for (const int wanted : options.rendition_sides) side = std::max(side, wanted);
  const Size needed = Within(side, header.width, header.height);
  const bool shrinks = needed.width < header.width || needed.height < header.height;
  ASSIGN_OR_RETURN(DecodedPicture decoded, DecodeWhole(bytes, header, options.limits, needed.width, needed.height,
                                                       shrinks ? JpegPrecision::kDraft : JpegPrecision::kExact));

  StoredPicture picture;
  picture.media_type = header.media_type;
  picture.width = header.width;
  picture.height = header.height;
  const Size seen = Within(kNotAvailableSide, decoded.pixels.width, decoded.pixels.height);
  const Pixels small = Resize(decoded.pixels, seen.width, seen.height);
  picture.perceptual_hash = PerceptualHash(small);
  picture.not_available = WhyNotAvailable(small, header.width, header.height);
  if (!picture.not_available.empty()) return picture;
  for (const int wanted : options.rendition_sides) {
    ASSIGN_OR_RETURN(StoredPicture::Rendition rendition, MakeRendition(decoded.pixels, small, wanted));
    picture.renditions.push_back(std::move(rendition));
  }
  if (options.keep_original) {
    picture.data = std::move(bytes);
    return picture;
  }
  const bool stays = decoded.upright_srgb && header.media_type != "image/gif" && header.media_type != "image/avif" &&
                     (header.media_type == "image/png" || header.frames == 1);
  if (stays) {
    // By copy only where something goes: a frame that cannot be read falls through.
    bool cut_behind = false;
    absl::StatusOr<std::string> stripped = WithoutMetadata(bytes, header.media_type, &cut_behind);
    if (stripped.ok()) {
      if (cut_behind) RETURN_IF_ERROR(DecodeWhole(*stripped, header, options.limits).status());
      picture.data = *std::move(stripped);
      return picture;
    }
  }
  if (header.media_type == "image/jpeg" && shrinks) {
    ASSIGN_OR_RETURN(decoded, DecodeWhole(bytes, header, options.limits));
  }
  RETURN_IF_ERROR(EncodeAnew(bytes, header, decoded.pixels, options.limits, &picture));
  return picture;
}

}  // namespace mannequin
