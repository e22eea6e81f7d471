// Turns features into probabilities that mean what they say, and measures how well.
//
//   Calibration c = FitCalibration("MISMATCH", {{features, is_abuse}, ...});
//
// Logistic regression on standardised features (Platt 1999 for one feature), both
// classes weighing the same. A few clean listings are mislabelled in any real
// catalogue (a seller's own badge): clean examples that a first fit is as good as certain are
// abusive, at most kMislabelledShare of them, are left out of the second. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mannequin/v1/bundle.pb.h"

namespace mannequin {

struct Example {
  std::vector<double> features;
  bool abuse = false;
  // Of a clean one: pictures that were blown up look unlike others, and neither may drown in
  // false alarms for the sake of the other: thresholds hold for each group that is large enough.
  bool blown_up = false;
  std::vector<std::string> category_path = {};
};

inline constexpr double kMislabelledShare = 0.08;
// Of clean listings: how many may go to a person, how many may be called abuse.
inline constexpr double kReviewFalsePositives = 0.05;
inline constexpr double kAbuseFalsePositives = 0.01;

// A category has thresholds of its own with at least so many clean listings: of fewer, one in a hundred is chance.
inline constexpr std::size_t kOwnThresholds = 500;
// Groups of pictures are looked at apart, in the whole and in a category, when each has at least so many.
inline constexpr std::size_t kLargeGroup = 200;

// With thresholds for every category, leaf or parent, of kOwnThresholds clean examples. The weights are for the
// features as they are, not standardised. `left_out` gets the number of clean examples thought mislabelled.
// INVALID_ARGUMENT without an example of each kind.
absl::StatusOr<v1::Calibration> FitCalibration(const std::string& reason, const std::vector<Example>& examples,
                                               int* left_out);

// Mean distance of stated probability and observed share over ten equal bins, weighted
// by the examples in each, classes weighing the same.
double ExpectedCalibrationError(const std::vector<double>& clean, const std::vector<double>& abuse);

// The score above which no more than `share` of the clean scores lie.
double ThresholdAt(std::vector<double> clean, double share);

}  // namespace mannequin
