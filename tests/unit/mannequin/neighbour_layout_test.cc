#include "services/mannequin/neighbour_layout.h"

#include <cmath>
#include <vector>

#include "common/base/random.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

constexpr int kDimension = 12;

std::vector<float> Near(const std::vector<float>& centre, float spread, Random& random) {
  std::vector<float> values = centre;
  float square = 0;
  for (float& value : values) {
    value += spread * random.Centred();
    square += value * value;
  }
  for (float& value : values) value /= std::sqrt(square);
  return values;
}

double Distance(const Point& a, const Point& b) { return std::hypot(a.x - b.x, a.y - b.y); }

TEST(NeighbourLayout, VectorsOfAGroupLieTogetherAndGroupsApart) {
  Random random(2);
  VectorTable vectors(kDimension);
  constexpr int kGroups = 6, kEach = 60;
  for (int group = 0; group < kGroups; ++group) {
    std::vector<float> centre(kDimension);
    centre[static_cast<std::size_t>(group)] = 1;
    for (int i = 0; i < kEach; ++i) vectors.Put(Near(centre, 0.3f, random));
  }
  const std::vector<Point> points = NeighbourLayout(vectors, 1);
  ASSERT_EQ(points.size(), static_cast<std::size_t>(kGroups * kEach));
  int same = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    std::size_t nearest = i == 0 ? 1 : 0;
    for (std::size_t j = 0; j < points.size(); ++j) {
      if (j != i && Distance(points[i], points[j]) < Distance(points[i], points[nearest])) nearest = j;
    }
    same += i / kEach == nearest / kEach;
  }
  EXPECT_EQ(same, kGroups * kEach);
}

TEST(NeighbourLayout, TheSameVectorsAndSeedGiveTheSamePoints) {
  Random random(2);
  VectorTable vectors(kDimension);
  for (int i = 0; i < 100; ++i) vectors.Put(Near(std::vector<float>(kDimension), 1, random));
  const std::vector<Point> first = NeighbourLayout(vectors, 7), second = NeighbourLayout(vectors, 7);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].x, second[i].x);
    EXPECT_EQ(first[i].y, second[i].y);
  }
}

TEST(NeighbourLayout, AFewVectorsGetFinitePointsToo) {
  Random random(2);
  for (const int n : {0, 1, 2, 3, 5}) {
    VectorTable vectors(kDimension);
    for (int i = 0; i < n; ++i) vectors.Put(Near(std::vector<float>(kDimension), 1, random));
    const std::vector<Point> points = NeighbourLayout(vectors, 1);
    ASSERT_EQ(points.size(), static_cast<std::size_t>(n));
    for (const Point& point : points) EXPECT_TRUE(std::isfinite(point.x) && std::isfinite(point.y)) << n;
  }
}

}  // namespace
}  // namespace mannequin
