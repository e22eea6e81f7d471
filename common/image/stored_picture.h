// From fetched bytes to what a catalogue keeps: a picture that is whole, upright, sRGB and
// without metadata, its perceptual hash and its renditions, out of one decode.
//
//   ASSIGN_OR_RETURN(StoredPicture picture, MakeStoredPicture(std::move(body), {}));
//   if (!picture.not_available.empty()) ...  // it says that there is no picture, or nothing
//
// Not for pictures of our own: EncodeImage writes those as they are wanted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/image/image.h"

namespace mannequin {

struct StoredPictureOptions {
  ImageLimits limits;
  // The bytes are kept as they came, metadata included.
  bool keep_original = false;
  // Pixels, 1 to 65,500 each.
  std::vector<int> rendition_sides = {128};
};

struct StoredPicture {
  std::string data;
  std::string media_type;  // of `data`
  int width = 0;           // pixels of `data`
  int height = 0;
  std::uint64_t perceptual_hash = 0;

  struct Rendition {
    int side = 0;   // that neither side exceeds; a smaller picture is not enlarged
    int width = 0;  // pixels of `jpeg`
    int height = 0;
    std::string jpeg;  // quality 92, 4:2:0, upright, sRGB, no metadata
  };
  std::vector<Rendition> renditions;  // in the order of `rendition_sides`

  // Why this is no picture of a product (not_available.h); then there are neither `data`
  // nor renditions. Empty: it is one.
  std::string not_available;
};

// JPEG, PNG and WebP that are upright and sRGB keep their pixels bit for bit
// (strip.h). What is turned, of another colour space, GIF, AVIF or an animated WebP is
// encoded anew: PNG for GIF and PNG, else JPEG of quality 92; alpha goes over white then,
// and of an animation the first frame stays. A PNG that would be over `max_bytes` becomes
// JPEG. The mark of generated media survives. Errors as DecodeImage; INVALID_ARGUMENT also
// for a side of over 65,500 pixels that must be written as JPEG. Thread-safe.
absl::StatusOr<StoredPicture> MakeStoredPicture(std::string bytes, const StoredPictureOptions& options);

}  // namespace mannequin
