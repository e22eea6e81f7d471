#include "services/trainer/health.h"

#include <cmath>
#include <limits>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/nn/device.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/trainer/gan_training.h"
#include "tests/unit/trainer/curve_file.h"

namespace mannequin {
namespace {

using testing::HasSubstr;

constexpr auto kHealthy = v1::TRAINING_HEALTH_HEALTHY, kStalled = v1::TRAINING_HEALTH_STALLED,
               kDiverging = v1::TRAINING_HEALTH_DIVERGING, kCollapsed = v1::TRAINING_HEALTH_COLLAPSED;

// What was said of a curve: each change of state, as "step: STATE".
std::vector<std::string> SaidOf(const std::vector<v1::TrainingPoint>& points) {
  HealthMonitor health;
  std::vector<std::string> said;
  v1::TrainingHealth before = kHealthy;
  for (const v1::TrainingPoint& point : points) {
    health.Add(point);
    EXPECT_EQ(health.state() == kHealthy, health.reason().empty());
    if (health.state() != before) {
      said.push_back(absl::StrCat(point.step(), ": ", v1::TrainingHealth_Name(health.state()).substr(16)));
    }
    before = health.state();
  }
  return said;
}

std::vector<v1::TrainingPoint> Recorded(const std::string& name) {
  std::vector<v1::TrainingPoint> points = ReadCurve(std::string(CURVES) + "/" + name + ".txt");
  EXPECT_GE(points.size(), 5u) << name;
  return points;
}

// Points of a training in good order from step `from` on: noise about levels.
std::vector<v1::TrainingPoint> Good(int count, std::int64_t from = 0, double accuracy = 0.7) {
  std::mt19937 random(3);
  std::normal_distribution<double> noise(0, 1);
  std::vector<v1::TrainingPoint> points;
  for (int i = 1; i <= count; ++i) {
    v1::TrainingPoint& point = points.emplace_back();
    point.set_step(from + 10 * i);
    const double falling = std::exp(-static_cast<double>(point.step()) / 400);
    point.set_loss_generator(1 + falling + 0.03 * noise(random));
    point.set_loss_discriminator(1.5 + 3 * falling + 0.03 * noise(random));
    point.set_accuracy_real(std::min(1.0, accuracy + 0.02 * noise(random)));
    point.set_accuracy_generated(std::min(1.0, accuracy + 0.02 * noise(random)));
    point.set_gradient_norm_generator(2 + 0.2 * noise(random));
    point.set_gradient_norm_discriminator(5 + 0.2 * noise(random));
    point.set_diversity(0.12 - 0.05 * falling + 0.002 * noise(random));
  }
  return points;
}

// --- recorded trainings ---

class GoodTraining : public testing::TestWithParam<const char*> {};

TEST_P(GoodTraining, IsNeverCalledBad) { EXPECT_THAT(SaidOf(Recorded(GetParam())), testing::IsEmpty()); }

TEST_P(GoodTraining, IsNeverCalledBadWithoutWhatIsNotMeasured) {
  std::vector<v1::TrainingPoint> points = Recorded(GetParam());
  for (v1::TrainingPoint& point : points) {
    point.clear_accuracy_real();
    point.clear_accuracy_generated();
    point.clear_gradient_norm_generator();
    point.clear_gradient_norm_discriminator();
  }
  EXPECT_THAT(SaidOf(points), testing::IsEmpty());
}

// As one whose process starts anew on a checkpoint sees it.
TEST_P(GoodTraining, IsNeverCalledBadWhenSeenFromAnyStepOn) {
  const std::vector<v1::TrainingPoint> points = Recorded(GetParam());
  for (std::size_t begin = 10; begin < points.size(); begin += 10) {
    EXPECT_THAT(SaidOf({points.begin() + static_cast<std::ptrdiff_t>(begin), points.end()}), testing::IsEmpty())
        << begin;
  }
}

// As a job reads them that waits for the device less often.
TEST_P(GoodTraining, IsNeverCalledBadByFewerPoints) {
  const std::vector<v1::TrainingPoint> points = Recorded(GetParam());
  for (const std::size_t apart : {5, 10, 20}) {
    std::vector<v1::TrainingPoint> fewer;
    for (std::size_t i = apart - 1; i < points.size(); i += apart) fewer.push_back(points[i]);
    EXPECT_THAT(SaidOf(fewer), testing::IsEmpty()) << apart;
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, GoodTraining,
                         testing::Values("good_tacgan_lsgan", "good_tacgan_bce", "good_mannequin_relativistic",
                                         "good_mannequin_lsgan", "discriminator_fast_relativistic",
                                         "discriminator_fast_lsgan"));

TEST(BrokenTraining, WhoseGeneratorStandsStillDiverges) {
  EXPECT_THAT(SaidOf(Recorded("generator_still_lsgan")), testing::ElementsAre("550: DIVERGING"));
}

TEST(BrokenTraining, WhoseGeneratorStandsStillDivergesByARelativisticLossToo) {
  HealthMonitor health;
  for (const v1::TrainingPoint& point : Recorded("generator_still_relativistic")) health.Add(point);
  EXPECT_EQ(health.state(), kDiverging);
  EXPECT_THAT(health.reason(), HasSubstr("the discriminator told more than 99 % of all images right and its loss fell "
                                         "to 3.1, while the generator's rose by 0.95 to 5.15, over 500 steps"));
}

TEST(BrokenTraining, WithOneImageForAllCollapses) {
  // Broken at step 400.
  EXPECT_THAT(SaidOf(Recorded("collapsed_lsgan")), testing::ElementsAre("500: COLLAPSED"));
}

TEST(BrokenTraining, ThatNeverMovesStalls) {
  EXPECT_THAT(SaidOf(Recorded("stalled_lsgan")), testing::ElementsAre("500: STALLED"));
  // Its generator's loss rises, for its terms gain weight in the warm-up.
  EXPECT_THAT(SaidOf(Recorded("stalled_relativistic")), testing::ElementsAre("500: STALLED"));
}

TEST(BrokenTraining, WithFarTooHighALearningRateDivergesAtOnce) {
  EXPECT_THAT(SaidOf(Recorded("learning_rate_1_lsgan")), testing::ElementsAre("10: DIVERGING"));
}

// --- rules one by one ---

TEST(HealthMonitor, ALossThatIsNotANumberIsSaidAtOnceAndForgottenLater) {
  for (const double loss : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    std::vector<v1::TrainingPoint> points = Good(100);
    points[50].set_loss_generator(loss);
    EXPECT_THAT(SaidOf(points), testing::ElementsAre("510: DIVERGING", "710: HEALTHY"));
    HealthMonitor health;
    health.Add(points[50]);
    EXPECT_EQ(health.reason(), "the generator's loss is not a number at step 510");
  }
}

TEST(HealthMonitor, AnExplodingGradientDiverges) {
  std::vector<v1::TrainingPoint> points = Good(100);
  for (int i = 70; i < 100; ++i) points[i].set_gradient_norm_discriminator(4000);
  EXPECT_THAT(SaidOf(points), testing::ElementsAre("750: DIVERGING"));
}

TEST(HealthMonitor, OneWildStepIsNoAlarm) {
  std::vector<v1::TrainingPoint> points = Good(100);
  points[70].set_gradient_norm_generator(100);
  points[80].set_loss_generator(20);
  points[90].set_diversity(0.01);
  EXPECT_THAT(SaidOf(points), testing::IsEmpty());
}

TEST(HealthMonitor, DiversityFarBelowItsBestCollapsesAndMayRecover) {
  std::vector<v1::TrainingPoint> points = Good(200);
  for (int i = 80; i < 120; ++i) points[i].set_diversity(0.02);
  EXPECT_THAT(SaidOf(points), testing::ElementsAre("900: COLLAPSED", "1400: HEALTHY"));
}

TEST(HealthMonitor, ADeadGeneratorStalls) {
  std::vector<v1::TrainingPoint> points = Good(100);
  for (int i = 50; i < 100; ++i) points[i].set_gradient_norm_generator(0);
  EXPECT_THAT(SaidOf(points), testing::ElementsAre("800: STALLED"));
}

TEST(HealthMonitor, ATrainingThatHasLearnedAndStandsStillIsHealthy) {
  EXPECT_THAT(SaidOf(Good(20'000)), testing::IsEmpty());
  EXPECT_THAT(SaidOf(Good(20'000, 0, 0.5)), testing::IsEmpty());
  EXPECT_THAT(SaidOf(Good(2'000, 100'000)), testing::IsEmpty());  // resumed
}

TEST(HealthMonitor, ARollBackBeginsAnew) {
  HealthMonitor health;
  std::vector<v1::TrainingPoint> points = Good(100);
  for (const v1::TrainingPoint& point : points) health.Add(point);
  points[90].set_loss_generator(std::numeric_limits<double>::quiet_NaN());
  points[90].set_step(1010);
  health.Add(points[90]);
  ASSERT_EQ(health.state(), kDiverging);
  health.Add(points[50]);  // step 510 again
  EXPECT_EQ(health.state(), kHealthy);
  EXPECT_EQ(health.reason(), "");
  for (int i = 51; i < 90; ++i) health.Add(points[i]);
  EXPECT_EQ(health.state(), kHealthy);
}

TEST(HealthMonitor, LossesAreMeansOfTheLast50Steps) {
  HealthMonitor health;
  EXPECT_EQ(health.generator(), 0);
  std::vector<v1::TrainingPoint> points = Good(10);
  for (int i = 0; i < 10; ++i) {
    points[i].set_loss_generator(i);
    points[i].set_loss_discriminator(10 * i);
    health.Add(points[i]);
  }
  EXPECT_EQ(health.generator(), (5 + 6 + 7 + 8 + 9) / 5.0);
  EXPECT_EQ(health.discriminator(), 70);
}

// --- trained here ---

// Stripes of a label's colour, of a width and place that differ.
Batch StripesOf(std::int64_t step) {
  std::mt19937 random(static_cast<unsigned>(step));
  Batch batch;
  batch.step = step;
  batch.side = 64;
  batch.clean = 8;
  for (int image = 0; image < 8; ++image) {
    const int label = static_cast<int>(random() % 3), left = static_cast<int>(random() % 32);
    for (int y = 0; y < 64; ++y) {
      for (int x = 0; x < 64; ++x) {
        for (int channel = 0; channel < 3; ++channel) {
          batch.images.push_back(x >= left && x < left + 24 && channel == label ? 40 : 240);
        }
      }
    }
    for (int i = 0; i < 5; ++i) batch.texts.push_back(i == label ? 1.f : 0.f);
    batch.labels.push_back(label);
  }
  batch.honest.assign(8, 1);
  batch.overlay_cells.assign(8 * 64, 0);
  return batch;
}

std::vector<std::string> SaidOfTraining(const std::string& preset, double learning_rate, const std::string& loss,
                                        int steps) {
  SetCpuThreads(1);
  GanTrainingOptions options;
  options.shape = {.preset = preset, .resolution = 64, .features = 8, .noise = 6, .text = 5, .categories = 3};
  options.loss = loss;
  options.device = "cpu";
  options.learning_rate = learning_rate;
  options.seed = 9;
  const auto training = *GanTraining::Create(options, {});
  std::vector<v1::TrainingPoint> points;
  for (int step = 1; step <= steps; ++step) {
    EXPECT_TRUE(training->Step(StripesOf(step - 1)).ok());
    if (step % 5 == 0) points.push_back(training->TakePoint());
  }
  return SaidOf(points);
}

TEST(LiveTraining, BrokenOnPurposeIsFoundOutWithinTwentySteps) {
  for (const char* loss : {"lsgan", "bce"}) {
    const std::vector<std::string> said = SaidOfTraining("tacgan", 1, loss, 20);
    ASSERT_FALSE(said.empty()) << loss;
    EXPECT_THAT(said[0], HasSubstr("DIVERGING")) << loss;
  }
}

TEST(LiveTraining, InGoodOrderIsHealthy) {
  EXPECT_THAT(SaidOfTraining("tacgan", 2e-4, "lsgan", 60), testing::IsEmpty());
  EXPECT_THAT(SaidOfTraining("mannequin", 2e-4, "relativistic", 60), testing::IsEmpty());
}

}  // namespace
}  // namespace mannequin
