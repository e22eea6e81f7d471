// Tells a good training from a bad one by its losses, as the prototype's author did by
// eye. Good: the losses of generator and discriminator wobble and fall together. Bad:
// the discriminator's goes to zero while the generator's stays high; or all generated
// images become one.
#pragma once

#include <cmath>
#include <deque>

#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {

// Over the last 50 steps or so. Not thread-safe.
class HealthMonitor {
 public:
  void Add(const v1::TrainingPoint& losses);
  // DIVERGING also when a loss is not a number. HEALTHY while there is too little to say.
  v1::TrainingHealth state() const;

 private:
  std::deque<v1::TrainingPoint> last_;
};

}  // namespace mannequin
