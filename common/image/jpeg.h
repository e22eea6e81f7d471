// JPEG by libjpeg-turbo itself. Nearly every picture of a catalogue is one, libvips'
// pipeline costs several times the decoding of a small picture, and its scaled loading
// lets truncated data pass as grey rows.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/image/image.h"

namespace mannequin {

struct JpegPicture {
  Pixels pixels;         // as stored: orientation and profile not applied
  int orientation = 1;   // EXIF: 1 to 8
  std::string icc;       // embedded colour profile; empty: sRGB
  bool is_cmyk = false;  // then nothing is decoded: four channels are libvips' work
};

enum class JpegPrecision {
  kExact,
  // Levels are off by one or two and colours are not smoothed between pixels: for what is
  // made smaller before anybody sees it. A fifth faster.
  kDraft,
};

// Decodes all of it, at 1/1, 1/2, 1/4 or 1/8 of its size: the smallest at which both
// sides are still at least `min_width` and `min_height`; 0: full size.
// INVALID_ARGUMENT: truncated or corrupt, whatever a lenient decoder would make of it.
absl::StatusOr<JpegPicture> DecodeJpeg(absl::string_view bytes, int min_width, int min_height,
                                       JpegPrecision precision = JpegPrecision::kExact);

enum class JpegChroma {
  kFull,  // 4:4:4
  kHalf,  // 4:2:0: two thirds of the time and five sixths of the bytes for a thumbnail
};

// No metadata but `xmp` (at most 65,000 bytes; empty: none). `quality` 1 to 100.
// INVALID_ARGUMENT: a side of 0 or over 65,500 pixels.
absl::StatusOr<std::string> EncodeJpeg(const Pixels& pixels, int quality, JpegChroma chroma = JpegChroma::kFull,
                                       absl::string_view xmp = {});

}  // namespace mannequin
