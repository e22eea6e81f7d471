#include "services/mannequin/loss_graph.h"

#include <cmath>
#include <limits>

#include "common/image/image.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint32_t kGenerator = 0x0072b2, kDiscriminator = 0xd55e00;

v1::TrainingPoint PointAt(std::int64_t step, double generator, double discriminator) {
  v1::TrainingPoint point;
  point.set_step(step);
  point.set_loss_generator(generator);
  point.set_loss_discriminator(discriminator);
  point.set_health(v1::TRAINING_HEALTH_HEALTHY);
  return point;
}

std::vector<v1::TrainingPoint> Level(int count, double generator, double discriminator) {
  std::vector<v1::TrainingPoint> points;
  for (int i = 1; i <= count; ++i) points.push_back(PointAt(10 * i, generator, discriminator));
  return points;
}

void SetHealth(v1::TrainingPoint& point, v1::TrainingHealth health, const std::string& reason) {
  point.set_health(health);
  point.set_health_reason(reason);
}

Pixels Drawn(const std::vector<v1::TrainingPoint>& points) {
  const auto png = LossGraph(points, {.title = "Training job-1", .subtitle = "running", .width = 1200, .height = 700});
  EXPECT_TRUE(png.ok()) << png.status();
  return png.ok() ? *DecodeImage(*png) : Pixels{};
}

std::uint32_t ColourAt(const Pixels& graph, int x, int y) {
  const std::uint8_t* pixel = &graph.rgb[(static_cast<std::size_t>(y) * graph.width + x) * 3];
  return static_cast<std::uint32_t>(pixel[0] << 16 | pixel[1] << 8 | pixel[2]);
}

// Mean height, in pixels from the top, of the colour in a column of the plot; NaN without.
double HeightOf(const Pixels& graph, int x, std::uint32_t colour) {
  double sum = 0;
  int count = 0;
  for (int y = 64; y < graph.height; ++y) {
    if (ColourAt(graph, x, y) != colour) continue;
    sum += y;
    ++count;
  }
  return count == 0 ? kNan : sum / count;
}

TEST(LossGraph, LinesLieAsHighAsTheirLosses) {
  const Pixels graph = Drawn(Level(100, 1, 2));
  ASSERT_EQ(graph.width, 1200);
  ASSERT_EQ(graph.height, 700);
  // Linear from 0, at pixel 650, to 2.1, at pixel 84.
  EXPECT_NEAR(HeightOf(graph, 600, kGenerator), 650 - 566 / 2.1, 1.5);
  EXPECT_NEAR(HeightOf(graph, 600, kDiscriminator), 650 - 2 * 566 / 2.1, 1.5);
}

TEST(LossGraph, LossesFarApartAreOnALogarithmicAxis) {
  const Pixels graph = Drawn(Level(100, 0.01, 100));
  const double bottom = std::log10(0.01 / 1.15), top = std::log10(100 * 1.15);
  const auto height = [&](double loss) { return 650 - 566 * (std::log10(loss) - bottom) / (top - bottom); };
  EXPECT_NEAR(HeightOf(graph, 600, kGenerator), height(0.01), 1.5);
  EXPECT_NEAR(HeightOf(graph, 600, kDiscriminator), height(100), 1.5);
}

TEST(LossGraph, ALossThatIsNotANumberLeavesAGap) {
  std::vector<v1::TrainingPoint> points = Level(100, 1, 2);
  for (int i = 45; i < 55; ++i) points[i].set_loss_generator(kNan);
  const Pixels graph = Drawn(points);
  const int middle = 76 + 1096 / 2;
  EXPECT_TRUE(std::isnan(HeightOf(graph, middle, kGenerator)));
  EXPECT_FALSE(std::isnan(HeightOf(graph, middle, kDiscriminator)));
  EXPECT_FALSE(std::isnan(HeightOf(graph, middle + 200, kGenerator)));
}

TEST(LossGraph, UnhealthyStretchesAreColoured) {
  std::vector<v1::TrainingPoint> points = Level(100, 1, 2);
  for (int i = 70; i < 100; ++i) SetHealth(points[i], v1::TRAINING_HEALTH_DIVERGING, "it <diverges>");
  const Pixels graph = Drawn(points);
  const int y = 95;  // above the lines
  EXPECT_EQ(ColourAt(graph, 600, y), 0xffffffu);
  EXPECT_NE(ColourAt(graph, 1000, y), 0xffffffu);
}

TEST(LossGraph, AccuraciesHaveAPanelWhenThereAreAny) {
  std::vector<v1::TrainingPoint> points = Level(100, 1, 2);
  constexpr std::uint32_t kReal = 0xe69f00;
  EXPECT_TRUE(std::isnan(HeightOf(Drawn(points), 600, kReal)));
  for (v1::TrainingPoint& point : points) point.set_accuracy_real(0.5);
  EXPECT_FALSE(std::isnan(HeightOf(Drawn(points), 600, kReal)));
}

TEST(LossGraph, DrawsWhateverThereIs) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Drawn({PointAt(1, 1, 2)}).width, 1200);                            // one point
  EXPECT_EQ(Drawn({PointAt(1, kNan, kInfinity)}).width, 1200);                 // no number at all
  EXPECT_EQ(Drawn({PointAt(1, 0, 0), PointAt(2, 0, 0)}).width, 1200);          // nothing but zero
  EXPECT_EQ(Drawn({PointAt(1, -3, 1e12), PointAt(2, -4, 1e-9)}).width, 1200);  // below zero, and far apart
  EXPECT_EQ(Drawn({PointAt(1, 1e-9, 1e12), PointAt(2, 1, 1)}).width, 1200);
  EXPECT_EQ(Drawn({PointAt(500, 1, 2), PointAt(100, 2, 1)}).width, 1200);  // rolled back
  std::vector<v1::TrainingPoint> bad = Level(50, 1, 2);
  for (std::size_t i = 0; i < bad.size(); i += 2)
    SetHealth(bad[i], v1::TRAINING_HEALTH_COLLAPSED, std::string(500, 'x'));
  EXPECT_EQ(Drawn(bad).width, 1200);
}

TEST(LossGraph, OfNoPointsOrNoSizeIsRefused) {
  EXPECT_EQ(LossGraph({}, {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(LossGraph(Level(2, 1, 1), {.title = "", .subtitle = "", .width = 100, .height = 700}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(LossGraph, StretchesEndWhereTheVerdictChangesOrTheTrainingGoesBack) {
  std::vector<v1::TrainingPoint> points = Level(10, 1, 2);
  for (int i = 2; i < 5; ++i) SetHealth(points[i], v1::TRAINING_HEALTH_STALLED, "first");
  for (int i = 5; i < 8; ++i) SetHealth(points[i], v1::TRAINING_HEALTH_DIVERGING, i == 7 ? "last" : "");
  points.push_back(PointAt(20, 1, 2));  // back
  SetHealth(points.back(), v1::TRAINING_HEALTH_DIVERGING, "again");
  const std::vector<Unhealthy> stretches = UnhealthyStretches(points);
  ASSERT_EQ(stretches.size(), 3u);
  EXPECT_EQ(stretches[0].health, v1::TRAINING_HEALTH_STALLED);
  EXPECT_EQ(stretches[0].from, 30);
  EXPECT_EQ(stretches[0].to, 50);
  EXPECT_EQ(stretches[1].reason, "last");
  EXPECT_EQ(stretches[2].from, 20);
  EXPECT_EQ(HealthName(stretches[1].health), "DIVERGING");
}

}  // namespace
}  // namespace mannequin
