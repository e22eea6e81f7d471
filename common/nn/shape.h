// The sizes that make a GAN of a preset: known without torch.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mannequin {

struct GanShape {
  int resolution = 128;  // pixels of a side R: 64 or 128
  int features = 64;     // maps of the narrowest layer, nf: 8 to 256
  int noise = 100;       // components of the noise Z
  int text = 100;        // components of a text vector T
  int categories = 0;    // K, at least 2
};

// INVALID_ARGUMENT naming the field and its bound, or the unknown preset.
absl::Status CheckShape(absl::string_view preset, const GanShape& shape);

}  // namespace mannequin
