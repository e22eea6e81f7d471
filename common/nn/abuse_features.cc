#include "common/nn/abuse_features.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

bool IsIndexOf(const std::vector<float>& logits, int index) {
  return index >= 0 && static_cast<std::size_t>(index) < logits.size();
}

double LogSoftmax(const std::vector<float>& logits, std::size_t index) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return logits[index] - largest - std::log(sum);
}

// The mean of log p over a sample of p itself.
double MeanLogSoftmax(const std::vector<float>& logits) {
  double mean = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double log_p = LogSoftmax(logits, i);
    mean += std::exp(log_p) * log_p;
  }
  return mean;
}

}  // namespace

absl::StatusOr<std::vector<double>> MismatchFeatures(const Judgement& judgement, const Listed& listed) {
  const std::vector<float>& logits = judgement.image_category;
  if (!IsIndexOf(logits, listed.category)) {
    return absl::InvalidArgumentError(
        absl::StrCat("category index ", listed.category, " is not one of the bundle's ", logits.size()));
  }
  const auto index = static_cast<std::size_t>(listed.category);
  double best_other = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (i != index) best_other = std::max<double>(best_other, logits[i]);
  }
  const double margin = logits.size() > 1 ? logits[index] - best_other : 0;
  std::vector<double> features = {LogSoftmax(logits, index), margin, judgement.match};
  const std::vector<float>& colors = judgement.image_color;
  if (colors.empty()) return features;
  if (listed.color < 0) {
    features.push_back(MeanLogSoftmax(colors));
  } else if (IsIndexOf(colors, listed.color)) {
    features.push_back(LogSoftmax(colors, static_cast<std::size_t>(listed.color)));
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("colour index ", listed.color, " is not one of the bundle's ", colors.size()));
  }
  return features;
}

absl::StatusOr<std::vector<double>> OverlayFeatures(const Judgement& judgement) {
  std::vector<float> cells = judgement.overlay;
  if (cells.empty()) return absl::InvalidArgumentError("the judgement has no overlay map");
  const std::size_t top = std::min<std::size_t>(4, cells.size());
  std::partial_sort(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(top), cells.end(), std::greater<>());
  const double sum = std::accumulate(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(top), 0.0);
  std::vector<double> features = {cells[0], sum / static_cast<double>(top)};
  if (judgement.overlaid) features.push_back(*judgement.overlaid);
  return features;
}

double CategoryProbability(const Judgement& judgement, int category) {
  if (!IsIndexOf(judgement.image_category, category)) return 0;
  return std::exp(LogSoftmax(judgement.image_category, static_cast<std::size_t>(category)));
}

absl::StatusOr<double> CalibratedProbability(const v1::Calibration& calibration, const std::vector<double>& features) {
  if (static_cast<std::size_t>(calibration.weights_size()) != features.size()) {
    return absl::DataLossError(absl::StrCat("calibration of ", calibration.reason(), " has ",
                                            calibration.weights_size(), " weights for ", features.size(),
                                            " features; promote a bundle that this build made"));
  }
  double logit = calibration.bias();
  for (std::size_t i = 0; i < features.size(); ++i) logit += calibration.weights(static_cast<int>(i)) * features[i];
  return 1 / (1 + std::exp(-logit));
}

absl::StatusOr<double> DrawnConfidence(const v1::GanInfo& gan, const Judgement& judgement, const Listed& listed) {
  const absl::StatusOr<std::vector<double>> features = MismatchFeatures(judgement, listed);
  if (!features.ok()) return features.status();
  const v1::Calibration* calibration = FindCalibration(gan, kMismatch);
  if (calibration == nullptr) return CategoryProbability(judgement, listed.category);
  const absl::StatusOr<double> mismatch = CalibratedProbability(*calibration, *features);
  if (!mismatch.ok()) return mismatch.status();
  // Certainty of either kind would leave the other no say, and both at once no answer.
  constexpr double kLeast = 1e-6;
  const double p = std::clamp(CategoryProbability(judgement, listed.category), kLeast, 1 - kLeast);
  const double m = std::clamp(*mismatch, kLeast, 1 - kLeast);
  return p * (1 - m) / (p * (1 - m) + (1 - p) * m);
}

Thresholds ThresholdsFor(const v1::Calibration& calibration, const std::vector<std::string>& category_path) {
  Thresholds found = {calibration.review_threshold(), calibration.abuse_threshold()};
  int longest = 0;
  for (const v1::CategoryThresholds& its : calibration.categories()) {
    const auto& path = its.category_path();
    if (path.size() <= longest || path.size() > static_cast<int>(category_path.size())) continue;
    if (!std::equal(path.begin(), path.end(), category_path.begin())) continue;
    longest = path.size();
    found = {its.review_threshold(), its.abuse_threshold()};
  }
  return found;
}

const v1::Calibration* FindCalibration(const v1::GanInfo& gan, const char* reason) {
  for (const v1::Calibration& calibration : gan.calibrations()) {
    if (calibration.reason() == reason) return &calibration;
  }
  return nullptr;
}

}  // namespace mannequin
