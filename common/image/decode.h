// The one way from encoded bytes to upright sRGB. Only for the .cc files of this folder.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/image/image.h"
#include "common/image/jpeg.h"

namespace mannequin {

struct DecodedPicture {
  Pixels pixels;  // upright, sRGB
  // The encoded pixels are so too: nothing had to be turned or converted. (Grey, 16 bits
  // and alpha count as sRGB; CMYK does not.)
  bool upright_srgb = true;
};

// `header` is ReadImageHeader's of the same bytes. JPEG is decoded at the smallest of 1/1,
// 1/2, 1/4 and 1/8 of its size that has `min_width` and `min_height` (of the stored
// picture) and with that precision; 0: full size. Other formats are decoded at their size.
// Errors as DecodeImage.
absl::StatusOr<DecodedPicture> DecodeWhole(absl::string_view bytes, const ImageHeader& header,
                                           const ImageLimits& limits, int min_width = 0, int min_height = 0,
                                           JpegPrecision precision = JpegPrecision::kExact);

}  // namespace mannequin
