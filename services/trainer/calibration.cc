#include "services/trainer/calibration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/base/roc.h"
#include "common/base/status_macros.h"
#include "common/nn/abuse_features.h"

namespace mannequin {
namespace {

constexpr int kIterations = 2000;
constexpr double kRate = 0.5;
constexpr double kDecay = 1e-3;  // keeps weights finite when the classes separate
constexpr double kSurelyAbuse = 0.95;

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Gradient descent on a convex loss of a handful of standardised features.
v1::Calibration Fit(const std::string& reason, const std::vector<const Example*>& examples) {
  const std::size_t dimension = examples.front()->features.size();
  std::vector<double> mean(dimension), deviation(dimension), weights(dimension), gradient(dimension);
  for (std::size_t i = 0; i < dimension; ++i) {
    double sum = 0, squares = 0;
    for (const Example* example : examples) sum += example->features[i];
    mean[i] = sum / static_cast<double>(examples.size());
    for (const Example* example : examples) squares += std::pow(example->features[i] - mean[i], 2);
    deviation[i] = std::max(1e-9, std::sqrt(squares / static_cast<double>(examples.size())));
  }
  double counts[2] = {0, 0};
  for (const Example* example : examples) ++counts[example->abuse ? 1 : 0];
  double bias = 0;
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    for (std::size_t i = 0; i < dimension; ++i) gradient[i] = kDecay * weights[i];
    double bias_gradient = 0;
    for (const Example* example : examples) {
      double logit = bias;
      for (std::size_t i = 0; i < dimension; ++i) logit += weights[i] * (example->features[i] - mean[i]) / deviation[i];
      const double error = (Sigmoid(logit) - (example->abuse ? 1 : 0)) / (2 * counts[example->abuse ? 1 : 0]);
      for (std::size_t i = 0; i < dimension; ++i)
        gradient[i] += error * (example->features[i] - mean[i]) / deviation[i];
      bias_gradient += error;
    }
    for (std::size_t i = 0; i < dimension; ++i) weights[i] -= kRate * gradient[i];
    bias -= kRate * bias_gradient;
  }
  v1::Calibration calibration;
  calibration.set_reason(reason);
  for (std::size_t i = 0; i < dimension; ++i) {
    calibration.add_weights(weights[i] / deviation[i]);
    bias -= weights[i] * mean[i] / deviation[i];
  }
  calibration.set_bias(bias);
  return calibration;
}

struct CleanScore {
  double probability = 0;
  bool blown_up = false;
};

// Whether those that were blown up and the others are both enough to be looked at apart.
bool BothAreLarge(const std::vector<CleanScore>& scores) {
  const auto blown_up = static_cast<std::size_t>(
      std::count_if(scores.begin(), scores.end(), [](const CleanScore& score) { return score.blown_up; }));
  return std::min(blown_up, scores.size() - blown_up) >= kLargeGroup;
}

// As ThresholdAt, a standard error stricter: these clean listings are a sample, and the next ones are others.
double PrudentThreshold(std::vector<double> clean, double share) {
  const double error = std::sqrt(share / static_cast<double>(clean.size()));
  return ThresholdAt(std::move(clean), std::max(0.0, share - error));
}

// The score above which no more than `share` lie, of either group when both are large.
double StrictThreshold(const std::vector<CleanScore>& scores, double share) {
  std::vector<double> all, groups[2];
  for (const CleanScore& score : scores) {
    all.push_back(score.probability);
    groups[score.blown_up ? 1 : 0].push_back(score.probability);
  }
  if (!BothAreLarge(scores)) return PrudentThreshold(std::move(all), share);
  return std::max(PrudentThreshold(std::move(groups[0]), share), PrudentThreshold(std::move(groups[1]), share));
}

}  // namespace

double ExpectedCalibrationError(const std::vector<double>& clean, const std::vector<double>& abuse) {
  struct Bin {
    double weight = 0, stated = 0, observed = 0;
  };
  std::array<Bin, 10> bins;
  const auto add = [&](const std::vector<double>& scores, bool is_abuse) {
    for (const double score : scores) {
      Bin& bin = bins[static_cast<std::size_t>(std::min(9.0, score * 10))];
      const double weight = 0.5 / static_cast<double>(scores.size());
      bin.weight += weight;
      bin.stated += weight * score;
      bin.observed += is_abuse ? weight : 0;
    }
  };
  add(clean, false);
  add(abuse, true);
  double error = 0;
  for (const Bin& bin : bins) error += std::abs(bin.stated - bin.observed);
  return error;
}

double ThresholdAt(std::vector<double> clean, double share) {
  std::sort(clean.begin(), clean.end());
  const auto above = static_cast<std::size_t>(std::floor(share * static_cast<double>(clean.size())));
  return clean[clean.size() - 1 - std::min(above, clean.size() - 1)];
}

absl::StatusOr<v1::Calibration> FitCalibration(const std::string& reason, const std::vector<Example>& examples,
                                               int* left_out) {
  std::vector<const Example*> kept;
  std::size_t clean_count = 0;
  for (const Example& example : examples) {
    kept.push_back(&example);
    clean_count += example.abuse ? 0 : 1;
  }
  if (clean_count == 0 || clean_count == examples.size()) {
    return absl::InvalidArgumentError(absl::StrCat("calibration of ", reason, ": ", clean_count, " clean and ",
                                                   examples.size() - clean_count, " abusive examples"));
  }
  v1::Calibration calibration = Fit(reason, kept);
  std::vector<std::pair<double, const Example*>> suspects;
  for (const Example& example : examples) {
    if (example.abuse) continue;
    ASSIGN_OR_RETURN(const double p, CalibratedProbability(calibration, example.features));
    if (p > kSurelyAbuse) suspects.emplace_back(p, &example);
  }
  std::sort(suspects.rbegin(), suspects.rend());
  const auto most = static_cast<std::size_t>(kMislabelledShare * static_cast<double>(clean_count));
  suspects.resize(std::min(suspects.size(), most));
  *left_out = static_cast<int>(suspects.size());
  if (!suspects.empty()) {
    for (const auto& [p, suspect] : suspects) kept.erase(std::find(kept.begin(), kept.end(), suspect));
    calibration = Fit(reason, kept);
  }
  std::vector<double> clean, abuse;
  std::vector<CleanScore> scores;
  std::map<std::vector<std::string>, std::vector<CleanScore>> of_category;
  for (const Example* example : kept) {
    ASSIGN_OR_RETURN(const double p, CalibratedProbability(calibration, example->features));
    (example->abuse ? abuse : clean).push_back(p);
    if (example->abuse) continue;
    scores.push_back({p, example->blown_up});
    std::vector<std::string> path;
    for (const std::string& name : example->category_path) {
      path.push_back(name);
      of_category[path].push_back(scores.back());
    }
  }
  calibration.set_review_threshold(StrictThreshold(scores, kReviewFalsePositives));
  calibration.set_abuse_threshold(StrictThreshold(scores, kAbuseFalsePositives));
  for (const auto& [path, its] : of_category) {
    // Where the two kinds of pictures matter, a category has enough of both or no thresholds of its own.
    if (its.size() < kOwnThresholds || (BothAreLarge(scores) && !BothAreLarge(its))) continue;
    v1::CategoryThresholds& own = *calibration.add_categories();
    own.mutable_category_path()->Add(path.begin(), path.end());
    own.set_review_threshold(StrictThreshold(its, kReviewFalsePositives));
    own.set_abuse_threshold(StrictThreshold(its, kAbuseFalsePositives));
    own.set_listings(static_cast<std::int64_t>(its.size()));
  }
  calibration.set_auc(AreaUnderRoc(clean, abuse));
  calibration.set_expected_calibration_error(ExpectedCalibrationError(clean, abuse));
  return calibration;
}

}  // namespace mannequin
