#include "services/trainer/gan_training.h"

#include <cmath>
#include <filesystem>
#include <random>

#include "common/base/file.h"
#include "common/nn/device.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

GanTrainingOptions Small() {
  GanTrainingOptions options;
  options.shape = {.resolution = 64, .features = 8, .noise = 6, .text = 5, .categories = 3};
  options.device = "cpu";
  options.seed = 9;
  return options;
}

// What a step sees is fixed by its number.
Batch BatchOf(std::int64_t step) {
  std::mt19937 random(static_cast<unsigned>(step));
  Batch batch;
  batch.step = step;
  batch.side = 64;
  batch.clean = 3;
  for (int i = 0; i < 4 * 64 * 64 * 3; ++i) batch.images.push_back(static_cast<std::uint8_t>(random()));
  for (int i = 0; i < 4 * 5; ++i) batch.texts.push_back(static_cast<float>(random() % 100) / 100);
  batch.labels = {0, 1, 2, static_cast<std::int64_t>(random() % 3)};
  batch.honest = {1, 1, 1, 0};
  batch.overlay_cells.assign(4 * 64, 0);
  batch.overlay_cells[3 * 64 + 5] = 1;
  return batch;
}

class Training : public testing::Test {
 protected:
  Training() : folder_(*MakeTemporaryFolder("training")), path_(folder_ + "/checkpoint.safetensors") {
    SetCpuThreads(1);
  }
  ~Training() override { std::filesystem::remove_all(folder_); }

  const std::string folder_, path_;
};

class TrainingOf : public Training, public testing::WithParamInterface<const char*> {
 protected:
  GanTrainingOptions Small() const {
    GanTrainingOptions options = mannequin::Small();
    options.shape.preset = GetParam();
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(Preset, TrainingOf, testing::Values("tacgan", "mannequin"));

TEST_P(TrainingOf, ResumesExactlyWhereItWas) {
  const auto whole = *GanTraining::Create(Small(), {});
  for (std::int64_t step = 0; step < 2; ++step) ASSERT_TRUE(whole->Step(BatchOf(step)).ok());
  ASSERT_TRUE(whole->SaveCheckpoint(path_, 2, {{"categories", "a\nb"}}).ok());
  whole->TakePoint();
  for (std::int64_t step = 2; step < 4; ++step) ASSERT_TRUE(whole->Step(BatchOf(step)).ok());
  const v1::TrainingPoint expected = whole->TakePoint();

  const auto again = *GanTraining::Create(Small(), {});
  const auto resumed = again->LoadCheckpoint(path_);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->next_step, 2);
  EXPECT_EQ(resumed->facts.at("categories"), "a\nb");
  for (std::int64_t step = 2; step < 4; ++step) ASSERT_TRUE(again->Step(BatchOf(step)).ok());
  const v1::TrainingPoint got = again->TakePoint();
  EXPECT_TRUE(std::isfinite(expected.loss_generator() + expected.loss_discriminator()));
  EXPECT_EQ(got.SerializeAsString(), expected.SerializeAsString());
  EXPECT_EQ(again->Sample({{1, 0, 0, 0, 0}}, 4)[0].rgb, whole->Sample({{1, 0, 0, 0, 0}}, 4)[0].rgb);
}

TEST_P(TrainingOf, LearnsToTellRealFromWrong) {
  const auto training = *GanTraining::Create(Small(), {});
  ASSERT_TRUE(training->Step(BatchOf(0)).ok());
  const v1::TrainingPoint first = training->TakePoint();
  for (std::int64_t step = 1; step < 12; ++step) ASSERT_TRUE(training->Step(BatchOf(0)).ok());
  training->TakePoint();
  ASSERT_TRUE(training->Step(BatchOf(0)).ok());
  EXPECT_LT(training->TakePoint().loss_discriminator(), first.loss_discriminator());
}

TEST_F(Training, BceWorksToo) {
  GanTrainingOptions options = Small();
  options.loss = "bce";
  const auto training = *GanTraining::Create(options, {});
  ASSERT_TRUE(training->Step(BatchOf(0)).ok());
  EXPECT_TRUE(std::isfinite(training->TakePoint().loss_discriminator()));
}

// Texts in two groups that differ much, and within each a little.
std::vector<std::vector<float>> CloseTexts() {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> texts;
  for (int i = 0; i < 64; ++i) {
    std::vector<float> text = {i % 2 == 0 ? 0.7f : -0.7f, 0.7f, 0, 0, 0};
    for (float& component : text) component += 0.02f * normal(random);
    texts.push_back(text);
  }
  return texts;
}

TEST_F(Training, StandardisationComesWithTheCheckpoint) {
  GanTrainingOptions options = Small();
  options.shape.preset = "mannequin";
  const auto training = *GanTraining::Create(options, CloseTexts());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(training->Step(BatchOf(0)).ok());
  ASSERT_TRUE(training->SaveCheckpoint(path_, 3, {}).ok());
  const auto again = *GanTraining::Create(options, {});
  ASSERT_TRUE(again->LoadCheckpoint(path_).ok());
  EXPECT_EQ(again->Sample({CloseTexts()[0]}, 4)[0].rgb, training->Sample({CloseTexts()[0]}, 4)[0].rgb);
}

TEST_F(Training, BeginsAtHalfTheResolutionAndGoesOnAtAllOfIt) {
  GanTrainingOptions options = Small();
  options.shape.preset = "mannequin";
  options.shape.resolution = 128;
  const auto training = *GanTraining::Create(options, CloseTexts());
  Batch half = BatchOf(0);
  half.grown = false;
  half.overlay_cells.assign(4 * 256, 0);
  ASSERT_TRUE(training->Step(half).ok());
  EXPECT_EQ(training->Sample({CloseTexts()[0]}, 4)[0].width, 64);
  Batch whole = half;
  whole.step = 1;
  whole.side = 128;
  whole.grown = true;
  whole.images.assign(4 * 128 * 128 * 3, 200);
  ASSERT_TRUE(training->Step(whole).ok());
  EXPECT_EQ(training->Sample({CloseTexts()[0]}, 4)[0].width, 128);
  half.step = 2;
  half.grown = true;
  ASSERT_TRUE(training->Step(half).ok());
  EXPECT_EQ(training->Sample({CloseTexts()[0]}, 4)[0].width, 128) << "a step at half of it changes nothing";
  EXPECT_TRUE(std::isfinite(training->TakePoint().loss_generator()));
}

TEST_F(Training, CheckpointOfOtherNetworksOrDamagedIsRefused) {
  const auto training = *GanTraining::Create(Small(), {});
  ASSERT_TRUE(training->SaveCheckpoint(path_, 1, {}).ok());
  GanTrainingOptions options = Small();
  options.shape.features = 16;
  EXPECT_EQ((*GanTraining::Create(options, {}))->LoadCheckpoint(path_).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(training->LoadCheckpoint(folder_ + "/none").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomically(path_, "not a checkpoint").ok());
  EXPECT_EQ(training->LoadCheckpoint(path_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Training, UnknownPresetLossAndDeviceAreRefused) {
  GanTrainingOptions options = Small();
  options.shape.preset = "stylegan";
  EXPECT_EQ(GanTraining::Create(options, {}).status().code(), absl::StatusCode::kInvalidArgument);
  options = Small();
  options.loss = "wgan";
  EXPECT_EQ(GanTraining::Create(options, {}).status().code(), absl::StatusCode::kInvalidArgument);
  options = Small();
  options.device = "tpu";
  EXPECT_EQ(GanTraining::Create(options, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin
