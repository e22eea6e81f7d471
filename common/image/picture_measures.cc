#include "common/image/picture_measures.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/status_macros.h"
#include "common/image/decode.h"
#include "common/image/jpeg_quality.h"
#include "common/image/resize.h"

namespace mannequin {
namespace {

constexpr int kBlock = 8;          // pixels: of JPEG
constexpr int kFewestBlocks = 16;  // along a side: in fewer, the picture's own edges look like a grid
// A strip may be this many times as long as it need be.
constexpr int kLongest = 4;

}  // namespace

absl::StatusOr<Pixels> DecodeForMeasures(absl::string_view bytes, const ImageHeader& header, int side) {
  InitImages();
  const int enough = std::max(kMeasuredSide, side);
  const int shorter = std::min(header.width, header.height);
  const double scale = std::min(1.0, double(enough) / shorter);
  ASSIGN_OR_RETURN(DecodedPicture picture,
                   DecodeWhole(bytes, header, {}, std::max(1, static_cast<int>(header.width * scale)),
                               std::max(1, static_cast<int>(header.height * scale))));
  Pixels& pixels = picture.pixels;
  // JPEG is decoded at under twice the size; other formats are as they were, and any may be a strip.
  double shrink = 1;
  if (std::min(pixels.width, pixels.height) >= 2 * enough)
    shrink = double(enough) / std::min(pixels.width, pixels.height);
  shrink = std::min(shrink, double(kLongest) * enough / std::max(pixels.width, pixels.height));
  if (shrink >= 1) return std::move(pixels);
  return Resize(pixels, std::max(1, static_cast<int>(std::lround(pixels.width * shrink))),
                std::max(1, static_cast<int>(std::lround(pixels.height * shrink))));
}

PictureMeasures ReadPictureMeasures(absl::string_view bytes, const ImageHeader& header, const Pixels& pixels) {
  PictureMeasures measures;
  measures.width = header.width;
  measures.height = header.height;
  // The header is of the picture as stored: EXIF may turn it by a quarter.
  if ((pixels.width > pixels.height) != (header.width > header.height) && pixels.width != pixels.height) {
    std::swap(measures.width, measures.height);
  }
  measures.bytes = static_cast<std::int64_t>(bytes.size());
  measures.media_type = header.media_type;
  measures.backdrop = ReadBackdrop(pixels);
  const GreyPixels grey = ToGrey(pixels);
  measures.edge_width = EdgeWidth(grey);
  measures.jpeg_quality = JpegQuality(bytes);
  const bool own_size = pixels.width == measures.width && pixels.height == measures.height;
  if (own_size && std::min(pixels.width, pixels.height) >= kFewestBlocks * kBlock) {
    measures.blockiness = Blockiness(grey, kBlock);
  }
  measures.seam = ClearestSeam(pixels, grey, measures.backdrop);
  return measures;
}

}  // namespace mannequin
