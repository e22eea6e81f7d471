#include "services/trainer/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mannequin {
namespace {

constexpr double kRest = 0.1;  // of the rate, where a cosine ends and a ramp begins

}  // namespace

double RateFactor(const RateSchedule& schedule, std::int64_t step) {
  double factor = 1;
  if (schedule.schedule == v1::LEARNING_RATE_SCHEDULE_COSINE) {
    const double done = std::clamp(static_cast<double>(step) / static_cast<double>(schedule.steps), 0.0, 1.0);
    factor = kRest + (1 - kRest) * (1 + std::cos(std::numbers::pi * done)) / 2;
  }
  if (schedule.grows_at > 0 && step >= schedule.grows_at) {
    const double back = static_cast<double>(step - schedule.grows_at) / static_cast<double>(kGrowthRamp);
    factor *= std::min(1.0, kRest + (1 - kRest) * back);
  }
  return factor;
}

}  // namespace mannequin
