#include "services/trainer/health.h"

namespace mannequin {
namespace {

constexpr std::size_t kKept = 5;  // entries, of some 10 steps each
constexpr std::int64_t kMinSteps = 100;
constexpr double kWonDiscriminator = 0.03;  // of a source loss summed over three kinds of pair
constexpr double kLostGenerator = 0.8;
constexpr double kSameImages = 0.02;  // deviation of pixels over a batch

}  // namespace

void HealthMonitor::Add(const StepLosses& losses) {
  steps_ += losses.steps;
  last_.push_back(losses);
  if (last_.size() > kKept) last_.pop_front();
}

double HealthMonitor::Mean(double StepLosses::*field) const {
  double sum = 0;
  for (const StepLosses& losses : last_) sum += losses.*field;
  return last_.empty() ? 0 : sum / static_cast<double>(last_.size());
}

v1::TrainingHealth HealthMonitor::state() const {
  if (!std::isfinite(generator() + discriminator())) return v1::TRAINING_HEALTH_DIVERGING;
  if (steps_ < kMinSteps || last_.size() < kKept) return v1::TRAINING_HEALTH_HEALTHY;
  if (Mean(&StepLosses::fake_deviation) < kSameImages) return v1::TRAINING_HEALTH_COLLAPSED;
  if (Mean(&StepLosses::discriminator_source) < kWonDiscriminator &&
      Mean(&StepLosses::generator_source) > kLostGenerator) {
    return v1::TRAINING_HEALTH_DIVERGING;
  }
  return v1::TRAINING_HEALTH_HEALTHY;
}

}  // namespace mannequin
