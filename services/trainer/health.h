// Tells a good training from a bad one by its losses, as the prototype's author did by
// eye. Good: the losses of generator and discriminator wobble and fall together. Bad:
// the discriminator's goes to zero while the generator's stays high; or all generated
// images become one.
#pragma once

#include <cmath>
#include <deque>

#include "mannequin/v1/gan_trainer.pb.h"
#include "services/trainer/gan_training.h"

namespace mannequin {

// Over the last 50 steps or so. Not thread-safe.
class HealthMonitor {
 public:
  void Add(const StepLosses& losses);
  double generator() const { return Mean(&StepLosses::generator); }
  double discriminator() const { return Mean(&StepLosses::discriminator); }
  // DIVERGING also when a loss is not a number. HEALTHY while there is too little to say.
  v1::TrainingHealth state() const;

 private:
  double Mean(double StepLosses::*field) const;

  std::deque<StepLosses> last_;
  std::int64_t steps_ = 0;
};

}  // namespace mannequin
