// Parts of ReadImageHeader. Only for the .cc files of this folder; the contract stands
// in image.h.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/image/image.h"

namespace mannequin {

inline absl::Status BrokenPicture(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("broken picture: ", what));
}

// Of bytes that begin with an `ftyp` box.
absl::StatusOr<ImageHeader> ReadAvifHeader(absl::string_view bytes, const ImageLimits& limits);

// Frames of an animation by its blocks, nothing decoded. At least 1, and at most one more
// than `limits.max_frames`: counting ends there. Of data that is cut: those until there.
int CountGifFrames(absl::string_view bytes, const ImageLimits& limits);
int CountPngFrames(absl::string_view bytes, const ImageLimits& limits);
int CountWebpFrames(absl::string_view bytes, const ImageLimits& limits);

}  // namespace mannequin
