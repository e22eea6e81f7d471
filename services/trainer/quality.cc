#include "services/trainer/quality.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "torch/torch.h"

namespace mannequin {
namespace {

constexpr std::int64_t kRowsAtOnce = 4096;  // of the larger side of a table of distances
constexpr double kExactCopy = 1e-3;         // of the median distance: rounding, not another image
constexpr double kMemorizedPercentile = 0.01;

torch::Tensor ToTensor(const FeatureMatrix& features) {
  return torch::from_blob(const_cast<float*>(features.values.data()),
                          {static_cast<std::int64_t>(features.rows), static_cast<std::int64_t>(features.columns)},
                          at::kFloat)
      .to(at::kDouble);
}

torch::Tensor ToTensor(const std::vector<double>& values, at::IntArrayRef shape) {
  return torch::from_blob(const_cast<double*>(values.data()), shape, at::kDouble);
}

std::vector<double> ToVector(const torch::Tensor& tensor) {
  const torch::Tensor plain = tensor.contiguous();
  return std::vector<double>(plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel());
}

// [N, M] Euclidean. In float64 the expansion of the square loses nothing that matters.
torch::Tensor Distances(const torch::Tensor& a, const torch::Tensor& b) {
  const torch::Tensor squares = a.pow(2).sum(1, true) + b.pow(2).sum(1).unsqueeze(0);
  return squares.addmm_(a, b.t(), 1, -2).clamp_min_(0).sqrt_();
}

// Of a symmetric positive semidefinite matrix; what rounding made negative is zero.
torch::Tensor SquareRoot(const torch::Tensor& matrix) {
  const auto [values, vectors] = at::linalg_eigh((matrix + matrix.t()) / 2);
  return vectors.mul(values.clamp_min(0).sqrt()).mm(vectors.t());
}

torch::Tensor Covariance(const Moments& moments, bool shrink) {
  const auto d = static_cast<std::int64_t>(moments.mean.size());
  const torch::Tensor covariance = ToTensor(moments.covariance, {d, d});
  if (!shrink) return covariance;
  const double weight = static_cast<double>(d) / static_cast<double>(d + static_cast<std::int64_t>(moments.samples));
  return covariance * (1 - weight) + torch::eye(d, at::kDouble) * (covariance.trace() / d) * weight;
}

// Whether each row of `points` lies in the ball around some row of `centres` that reaches
// to its k-th neighbour.
double ShareWithin(const torch::Tensor& points, const torch::Tensor& centres, std::int64_t k) {
  // The nearest is the row itself.
  const torch::Tensor radii = std::get<0>(Distances(centres, centres).kthvalue(k + 1, 1));
  return (Distances(points, centres) <= radii.unsqueeze(0)).any(1).to(at::kDouble).mean().item<double>();
}

// Luma of one scale.
struct Plane {
  int width = 0, height = 0;
  std::vector<float> values;
};

Plane Luma(const Pixels& pixels) {
  Plane plane{pixels.width, pixels.height, {}};
  plane.values.reserve(pixels.rgb.size() / 3);
  for (std::size_t i = 0; i + 2 < pixels.rgb.size(); i += 3) {
    plane.values.push_back(0.299f * static_cast<float>(pixels.rgb[i]) + 0.587f * static_cast<float>(pixels.rgb[i + 1]) +
                           0.114f * static_cast<float>(pixels.rgb[i + 2]));
  }
  return plane;
}

Plane Halved(const Plane& plane) {
  Plane half{plane.width / 2, plane.height / 2, {}};
  for (int y = 0; y < half.height; ++y) {
    for (int x = 0; x < half.width; ++x) {
      const float* at = plane.values.data() + 2 * y * plane.width + 2 * x;
      half.values.push_back((at[0] + at[1] + at[plane.width] + at[plane.width + 1]) / 4);
    }
  }
  return half;
}

constexpr int kWindow = 11;

const std::array<float, kWindow>& Gaussian() {
  static const std::array<float, kWindow> window = [] {
    std::array<float, kWindow> w{};
    float sum = 0;
    for (int i = 0; i < kWindow; ++i) {
      const float x = static_cast<float>(i - kWindow / 2) / 1.5f;
      sum += w[static_cast<std::size_t>(i)] = std::exp(-x * x / 2);
    }
    for (float& value : w) value /= sum;
    return w;
  }();
  return window;
}

// Where the whole window fits.
Plane Blurred(const Plane& plane) {
  const std::array<float, kWindow>& window = Gaussian();
  const int width = plane.width - kWindow + 1, height = plane.height - kWindow + 1;
  Plane rows{width, plane.height, std::vector<float>(static_cast<std::size_t>(width * plane.height))};
  for (int y = 0; y < plane.height; ++y) {
    for (int i = 0; i < kWindow; ++i) {
      const float weight = window[static_cast<std::size_t>(i)];
      const float* from = plane.values.data() + y * plane.width + i;
      float* to = rows.values.data() + y * width;
      for (int x = 0; x < width; ++x) to[x] += weight * from[x];
    }
  }
  Plane blurred{width, height, std::vector<float>(static_cast<std::size_t>(width * height))};
  for (int y = 0; y < height; ++y) {
    for (int i = 0; i < kWindow; ++i) {
      const float weight = window[static_cast<std::size_t>(i)];
      const float* from = rows.values.data() + (y + i) * width;
      float* to = blurred.values.data() + y * width;
      for (int x = 0; x < width; ++x) to[x] += weight * from[x];
    }
  }
  return blurred;
}

Plane Product(const Plane& a, const Plane& b) {
  Plane product = a;
  for (std::size_t i = 0; i < product.values.size(); ++i) product.values[i] *= b.values[i];
  return product;
}

struct Similarity {
  double structure = 0;  // contrast and structure
  double whole = 0;      // with luminance: SSIM
};

Similarity Ssim(const Plane& a, const Plane& b) {
  constexpr double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
  const Plane mean_a = Blurred(a), mean_b = Blurred(b);
  const Plane aa = Blurred(Product(a, a)), bb = Blurred(Product(b, b)), ab = Blurred(Product(a, b));
  Similarity sum;
  for (std::size_t i = 0; i < mean_a.values.size(); ++i) {
    const double ma = mean_a.values[i], mb = mean_b.values[i];
    const double variances = aa.values[i] - ma * ma + bb.values[i] - mb * mb;
    const double structure = (2 * (ab.values[i] - ma * mb) + c2) / (variances + c2);
    sum.structure += structure;
    sum.whole += structure * (2 * ma * mb + c1) / (ma * ma + mb * mb + c1);
  }
  const auto count = static_cast<double>(mean_a.values.size());
  return {sum.structure / count, sum.whole / count};
}

}  // namespace

Moments MomentsOf(const FeatureMatrix& features) {
  Moments moments;
  moments.samples = features.rows;
  const auto d = static_cast<std::int64_t>(features.columns);
  if (features.rows < 2) {
    moments.mean.assign(features.values.begin(), features.values.end());
    moments.mean.resize(features.columns);
    moments.covariance.resize(features.columns * features.columns);
    return moments;
  }
  const torch::Tensor rows = ToTensor(features);
  const torch::Tensor mean = rows.mean(0);
  const torch::Tensor centred = rows - mean;
  moments.mean = ToVector(mean);
  moments.covariance = ToVector(centred.t().mm(centred).div_(static_cast<double>(features.rows - 1)).view({d, d}));
  return moments;
}

absl::StatusOr<double> FrechetDistance(const Moments& a, const Moments& b) {
  if (a.mean.size() != b.mean.size() || a.covariance.size() != b.covariance.size() ||
      a.covariance.size() != a.mean.size() * a.mean.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("moments of ", a.mean.size(), " and of ", b.mean.size(), " features cannot be compared"));
  }
  for (const auto* values : {&a.mean, &a.covariance, &b.mean, &b.covariance}) {
    if (!std::all_of(values->begin(), values->end(), [](double value) { return std::isfinite(value); })) {
      return absl::InvalidArgumentError("a feature is not a finite number");
    }
  }
  const auto d = static_cast<std::int64_t>(a.mean.size());
  const bool shrink = std::min(a.samples, b.samples) < 2 * a.mean.size();
  const torch::Tensor ca = Covariance(a, shrink), cb = Covariance(b, shrink);
  const torch::Tensor root = SquareRoot(ca);
  const double both = SquareRoot(root.mm(cb).mm(root)).trace().item<double>();
  const double means = (ToTensor(a.mean, {d}) - ToTensor(b.mean, {d})).pow(2).sum().item<double>();
  return std::max(0.0, means + ca.trace().item<double>() + cb.trace().item<double>() - 2 * both);
}

std::vector<double> NearestDistances(const FeatureMatrix& from, const FeatureMatrix& among) {
  std::vector<double> nearest(from.rows, std::numeric_limits<double>::infinity());
  if (from.rows == 0 || among.rows == 0) return nearest;
  const torch::Tensor rows = ToTensor(from);
  torch::Tensor best = torch::full({rows.size(0)}, std::numeric_limits<double>::infinity(), at::kDouble);
  // Of `among` a piece at a time is held in float64.
  for (std::size_t begin = 0; begin < among.rows; begin += kRowsAtOnce) {
    const std::size_t count = std::min<std::size_t>(kRowsAtOnce, among.rows - begin);
    const torch::Tensor some =
        torch::from_blob(const_cast<float*>(among.values.data() + begin * among.columns),
                         {static_cast<std::int64_t>(count), static_cast<std::int64_t>(among.columns)}, at::kFloat)
            .to(at::kDouble);
    best = torch::minimum(best, std::get<0>(Distances(rows, some).min(1)));
  }
  return ToVector(best);
}

Coverage PrecisionAndRecall(const FeatureMatrix& real, const FeatureMatrix& drawn, std::size_t k) {
  if (real.rows <= k || drawn.rows <= k) return {};
  const torch::Tensor r = ToTensor(real), d = ToTensor(drawn);
  return {ShareWithin(d, r, static_cast<std::int64_t>(k)), ShareWithin(r, d, static_cast<std::int64_t>(k))};
}

double MemorizedShare(const std::vector<double>& drawn, const std::vector<double>& held_out) {
  std::vector<double> real = held_out;
  std::sort(real.begin(), real.end());
  if (real.empty() || drawn.empty()) return 0;
  const double copy = kExactCopy * real[real.size() / 2];
  real.erase(real.begin(), std::lower_bound(real.begin(), real.end(), copy));
  if (real.empty()) return 0;
  const double near = real[static_cast<std::size_t>(kMemorizedPercentile * static_cast<double>(real.size()))];
  const auto memorized = std::count_if(drawn.begin(), drawn.end(), [&](double distance) { return distance <= near; });
  return static_cast<double>(memorized) / static_cast<double>(drawn.size());
}

absl::StatusOr<double> MsSsim(const Pixels& a, const Pixels& b) {
  const std::size_t bytes = static_cast<std::size_t>(a.width) * static_cast<std::size_t>(a.height) * 3;
  if (a.width != b.width || a.height != b.height || a.rgb.size() != bytes || b.rgb.size() != bytes ||
      std::min(a.width, a.height) < kWindow) {
    return absl::InvalidArgumentError(absl::StrCat("MS-SSIM wants two images of one size of at least ", kWindow, "x",
                                                   kWindow, " pixels, got ", a.width, "x", a.height, " and ", b.width,
                                                   "x", b.height));
  }
  constexpr std::array<double, 5> kWeights = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
  std::size_t scales = 1;
  while (scales < kWeights.size() && std::min(a.width, a.height) >> scales >= kWindow) ++scales;
  const double total = std::accumulate(kWeights.begin(), kWeights.begin() + static_cast<std::ptrdiff_t>(scales), 0.0);
  Plane of_a = Luma(a), of_b = Luma(b);
  double product = 1;
  for (std::size_t scale = 0; scale < scales; ++scale) {
    if (scale > 0) {
      of_a = Halved(of_a);
      of_b = Halved(of_b);
    }
    const Similarity at = Ssim(of_a, of_b);
    const bool last = scale + 1 == scales;
    product *= std::pow(std::max(0.0, last ? at.whole : at.structure), kWeights[scale] / total);
  }
  return product;
}

absl::StatusOr<double> Diversity(const std::vector<Pixels>& images, const std::vector<int>& groups,
                                 std::size_t max_pairs, std::uint64_t seed) {
  std::vector<std::size_t> order(images.size());
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(seed);
  // Not std::shuffle, whose order is the library's own.
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  std::map<int, std::size_t> before;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (const std::size_t i : order) {
    const auto [found, first] = before.try_emplace(groups[i], i);
    if (first) continue;
    if (pairs.size() < max_pairs) pairs.emplace_back(found->second, i);
    found->second = i;
  }
  if (pairs.empty()) return 0.0;
  std::vector<absl::StatusOr<double>> similar(pairs.size());
  ParallelFor(pairs.size(), 8, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) similar[i] = MsSsim(images[pairs[i].first], images[pairs[i].second]);
  });
  double sum = 0;
  for (const absl::StatusOr<double>& similarity : similar) {
    RETURN_IF_ERROR(similarity.status());
    sum += 1 - *similarity;
  }
  return sum / static_cast<double>(similar.size());
}

}  // namespace mannequin
