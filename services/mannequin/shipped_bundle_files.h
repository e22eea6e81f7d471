// Generated from the files of services/mannequin/shipped_bundle by embed_bundle.cmake.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"

namespace mannequin {

struct ShippedFile {
  const char* name;  // in the bundle's folder
  absl::string_view bytes;
};

// The manifest among them.
const std::vector<ShippedFile>& ShippedFiles();

}  // namespace mannequin
