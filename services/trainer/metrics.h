// What a training says of itself, for Prometheus, while it runs:
//
//   mannequin_trainer_loss{job,network}         gauge; mean of the last 50 steps
//   mannequin_trainer_step{job}                 gauge
//   mannequin_trainer_images_per_second{job}    gauge
//   mannequin_trainer_data_wait{job}            gauge; share of a step, 0 to 1
//   mannequin_trainer_unhealthy{job,health}     gauge; 1 for the state that is so, else 0
//   mannequin_trainer_restarts{job}             gauge; processes started anew
//   mannequin_trainer_peak_memory_bytes{job}    gauge; of its processes together
#pragma once

#include <memory>
#include <string>

#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {

// One training's series, which go with it. Belongs to one thread.
class TrainingMetrics {
 public:
  explicit TrainingMetrics(const std::string& job_id);
  ~TrainingMetrics();
  void Set(const v1::TrainingProgress& progress);

 private:
  struct Series;
  const std::unique_ptr<Series> series_;
};

}  // namespace mannequin
