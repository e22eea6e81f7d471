#include "services/generator/text_path.h"

#include <cmath>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

using Vector = std::vector<float>;

double Angle(const Vector& a, const Vector& b) {
  double cosine = 0;
  for (std::size_t i = 0; i < a.size(); ++i) cosine += static_cast<double>(a[i]) * b[i];
  return std::acos(std::min(1.0, cosine));
}

TEST(Slerp, BeginsAndEndsExactly) {
  const Vector a{0.6f, 0.8f, 0}, b{0, 0, 1};
  EXPECT_EQ(Slerp(a, b, 0), a);
  EXPECT_EQ(Slerp(a, b, 1), b);
}

TEST(Slerp, StaysOfUnitLengthAndTurnsEvenly) {
  const Vector a{0.6f, 0.8f, 0}, b{0, 0, 1};
  for (int step = 0; step <= 8; ++step) {
    const Vector between = Slerp(a, b, step / 8.0);
    double square = 0;
    for (const float value : between) square += static_cast<double>(value) * value;
    EXPECT_NEAR(square, 1, 1e-6);
    EXPECT_NEAR(Angle(a, between), step / 8.0 * Angle(a, b), 1e-3);
  }
}

TEST(Slerp, SameOrOppositeVectorsGiveAnEndNeverNonsense) {
  const Vector a{1, 0}, opposite{-1, 0};
  EXPECT_EQ(Slerp(a, a, 0.3), a);
  EXPECT_EQ(Slerp(a, opposite, 0.3), a);
  EXPECT_EQ(Slerp(a, opposite, 0.7), opposite);
}

}  // namespace
}  // namespace mannequin
