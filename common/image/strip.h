// Takes the metadata out of an encoded picture and leaves its pixels bit for bit.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// Of JPEG, PNG or WebP (`media_type`) that decodes, is upright and sRGB:
//   JPEG  loses APPn but JFIF (without its thumbnail) and Adobe, COM, and all behind the
//         end of the picture
//   PNG   loses all ancillary chunks but those that say how its pixels are to be shown, an
//         sRGB profile (an sRGB chunk takes its place), the further frames of an APNG, and
//         all behind its end
//   WebP  loses all chunks but its pixels and alpha, and all behind its end
// An XMP packet that says that a network drew the picture stays (generated_mark.h).
// INVALID_ARGUMENT: the format's frame is broken, or the WebP is an animation.
// `cut_behind`, when given, says whether something went that stood behind the first pixels of
// a JPEG: libjpeg-turbo takes some broken data for whole only while enough bytes follow.
absl::StatusOr<std::string> WithoutMetadata(std::string bytes, absl::string_view media_type,
                                            bool* cut_behind = nullptr);

}  // namespace mannequin
