// Scaling of 8-bit pixels, and the turns of EXIF.
#pragma once

#include "absl/status/statusor.h"
#include "common/image/image.h"

namespace mannequin {

// Triangle filter, widened when it shrinks so that every source pixel counts
// (bilinear with anti-aliasing). `width` and `height` at least 1; `pixels` not empty.
Pixels Resize(const Pixels& pixels, int width, int height);

// Lanczos filter of three lobes by libvips: sharper, and what enlarges best. For pictures
// that people look at; what networks read is scaled by Resize. As Resize otherwise;
// INTERNAL in libvips' words.
absl::StatusOr<Pixels> ResizeLanczos(const Pixels& pixels, int width, int height);

// Scaled to fit `side` by `side`, in the middle on white; or to cover it, with the
// overhang cut off equally at both ends.
Pixels FitSquare(const Pixels& pixels, int side, bool pad);

// What the EXIF orientation (1 to 8) asks for: turned and mirrored so that it is upright.
Pixels Upright(Pixels pixels, int orientation);

}  // namespace mannequin
