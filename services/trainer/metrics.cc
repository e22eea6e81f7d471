#include "services/trainer/metrics.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "common/rpc/metrics.h"
#include "prometheus/gauge.h"

namespace mannequin {
namespace {

using Family = prometheus::Family<prometheus::Gauge>;

Family& Make(const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*rpc::MetricsRegistry());
}

struct Families {
  Family& loss = Make("mannequin_trainer_loss", "Mean of the last 50 steps");
  Family& step = Make("mannequin_trainer_step", "Steps done");
  Family& rate = Make("mannequin_trainer_images_per_second", "Real images a second, end to end");
  Family& wait = Make("mannequin_trainer_data_wait", "Share of a step spent waiting for data");
  Family& unhealthy = Make("mannequin_trainer_unhealthy", "1 for the state that a training is in, other than healthy");
  Family& restarts = Make("mannequin_trainer_restarts", "Processes that died and were started anew");
  Family& memory = Make("mannequin_trainer_peak_memory_bytes", "Of the training's processes together, at most so far");
};

Families& All() {
  static auto& families = *new Families;
  return families;
}

}  // namespace

struct TrainingMetrics::Series {
  explicit Series(std::string id) : job(std::move(id)) {
    for (const auto health :
         {v1::TRAINING_HEALTH_STALLED, v1::TRAINING_HEALTH_DIVERGING, v1::TRAINING_HEALTH_COLLAPSED}) {
      const std::string name =
          absl::AsciiStrToLower(absl::StripPrefix(v1::TrainingHealth_Name(health), "TRAINING_HEALTH_"));
      unhealthy[health] = &Add(All().unhealthy, {{"job", job}, {"health", name}});
    }
  }
  ~Series() {
    for (const auto& [family, gauge] : added) family->Remove(gauge);
  }
  prometheus::Gauge& Add(Family& family, const prometheus::Labels& labels) {
    prometheus::Gauge& gauge = family.Add(labels);
    added.emplace_back(&family, &gauge);
    return gauge;
  }

  const std::string job;
  std::vector<std::pair<Family*, prometheus::Gauge*>> added;
  prometheus::Gauge& generator = Add(All().loss, {{"job", job}, {"network", "generator"}});
  prometheus::Gauge& discriminator = Add(All().loss, {{"job", job}, {"network", "discriminator"}});
  prometheus::Gauge& step = Add(All().step, {{"job", job}});
  prometheus::Gauge& rate = Add(All().rate, {{"job", job}});
  prometheus::Gauge& wait = Add(All().wait, {{"job", job}});
  prometheus::Gauge& restarts = Add(All().restarts, {{"job", job}});
  prometheus::Gauge& memory = Add(All().memory, {{"job", job}});
  std::map<v1::TrainingHealth, prometheus::Gauge*> unhealthy;
};

TrainingMetrics::TrainingMetrics(const std::string& job_id) : series_(std::make_unique<Series>(job_id)) {}
TrainingMetrics::~TrainingMetrics() = default;

void TrainingMetrics::Set(const v1::TrainingProgress& progress) {
  Series& s = *series_;
  s.generator.Set(progress.loss_generator());
  s.discriminator.Set(progress.loss_discriminator());
  s.step.Set(static_cast<double>(progress.step()));
  s.rate.Set(progress.images_per_second());
  s.wait.Set(progress.data_wait());
  s.restarts.Set(progress.restarts());
  s.memory.Set(static_cast<double>(progress.peak_memory_bytes()));
  for (const auto& [health, gauge] : s.unhealthy) gauge->Set(health == progress.health() ? 1 : 0);
}

}  // namespace mannequin
