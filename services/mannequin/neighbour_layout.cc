#include "services/mannequin/neighbour_layout.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>

#include "common/base/random.h"
#include "services/embedder/exact_search.h"

namespace mannequin {
namespace {

constexpr std::size_t kNeighbours = 15;
constexpr int kRepelled = 5;  // random points an attraction
// A point's pull 1 / (1 + a d^2b) that fits the paper's curve for min_dist 0.5, spread 1: room
// between the products of a kind.
constexpr float kA = 0.583f, kB = 1.334f;
constexpr float kLongestStep = 4;
constexpr float kWidthAtStart = 20;

struct Tie {
  std::uint32_t from, to;
  float weight;  // 0 to 1
};

std::vector<std::vector<ScoredRow>> Nearest(const VectorTable& vectors) {
  std::vector<RowQuery> queries;
  for (std::uint32_t row = 0; row < vectors.size(); ++row) queries.push_back({vectors[row], kNeighbours + 1});
  std::vector<std::vector<ScoredRow>> near = SearchAll(vectors, queries, [](std::uint32_t) { return true; });
  for (std::uint32_t row = 0; row < vectors.size(); ++row) {
    std::erase_if(near[row], [row](const ScoredRow& other) { return other.row == row; });
  }
  return near;
}

float Distance(const ScoredRow& other) { return std::max(0.0f, 1 - other.cosine); }

// The scale at which a row's ties weigh log2(neighbours) together, so that every point is
// tied as firmly, in crowds and in deserts.
float ScaleOf(const std::vector<ScoredRow>& near) {
  const float wanted = std::log2(static_cast<float>(near.size() + 1)), nearest = Distance(near.front());
  float low = 1e-6f, high = 4;
  for (int i = 0; i < 40; ++i) {
    const float middle = (low + high) / 2;
    float sum = 0;
    for (const ScoredRow& other : near) sum += std::exp((nearest - Distance(other)) / middle);
    (sum > wanted ? high : low) = middle;
  }
  return low;
}

// Both ways of a pair become one tie: a + b - ab.
std::vector<Tie> TiesOf(const std::vector<std::vector<ScoredRow>>& near) {
  std::vector<Tie> ties;
  for (std::uint32_t row = 0; row < near.size(); ++row) {
    if (near[row].empty()) continue;
    const float nearest = Distance(near[row].front()), scale = ScaleOf(near[row]);
    for (const ScoredRow& other : near[row]) {
      const float weight = std::exp((nearest - Distance(other)) / scale);
      ties.push_back({std::min(row, other.row), std::max(row, other.row), weight});
    }
  }
  std::sort(ties.begin(), ties.end(), [](const Tie& a, const Tie& b) {
    return std::tie(a.from, a.to, a.weight) < std::tie(b.from, b.to, b.weight);
  });
  std::vector<Tie> merged;
  for (const Tie& tie : ties) {
    if (!merged.empty() && merged.back().from == tie.from && merged.back().to == tie.to) {
      merged.back().weight += tie.weight - merged.back().weight * tie.weight;
    } else {
      merged.push_back(tie);
    }
  }
  return merged;
}

// `direction` of greatest variance, at right angles to `other`, by power iteration.
std::vector<double> PrincipalDirection(const VectorTable& vectors, const std::vector<double>& centre,
                                       const std::vector<double>& other, Random& random) {
  const std::size_t n = centre.size();
  std::vector<double> direction(n);
  for (double& value : direction) value = random.Centred();
  for (int i = 0; i < 30; ++i) {
    std::vector<double> next(n);
    for (std::uint32_t row = 0; row < vectors.size(); ++row) {
      double dot = 0;
      for (std::size_t j = 0; j < n; ++j) dot += (vectors[row][j] - centre[j]) * direction[j];
      for (std::size_t j = 0; j < n; ++j) next[j] += dot * (vectors[row][j] - centre[j]);
    }
    double along = 0, square = 0;
    for (std::size_t j = 0; j < n; ++j) along += next[j] * other[j];
    for (std::size_t j = 0; j < n; ++j) {
      next[j] -= along * other[j];
      square += next[j] * next[j];
    }
    if (square == 0) return direction;
    for (std::size_t j = 0; j < n; ++j) direction[j] = next[j] / std::sqrt(square);
  }
  return direction;
}

std::vector<Point> PrincipalComponents(const VectorTable& vectors, Random& random) {
  const auto n = static_cast<std::size_t>(vectors.dimension());
  std::vector<double> centre(n), x(n), y(n);
  for (std::uint32_t row = 0; row < vectors.size(); ++row) {
    for (std::size_t j = 0; j < n; ++j) centre[j] += vectors[row][j] / static_cast<double>(vectors.size());
  }
  x = PrincipalDirection(vectors, centre, x, random);
  y = PrincipalDirection(vectors, centre, x, random);
  std::vector<Point> points(vectors.size());
  float widest = 1e-6f;
  for (std::uint32_t row = 0; row < vectors.size(); ++row) {
    for (std::size_t j = 0; j < n; ++j) {
      points[row].x += static_cast<float>((vectors[row][j] - centre[j]) * x[j]);
      points[row].y += static_cast<float>((vectors[row][j] - centre[j]) * y[j]);
    }
    widest = std::max({widest, std::abs(points[row].x), std::abs(points[row].y)});
  }
  for (Point& point : points) {
    point.x = kWidthAtStart / 2 * point.x / widest + 0.01f * random.Centred();
    point.y = kWidthAtStart / 2 * point.y / widest + 0.01f * random.Centred();
  }
  return points;
}

// One step of `a` by `force` times its difference to `b`.
Point Step(const Point& a, const Point& b, float force, float rate) {
  return {rate * std::clamp(force * (a.x - b.x), -kLongestStep, kLongestStep),
          rate * std::clamp(force * (a.y - b.y), -kLongestStep, kLongestStep)};
}

float SquareBetween(const Point& a, const Point& b) { return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y); }

void Attract(Point& a, Point& b, float rate) {
  const float square = SquareBetween(a, b);
  if (square == 0) return;
  const float power = std::pow(square, kB);
  const Point step = Step(a, b, -2 * kA * kB * power / square / (1 + kA * power), rate);
  a = {a.x + step.x, a.y + step.y};
  b = {b.x - step.x, b.y - step.y};
}

void Repel(Point& a, const Point& b, float rate) {
  const float square = SquareBetween(a, b);
  const float force = 2 * kB / ((0.001f + square) * (1 + kA * std::pow(square, kB)));
  const Point step = Step(a, b, force, rate);
  a = {a.x + step.x, a.y + step.y};
}

}  // namespace

std::vector<Point> NeighbourLayout(const VectorTable& vectors, std::uint64_t seed) {
  Random random(seed);
  std::vector<Point> points = PrincipalComponents(vectors, random);
  if (vectors.size() < 3) return points;
  const std::vector<Tie> ties = TiesOf(Nearest(vectors));
  const int epochs = vectors.size() > 10'000 ? 200 : 500;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const float rate = 1 - static_cast<float>(epoch) / static_cast<float>(epochs);
    for (const Tie& tie : ties) {
      // A tie acts in as many of the epochs as it weighs.
      if (random.Centred() + 0.5f >= tie.weight) continue;
      Attract(points[tie.from], points[tie.to], rate);
      const std::uint32_t end = random.Next() & 1 ? tie.from : tie.to;
      for (int i = 0; i < kRepelled; ++i) {
        const std::uint32_t other = random.Below(vectors.size());
        if (other != end) Repel(points[end], points[other], rate);
      }
    }
  }
  return points;
}

}  // namespace mannequin
