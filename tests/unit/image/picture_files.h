// Encoded pictures that EncodeImage does not write, for tests: other formats, metadata,
// animations, and frames that are broken on purpose.
#pragma once

#include <vips/vips.h>

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/image/image.h"

namespace mannequin {

// Smooth, with different colours in each corner, so that turns and losses are seen.
Pixels TestGradient(int width, int height);
// The same with fine detail, so that the data is long enough to be cut anywhere.
Pixels TestTexture(int width, int height);

// Mean of the absolute differences of all channels; 1e9 for other sizes.
double MeanDifference(const Pixels& a, const Pixels& b);

// By libvips with `suffix` as in vips_image_write_to_buffer, e.g. ".avif[Q=80]"; `change` makes another
// image of the one that is given, or is empty.
std::string EncodeByVips(const Pixels& pixels, const std::string& suffix,
                         const std::function<VipsImage*(VipsImage*)>& change = nullptr);

// An animation of `frames` small frames.
std::string AnimatedGif(int frames);
std::string AnimatedWebp(int frames);
// A PNG with acTL, and fcTL and fdAT for each frame, before and behind its data.
std::string AnimatedPng(const Pixels& first, int frames);

// A PNG of one bit a pixel, all 0: large sides in few bytes.
std::string FlatPng(int width, int height);

// `png` with the chunk in front of its first IDAT.
std::string WithPngChunk(absl::string_view png, absl::string_view type, absl::string_view content);
// `jpeg` with the segment (marker 0xff `marker`) behind its SOI.
std::string WithJpegSegment(absl::string_view jpeg, int marker, absl::string_view content);
// EXIF of nothing but an orientation, with its "Exif" header.
std::string ExifOrientation(int orientation);

}  // namespace mannequin
