// What a step's learning rate is of the training's.
#pragma once

#include <cstdint>

#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {

struct RateSchedule {
  v1::LearningRateSchedule schedule = v1::LEARNING_RATE_SCHEDULE_CONSTANT;
  std::int64_t steps = 1;
  // First step at the full resolution; 0 when the training does not grow. The new layers
  // have no history: from a tenth, the rate comes back over kGrowthRamp steps.
  std::int64_t grows_at = 0;
};

inline constexpr std::int64_t kGrowthRamp = 200;

// In (0, 1]; depends on nothing but its arguments, so that a resumed training goes on with it.
double RateFactor(const RateSchedule& schedule, std::int64_t step);

}  // namespace mannequin
