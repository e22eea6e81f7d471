// A real bundle in a moment: real networks with random weights, and a tokenizer and
// doc2vec trained on a few texts. What it says of a picture means nothing, except where
// a calibration's bias decides; that it says it by the real path is the point.
//
//   v1::BundleManifest bundle = PromoteRandomBundle(BundleFolder(folder), {.mismatch_bias = 4});
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/model/bundle.h"

namespace mannequin {

struct RandomBundleOptions {
  int resolution = 64;
  int features = 8;
  int noise = 16;
  std::vector<std::string> categories = {"Shirts", "Watches", "Boots"};
  bool gan = true;  // false: an embedding only
  // The probability of a reason is sigmoid(bias), whatever the picture.
  double mismatch_bias = -4;
  double overlay_bias = -4;
  double confidence_floor = 0;
  double precision = -1;  // measured of what it draws; below 0: nothing was measured
  // A network of its own judges, and tells blue from black.
  bool judge = false;
  // Of the margin of the listed category over the best other one: below 0, a picture of random weights' own
  // likeliest category is an honest listing and one of another category is a mismatch.
  double mismatch_margin_weight = 0;
  std::uint64_t seed = 1;
};

// The thresholds of its calibrations.
inline constexpr double kReviewThreshold = 0.5;
inline constexpr double kAbuseThreshold = 0.9;

// Publishes and promotes. Ends the process when that cannot be done.
v1::BundleManifest PromoteRandomBundle(const BundleFolder& folder, const RandomBundleOptions& options = {});

}  // namespace mannequin
