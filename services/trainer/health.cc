#include "services/trainer/health.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace mannequin {
namespace {

constexpr std::int64_t kSpanSteps = 50;
constexpr std::size_t kSpans = 40;      // kept: 2,000 steps
constexpr std::size_t kFew = 6;         // to know what is usual
constexpr std::size_t kLong = 10;       // for the discriminator to have won
constexpr std::size_t kStill = 10;      // for never having moved
constexpr std::int64_t kSettled = 200;  // steps in which the first weights' images give way
constexpr std::int64_t kHold = 200;     // steps
constexpr std::int64_t kGrown = 500;    // steps in which images of nearly one grey may come to differ
constexpr std::size_t kLastPoints = 50;

constexpr double kExplosion = 100;       // times the usual
constexpr double kAbsurd = 1e6;          // of any loss
constexpr double kAlwaysRight = 0.99;    // of images
constexpr double kUnmoved = 0.03;        // relative
constexpr double kAsTheyAre = 0.01;      // of diversity
constexpr double kLostDiversity = 0.25;  // of the best
constexpr double kRegained = 0.4;        // of the best: COLLAPSED ends
constexpr double kOneLevel = 1.0 / 255;  // of pixels
constexpr double kNoGradient = 1e-4;     // of the largest

bool Finite(const v1::TrainingPoint& point) {
  return std::isfinite(point.loss_generator()) && std::isfinite(point.loss_discriminator()) &&
         std::isfinite(point.gradient_norm_generator()) && std::isfinite(point.gradient_norm_discriminator()) &&
         std::isfinite(point.diversity());
}

std::string WhatIsNotANumber(const v1::TrainingPoint& point) {
  if (!std::isfinite(point.loss_generator())) return "the generator's loss";
  if (!std::isfinite(point.loss_discriminator())) return "the discriminator's loss";
  if (!std::isfinite(point.gradient_norm_generator())) return "the generator's gradient";
  if (!std::isfinite(point.gradient_norm_discriminator())) return "the discriminator's gradient";
  return "the diversity of generated images";
}

// "12,400".
std::string Thousands(std::int64_t n) {
  std::string digits = absl::StrCat(n);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

}  // namespace

void HealthMonitor::Reset() {
  spans_.clear();
  last_.clear();
  open_ = {};
  state_ = v1::TRAINING_HEALTH_HEALTHY;
  reason_.clear();
}

void HealthMonitor::Add(const v1::TrainingPoint& point) {
  if (!started_) {
    started_ = true;
    from_scratch_ = point.step() <= kSpanSteps;
    first_step_ = last_step_ = from_scratch_ ? 0 : point.step() - 1;
  }
  if (point.step() <= last_step_) {
    Reset();
    last_step_ = point.step() - 1;
  }
  const auto steps = static_cast<double>(point.step() - last_step_);
  last_.push_back(point);
  while (last_.size() > kLastPoints || last_.front().step() <= point.step() - kSpanSteps) last_.pop_front();
  if (!Finite(point)) {
    last_step_ = point.step();
    open_ = {};  // of no use for means
    Decide({v1::TRAINING_HEALTH_DIVERGING,
            absl::StrCat(WhatIsNotANumber(point), " is not a number at step ", Thousands(point.step()))});
    return;
  }
  if (const double largest = std::max(std::abs(point.loss_generator()), std::abs(point.loss_discriminator()));
      largest > kAbsurd) {
    const char* whose = largest == std::abs(point.loss_generator()) ? "generator" : "discriminator";
    spoken_ = point.step() + kGrown;  // weights that go so far do not come back soon
    state_ = v1::TRAINING_HEALTH_DIVERGING;
    reason_ = absl::StrFormat("the %s's loss is %.2g at step %s", whose, largest, Thousands(point.step()));
  }
  if (open_.end == 0) open_.begin = last_step_;
  open_.end = last_step_ = point.step();
  open_.generator += steps * point.loss_generator();
  open_.discriminator += steps * point.loss_discriminator();
  open_.accuracy_real += steps * point.accuracy_real();
  open_.accuracy_generated += steps * point.accuracy_generated();
  open_.norm_generator += steps * point.gradient_norm_generator();
  open_.norm_discriminator += steps * point.gradient_norm_discriminator();
  open_.diversity += steps * point.diversity();
  if (open_.end - open_.begin >= kSpanSteps) Close();
}

void HealthMonitor::Close() {
  const auto steps = static_cast<double>(open_.end - open_.begin);
  for (double Span::*field : {&Span::generator, &Span::discriminator, &Span::accuracy_real, &Span::accuracy_generated,
                              &Span::norm_generator, &Span::norm_discriminator, &Span::diversity}) {
    open_.*field /= steps;
  }
  spans_.push_back(std::exchange(open_, {}));
  if (spans_.size() > kSpans) spans_.pop_front();
  const Span& now = spans_.back();
  if (now.begin >= first_step_ + kSettled) best_diversity_ = std::max(best_diversity_, now.diversity);

  Verdict verdict = Exploded();
  for (const auto& rule : {&HealthMonitor::Collapsed, &HealthMonitor::NeverMoved, &HealthMonitor::NoGradient,
                           &HealthMonitor::DiscriminatorWins}) {
    if (verdict.state == v1::TRAINING_HEALTH_HEALTHY) verdict = (this->*rule)();
  }
  best_norm_generator_ = std::max(best_norm_generator_, now.norm_generator);
  best_norm_discriminator_ = std::max(best_norm_discriminator_, now.norm_discriminator);
  Decide(std::move(verdict));
}

void HealthMonitor::Decide(Verdict verdict) {
  if (verdict.state == v1::TRAINING_HEALTH_HEALTHY && state_ != v1::TRAINING_HEALTH_HEALTHY &&
      last_step_ - spoken_ < kHold) {
    return;
  }
  state_ = verdict.state;
  reason_ = std::move(verdict.reason);
  spoken_ = last_step_;
}

HealthMonitor::Trend HealthMonitor::TrendOf(double Span::*field, std::size_t count) const {
  const std::size_t begin = spans_.size() - count;
  const double middle = static_cast<double>(count - 1) / 2, mean = Mean(field, count);
  double above = 0, below = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(i) - middle;
    above += x * (spans_[begin + i].*field - mean);
    below += x * x;
  }
  const double slope = below > 0 ? above / below : 0;
  return {mean - slope * middle, mean + slope * middle};
}

double HealthMonitor::WobbleOf(double Span::*field, std::size_t count) const {
  const Trend trend = TrendOf(field, count);
  double most = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double line = trend.from + trend.rise() * static_cast<double>(i) / static_cast<double>(count - 1);
    most = std::max(most, std::abs(spans_[spans_.size() - count + i].*field - line));
  }
  return most;
}

double HealthMonitor::Mean(double Span::*field, std::size_t count) const {
  double sum = 0;
  for (std::size_t i = spans_.size() - count; i < spans_.size(); ++i) sum += spans_[i].*field;
  return sum / static_cast<double>(count);
}

// Of all spans but the last.
double HealthMonitor::MedianBefore(double Span::*field) const {
  std::vector<double> values;
  for (std::size_t i = 0; i + 1 < spans_.size(); ++i) values.push_back(std::abs(spans_[i].*field));
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string HealthMonitor::StepsOf(std::size_t count) const {
  return Thousands(spans_.back().end - spans_[spans_.size() - count].begin);
}

HealthMonitor::Verdict HealthMonitor::Exploded() const {
  if (spans_.size() <= kFew) return {};
  const struct {
    double Span::*field;
    const char* name;
  } figures[] = {{&Span::generator, "the generator's loss"},
                 {&Span::discriminator, "the discriminator's loss"},
                 {&Span::norm_generator, "the generator's gradient"},
                 {&Span::norm_discriminator, "the discriminator's gradient"}};
  for (const auto& [field, name] : figures) {
    const double usual = MedianBefore(field), now = std::abs(spans_.back().*field);
    // A loss may pass through zero: what is usual is then next to nothing.
    if (now < kExplosion * std::max(usual, 0.01)) continue;
    return {v1::TRAINING_HEALTH_DIVERGING,
            absl::StrFormat("%s rose to %.3g, %.0f times the %.3g that was usual, by step %s", name, now, now / usual,
                            usual, Thousands(spans_.back().end))};
  }
  return {};
}

HealthMonitor::Verdict HealthMonitor::Collapsed() const {
  if (spans_.size() < 2 || spans_.back().end < first_step_ + kSettled) return {};
  const double share = state_ == v1::TRAINING_HEALTH_COLLAPSED ? kRegained : kLostDiversity;
  const double now = Mean(&Span::diversity, 2);
  if (now < kOneLevel) {
    return {
        v1::TRAINING_HEALTH_COLLAPSED,
        absl::StrFormat("generated images are all one: their pixels differ by %.2g of the range, less than one level "
                        "of 255, by step %s",
                        now, Thousands(spans_.back().end))};
  }
  if (now >= share * best_diversity_) return {};
  return {
      v1::TRAINING_HEALTH_COLLAPSED,
      absl::StrFormat("generated images differ from each other by %.3f of a pixel's range, down from %.3f, by step %s",
                      now, best_diversity_, Thousands(spans_.back().end))};
}

HealthMonitor::Verdict HealthMonitor::DiscriminatorWins() const {
  // For how long it has told all generated images, and all images.
  std::size_t generated = 0, all = 0;
  bool always = true;
  for (auto span = spans_.rbegin(); span != spans_.rend(); ++span) {
    if (span->accuracy_generated < kAlwaysRight) break;
    ++generated;
    always = always && span->accuracy_real >= kAlwaysRight;
    if (always) ++all;
  }
  for (const std::size_t count : {kLong, all}) {
    if (all < count || count < kLong) continue;
    const Trend g = TrendOf(&Span::generator, count), d = TrendOf(&Span::discriminator, count);
    const Trend images = TrendOf(&Span::diversity, count);
    const bool improves = images.rise() > kUnmoved * images.from;
    if (g.rise() < std::max(0.1, 0.1 * std::abs(g.from)) || d.rise() > 0 || improves) continue;
    return Won(count, "all", absl::StrFormat("rose by %.2f to %.3g", g.rise(), g.to));
  }
  if (generated < kLong) return {};
  // It may tell generated images for long in a good training, too, in which these change.
  const Trend g = TrendOf(&Span::generator, kLong), images = TrendOf(&Span::diversity, kLong);
  const bool images_move = WobbleOf(&Span::diversity, kLong) + std::abs(images.rise()) > kAsTheyAre * images.from;
  const bool loss_moves = WobbleOf(&Span::generator, kLong) > 0.1 * std::abs(g.from);
  if (images_move || loss_moves || g.rise() < -kUnmoved * std::abs(g.from)) return {};
  return Won(kLong, "generated", absl::StrFormat("is %.3g and its images stay as they are", g.to));
}

HealthMonitor::Verdict HealthMonitor::Won(std::size_t count, const char* images, const std::string& generator) const {
  const Trend d = TrendOf(&Span::discriminator, count);
  return {
      v1::TRAINING_HEALTH_DIVERGING,
      absl::StrFormat("the discriminator told more than 99 %% of %s images right and its loss %s %.2g, while the "
                      "generator's %s, over %s steps",
                      images, d.rise() < 0 ? "fell to" : "is", spans_.back().discriminator, generator, StepsOf(count))};
}

HealthMonitor::Verdict HealthMonitor::NeverMoved() const {
  // Seen from the first step on, and none of it dropped yet.
  if (!from_scratch_ || spans_.size() < kStill || spans_.front().begin != first_step_) return {};
  // Not the generator's loss: its terms may gain weight by the steps alone.
  for (double Span::*field : {&Span::discriminator, &Span::diversity}) {
    const Trend trend = TrendOf(field, spans_.size());
    if (std::abs(trend.rise()) > kUnmoved * std::abs(trend.from)) return {};
  }
  return {
      v1::TRAINING_HEALTH_STALLED,
      absl::StrFormat("the discriminator's loss is still %.3g and generated images differ as they did, %s steps after "
                      "the first",
                      spans_.back().discriminator, StepsOf(spans_.size()))};
}

HealthMonitor::Verdict HealthMonitor::NoGradient() const {
  if (spans_.size() < kFew) return {};
  const struct {
    double Span::*field;
    double best;
    const char* name;
  } networks[] = {{&Span::norm_generator, best_norm_generator_, "generator"},
                  {&Span::norm_discriminator, best_norm_discriminator_, "discriminator"}};
  for (const auto& [field, best, name] : networks) {
    const double now = Mean(field, kFew);
    if (best == 0 || now > kNoGradient * best) continue;
    return {v1::TRAINING_HEALTH_STALLED,
            absl::StrFormat("the %s learns nothing: its gradient is %.2g, down from %.3g, over %s steps", name, now,
                            best, StepsOf(kFew))};
  }
  return {};
}

double HealthMonitor::generator() const {
  double sum = 0;
  for (const v1::TrainingPoint& point : last_) sum += point.loss_generator();
  return last_.empty() ? 0 : sum / static_cast<double>(last_.size());
}

double HealthMonitor::discriminator() const {
  double sum = 0;
  for (const v1::TrainingPoint& point : last_) sum += point.loss_discriminator();
  return last_.empty() ? 0 : sum / static_cast<double>(last_.size());
}

}  // namespace mannequin
