// A file that is part of the program, by mannequin_embed of cmake/Targets.cmake.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"

namespace mannequin {

struct EmbeddedFile {
  absl::string_view name;  // without a folder
  absl::string_view bytes;
};

}  // namespace mannequin
