// What a picture is like, measured without a network: size, file, background, product, blur, compression, seams.
//
//   ASSIGN_OR_RETURN(const Pixels pixels, DecodeForMeasures(bytes, header, 128));
//   const PictureMeasures measures = ReadPictureMeasures(bytes, header, pixels);
//
// Made to cost a fraction of the decoding. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/image/backdrop.h"
#include "common/image/defects.h"
#include "common/image/image.h"

namespace mannequin {

struct PictureMeasures {
  int width = 0;  // pixels, upright
  int height = 0;
  std::int64_t bytes = 0;
  std::string media_type;
  Backdrop backdrop;
  // Pixels, at the size that DecodeForMeasures gives: a picture that is sharp at half its size is not blurred.
  std::optional<double> edge_width;
  // Of a JPEG.
  std::optional<int> jpeg_quality;
  // Of a picture that was measured at its own size, which scaling would hide, and is no thumbnail (128 pixels).
  std::optional<double> blockiness;
  Seam seam;
};

// The shorter side, in pixels, that is enough to measure.
inline constexpr int kMeasuredSide = 400;

// The picture upright in sRGB, no larger than needed so that its shorter side has kMeasuredSide and `side` pixels, or
// its own. `header` is ReadImageHeader's of the same bytes. Errors as DecodeImage.
absl::StatusOr<Pixels> DecodeForMeasures(absl::string_view bytes, const ImageHeader& header, int side);

// `pixels` are DecodeForMeasures' of the same bytes.
PictureMeasures ReadPictureMeasures(absl::string_view bytes, const ImageHeader& header, const Pixels& pixels);

}  // namespace mannequin
