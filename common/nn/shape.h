// The sizes that make a GAN: known without torch.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace mannequin {

struct GanShape {
  // Architecture: "tacgan", the prototype's (tacgan.h), or "mannequin" (residual_gan.h).
  std::string preset = "tacgan";
  int resolution = 128;  // pixels of a side R: 64, 128 or 256
  int features = 64;     // maps of the narrowest layer, nf: 8 to 256
  int noise = 100;       // components of the noise Z
  int text = 100;        // components of a text vector T
  int categories = 0;    // K, at least 2
};

// Side of the cells of a judge's overlay map (judge_net.h), pixels.
inline constexpr int kJudgeCell = 16;

// Pixels of the side that a judge sees beside a generator of `resolution`: 7/8 of twice that,
// but 224 at most. A multiple of kJudgeCell.
int JudgeSide(int resolution);

// INVALID_ARGUMENT naming the field and its bound, or the unknown preset.
absl::Status CheckShape(const GanShape& shape);

}  // namespace mannequin
