// With which quality a JPEG was written, by its quantisation tables.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"

namespace mannequin {

// 1 to 100 on the scale of the Independent JPEG Group's library, which most programs use: the quality at which that
// library's table for brightness is nearest to the file's. Other makers' tables get the nearest number too. Nothing
// when `bytes` are no JPEG or hold no such table.
std::optional<int> JpegQuality(absl::string_view bytes);

}  // namespace mannequin
