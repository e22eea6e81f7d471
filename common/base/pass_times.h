// How long a pass takes, from the passes that were: a straight line of seconds over the
// cost of a pass, in which older passes weigh less.
//
//   PassTimes times;
//   times.Observe(16, 0.021);
//   double seconds = times.Seconds(4);
#pragma once

#include <algorithm>

namespace mannequin {

// Belongs to one thread, or to one lock.
class PassTimes {
 public:
  void Observe(double cost, double seconds) {
    // A sum over some twenty passes: what slowed one of them is soon forgotten.
    for (double* sum : {&passes_, &costs_, &seconds_, &squares_, &products_}) *sum *= 0.95;
    passes_ += 1;
    costs_ += cost;
    seconds_ += seconds;
    squares_ += cost * cost;
    products_ += cost * seconds;
  }

  // 0 before the first pass.
  double Seconds(double cost) const {
    if (passes_ == 0) return 0;
    const double mean_cost = costs_ / passes_, mean_seconds = seconds_ / passes_;
    const double steepest = mean_seconds / mean_cost;  // a line through the origin
    const double spread = squares_ / passes_ - mean_cost * mean_cost;
    // Passes of one cost say nothing of the slope: then each unit costs the same.
    const double slope = spread > 1e-3 * mean_cost * mean_cost
                             ? std::clamp((products_ / passes_ - mean_cost * mean_seconds) / spread, 0.0, steepest)
                             : steepest;
    return mean_seconds + slope * (cost - mean_cost);
  }

 private:
  double passes_ = 0, costs_ = 0, seconds_ = 0, squares_ = 0, products_ = 0;
};

}  // namespace mannequin
