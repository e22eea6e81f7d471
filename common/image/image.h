// Pictures in and out, by libvips and libjpeg-turbo: untrusted bytes to pixels and pixels
// to bytes.
//
//   ASSIGN_OR_RETURN(Pixels pixels, DecodeImage(bytes, {.resize_to = 128}));
//
// Everything here is thread-safe. libvips starts with the first call; a process that
// wants other than one thread a picture calls InitImages() first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// 8-bit sRGB, interleaved: rgb[(y * width + x) * 3 + channel]. Shape [H, W, 3].
struct Pixels {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;
};

struct ImageHeader {
  int width = 0;  // pixels, as stored (EXIF orientation not applied)
  int height = 0;
  std::string media_type;  // "image/jpeg", "image/png", "image/webp", "image/gif" or "image/avif"
  int frames = 1;          // of an animation (GIF, WebP, APNG, AVIF sequence)
};

struct ImageLimits {
  std::int64_t max_bytes = 16 << 20;
  std::int64_t max_pixels = 50'000'000;
  int max_frames = 256;
};

struct DecodeOptions {
  ImageLimits limits;
  // Scales (shrinking while it loads where the format can) so that the picture covers
  // a square of this side, then crops its middle or, with `pad`, so that it fits, on
  // white. 0: as it is.
  int resize_to = 0;
  bool pad = true;
};

// Only the first call in a process counts. `threads` per picture (1 is best when many
// pictures are decoded at once). Turns libvips' untrusted loaders and its cache off.
void InitImages(int threads = 1);

// Reads headers and the lengths of blocks; decodes nothing. INVALID_ARGUMENT: not JPEG,
// PNG, WebP, GIF or AVIF (HEIC is not), or no sound header; RESOURCE_EXHAUSTED: over a
// limit, named.
absl::StatusOr<ImageHeader> ReadImageHeader(absl::string_view bytes, const ImageLimits& limits = {});

// Decodes the whole picture: EXIF orientation applied, to sRGB, alpha over white, first
// frame of an animation. Truncated or broken data is INVALID_ARGUMENT, never grey rows;
// so is AVIF where libvips has no loader for it.
absl::StatusOr<Pixels> DecodeImage(absl::string_view bytes, const DecodeOptions& options = {});

// `media_type` as in ImageHeader (GIF and AVIF excepted). `quality` 1 to 100 for JPEG and WebP.
// `xmp`, when given, is embedded as the picture's XMP packet.
absl::StatusOr<std::string> EncodeImage(const Pixels& pixels, absl::string_view media_type, int quality = 90,
                                        std::optional<absl::string_view> xmp = std::nullopt);

// Rasterises an SVG document at its own size.
absl::StatusOr<Pixels> RenderSvg(absl::string_view svg);

// Difference hash (dHash): 64 bits that say which of two neighbouring cells of a 9x8 grid
// is darker. Near-duplicates differ in few bits: compare by the count of differing bits,
// under about 10 for the same picture scaled or recompressed. 0 for an empty picture.
std::uint64_t PerceptualHash(const Pixels& pixels);

// `images` of one size in rows of `columns`, `gap` white pixels apart.
Pixels Sheet(const std::vector<Pixels>& images, int columns, int gap = 4);

}  // namespace mannequin
