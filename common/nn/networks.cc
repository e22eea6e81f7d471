#include "common/nn/networks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/check_range.h"
#include "common/nn/residual_gan.h"
#include "common/nn/tacgan.h"

namespace mannequin {

int JudgeSide(int resolution) { return std::min(224, resolution / 16 * 28); }

absl::Status CheckShape(const GanShape& shape) {
  if (shape.preset != "tacgan" && shape.preset != "mannequin") {
    return absl::InvalidArgumentError(
        absl::StrCat("preset: \"", shape.preset, "\" is not known; there are \"mannequin\" and \"tacgan\""));
  }
  if (shape.resolution != 64 && shape.resolution != 128 && shape.resolution != 256) {
    return absl::InvalidArgumentError(absl::StrCat("resolution: ", shape.resolution, " is not 64, 128 or 256"));
  }
  for (const absl::Status& status :
       {CheckRange("features", shape.features, 8, 256), CheckRange("noise_dimension", shape.noise, 1, 1024),
        CheckRange("text dimension", shape.text, 1, 4096), CheckRange("categories", shape.categories, 2, 100'000)}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::shared_ptr<GeneratorNet> MakeGenerator(const GanShape& shape) {
  if (shape.preset == "tacgan") return std::make_shared<TacganGenerator>(shape);
  return std::make_shared<ResidualGenerator>(shape);
}

std::shared_ptr<DiscriminatorNet> MakeDiscriminator(const GanShape& shape) {
  if (shape.preset == "tacgan") return std::make_shared<TacganDiscriminator>(shape);
  return std::make_shared<ResidualDiscriminator>(shape);
}

}  // namespace mannequin
