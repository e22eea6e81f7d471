// What drawn images are worth, as figures: pure functions of features and pixels.
//
//   double distance = *FrechetDistance(MomentsOf(real), MomentsOf(drawn));   // 0 is best
//   Coverage c = PrecisionAndRecall(real, drawn);
//   double d = 1 - MsSsim(a, b);                                             // 0: the same image
//
// Features are those of FeatureClassifier. Not for comparing catalogues: a figure means
// something beside another one of the same features and the same number of images.
// Everything here is thread-safe and gives the same on every call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/image/image.h"

namespace mannequin {

// [rows, columns] row-major: a row an image.
struct FeatureMatrix {
  std::size_t rows = 0, columns = 0;
  std::vector<float> values;
};

// Mean [D] and covariance [D, D], row-major.
struct Moments {
  std::size_t samples = 0;
  std::vector<double> mean, covariance;
};

// The unbiased covariance; zeros of fewer than two rows.
Moments MomentsOf(const FeatureMatrix& features);

// |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2) (Heusel et al. 2017,
// https://arxiv.org/abs/1706.08500), by symmetric eigen-decompositions in float64. With
// fewer than 2 D samples of either, both covariances are drawn to a multiple of the identity by
// D / (D + samples): too few samples know no D x D numbers. The figure still is too
// high by about 1/samples, so only compare figures of equally many. INVALID_ARGUMENT
// when dimensions differ or a number is not finite.
absl::StatusOr<double> FrechetDistance(const Moments& a, const Moments& b);

// To the nearest row of `among` from each row of `from`, Euclidean. Infinite without rows.
std::vector<double> NearestDistances(const FeatureMatrix& from, const FeatureMatrix& among);

struct Coverage {
  double precision = 0;  // share of drawn that lie within the k-nearest-neighbour ball of some real one
  double recall = 0;     // share of real that lie within such a ball of some drawn one
};
// Kynkaanniemi et al. 2019 (https://arxiv.org/abs/1904.06991). Memory is 8 bytes a pair.
// Zeros when a side has no more than k rows.
Coverage PrecisionAndRecall(const FeatureMatrix& real, const FeatureMatrix& drawn, std::size_t k = 3);

// Share of `drawn` (distances to their nearest training image) at most as far as the 1st
// percentile of `held_out` (the same of real images that training never saw). Held-out
// images that are a training image themselves, as duplicates in a catalogue are, do not
// count. 0 without any left.
double MemorizedShare(const std::vector<double>& drawn, const std::vector<double>& held_out);

// Multi-scale structural similarity of the luma of two images of one size, -1 to 1 with 1
// for the same image (Wang et al. 2003, "Multiscale structural similarity for image quality
// assessment"): Gaussian windows of 11x11 with sigma 1.5, K1 0.01, K2 0.03, halved by means
// of 2x2. Of its five scales those whose side still holds a window: 3 at 64 pixels, 4 at
// 128, 5 at 256, their weights scaled to sum to 1. A negative structure at a scale counts as 0.
// INVALID_ARGUMENT when sizes differ or a side is under 11.
absl::StatusOr<double> MsSsim(const Pixels& a, const Pixels& b);

// 1 - mean MS-SSIM of pairs of images of one group, 0 to 1: at most `max_pairs`, neighbours of a
// shuffle by `seed`, so that no image is in more than two. 0 when no group has two.
// MsSsim's errors.
absl::StatusOr<double> Diversity(const std::vector<Pixels>& images, const std::vector<int>& groups,
                                 std::size_t max_pairs, std::uint64_t seed);

}  // namespace mannequin
