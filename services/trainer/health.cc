#include "services/trainer/health.h"

namespace mannequin {
namespace {

constexpr std::size_t kKept = 5;
constexpr double kSameImages = 0.02;

}  // namespace

void HealthMonitor::Add(const v1::TrainingPoint& point) {
  last_.push_back(point);
  if (last_.size() > kKept) last_.pop_front();
}

v1::TrainingHealth HealthMonitor::state() const {
  if (last_.empty()) return v1::TRAINING_HEALTH_HEALTHY;
  const v1::TrainingPoint& last = last_.back();
  if (!std::isfinite(last.loss_generator() + last.loss_discriminator())) return v1::TRAINING_HEALTH_DIVERGING;
  if (last_.size() == kKept && last.diversity() < kSameImages) return v1::TRAINING_HEALTH_COLLAPSED;
  return v1::TRAINING_HEALTH_HEALTHY;
}

}  // namespace mannequin
