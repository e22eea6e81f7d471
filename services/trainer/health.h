// Tells a good training from a bad one by its curves, as one does by eye.
//
//   HealthMonitor health;
//   health.Add(point);
//   if (health.state() != v1::TRAINING_HEALTH_HEALTHY) Warn(health.reason());
//
// In a good training the losses wobble and fall, the discriminator tells some images wrong,
// and generated images differ from each other. A bad one is
//
//   DIVERGING   a figure is not a number; or a loss or a gradient is suddenly many times
//               what it was; or the discriminator wins: for 500 steps it tells (nearly)
//               every image right, while the generator's loss rises or its images stay as
//               they are, so that it learns nothing any more;
//   COLLAPSED   generated images differ from each other by less than a quarter of what they
//               once did, or by less than a level of 255;
//   STALLED     the discriminator's loss and the images' diversity have not moved since the
//               first step, or a network gets no gradient.
//
// No rule looks at the height of a loss, which depends on which loss it is: they look at
// how it moves. A training that has learned and then stands still is not said to stall:
// that is how a good one ends, too. Doubt speaks for HEALTHY: a false alarm may roll back or
// end a job.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {

// Of one training, whose points come in the order of their steps. A step that is not larger
// than the one before means that the training was rolled back; what was seen of the steps
// since is forgotten. Memory does not grow. Not thread-safe.
class HealthMonitor {
 public:
  // Accuracies and gradient norms that are all 0 were not measured; rules that need them
  // then say nothing. `health` and `health_reason` are not read.
  void Add(const v1::TrainingPoint& point);

  // HEALTHY while there is too little to say. Another state holds until nothing has spoken
  // for it for 200 steps.
  v1::TrainingHealth state() const { return state_; }
  // In words and figures, e.g. "the discriminator told more than 99 % of all images right and
  // its loss fell to 0.02, while the generator's rose by 0.40 to 1.3, over 2,000 steps"; empty
  // when HEALTHY.
  const std::string& reason() const { return reason_; }

  // Means of the losses over the last 50 steps or so; 0 before the first point.
  double generator() const;
  double discriminator() const;

 private:
  // Means over some 50 steps: what the rules look at.
  struct Span {
    std::int64_t begin = 0, end = 0;  // steps, (begin, end]
    double generator = 0, discriminator = 0;
    double accuracy_real = 0, accuracy_generated = 0;
    double norm_generator = 0, norm_discriminator = 0;
    double diversity = 0;
  };
  struct Verdict {
    v1::TrainingHealth state = v1::TRAINING_HEALTH_HEALTHY;
    std::string reason;
  };
  // Straight line through the last `count` spans' field, by least squares.
  struct Trend {
    double from = 0, to = 0;  // its ends
    double rise() const { return to - from; }
  };

  void Reset();
  void Close();
  void Decide(Verdict verdict);
  Trend TrendOf(double Span::*field, std::size_t count) const;
  // How far the spans lie from it, at most.
  double WobbleOf(double Span::*field, std::size_t count) const;
  double Mean(double Span::*field, std::size_t count) const;
  double MedianBefore(double Span::*field) const;
  std::string StepsOf(std::size_t count) const;
  Verdict Exploded() const;
  Verdict Collapsed() const;
  Verdict DiscriminatorWins() const;
  // How it won over the last `count` spans, and how the generator's loss behaved.
  Verdict Won(std::size_t count, const char* images, const std::string& generator) const;
  Verdict NeverMoved() const;
  Verdict NoGradient() const;

  std::deque<Span> spans_;  // the last, closed
  Span open_;               // sums so far, each point times its steps
  std::deque<v1::TrainingPoint> last_;
  std::int64_t last_step_ = 0;
  bool started_ = false;
  bool from_scratch_ = false;  // it was seen from its first steps on
  std::int64_t first_step_ = 0;
  double best_diversity_ = 0;                                     // once it has settled
  double best_norm_generator_ = 0, best_norm_discriminator_ = 0;  // of spans
  std::int64_t spoken_ = 0;                                       // step at which something last spoke for state_
  v1::TrainingHealth state_ = v1::TRAINING_HEALTH_HEALTHY;
  std::string reason_;
};

}  // namespace mannequin
