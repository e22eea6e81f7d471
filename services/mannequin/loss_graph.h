// A picture of how a training goes: the losses, what the discriminator told right, and
// where the training was not healthy.
//
//   ASSIGN_OR_RETURN(std::string png, LossGraph(points, {.title = "Training job-01...", .subtitle = "running"}));
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {

struct LossGraphOptions {
  std::string title, subtitle;  // UTF-8
  int width = 1200;             // pixels, 600 to 4,000
  int height = 700;             // 400 to 4,000
};

// Stretches of points that say the same of a health other than HEALTHY.
struct Unhealthy {
  v1::TrainingHealth health = v1::TRAINING_HEALTH_UNSPECIFIED;
  std::int64_t from = 0, to = 0;  // steps of its first and last point
  std::string reason;             // the last point's
};
std::vector<Unhealthy> UnhealthyStretches(const std::vector<v1::TrainingPoint>& points);
// "DIVERGING".
std::string HealthName(v1::TrainingHealth health);

// A PNG. Each loss is a line that is smoothed, over a faint one that is not; the axis is
// logarithmic where the losses span more than a factor of 30. A loss that is not a number
// leaves a gap; so does going back to an earlier step. Unhealthy stretches are coloured,
// and the last three told below with their reasons. INVALID_ARGUMENT for no points or a size out of
// bounds.
absl::StatusOr<std::string> LossGraph(const std::vector<v1::TrainingPoint>& points, const LossGraphOptions& options);

}  // namespace mannequin
