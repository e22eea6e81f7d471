#include "services/trainer/checkpoints.h"

#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <set>

#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CheckpointsTest : public testing::Test {
 protected:
  CheckpointsTest() : folder_(*MakeTemporaryFolder("checkpoints")), checkpoints_(folder_, 2) {
    GanTrainingOptions options;
    options.shape = {.resolution = 64, .features = 8, .noise = 6, .text = 5, .categories = 2};
    options.device = "cpu";
    training_ = *GanTraining::Create(options, {});
  }
  ~CheckpointsTest() override { std::filesystem::remove_all(folder_); }

  absl::Status Save(std::int64_t step, bool healthy = true) {
    CheckpointFacts facts;
    facts.step = step;
    facts.categories = {"a", "b"};
    facts.healthy = healthy;
    facts.seconds = 0.1;
    facts.learning_rate = 1e-4;
    facts.grows_at = 7;
    facts.seconds_before = 3;
    return checkpoints_.Save(*training_, facts);
  }
  absl::StatusOr<std::optional<CheckpointFacts>> Load(bool healthy_only = false) {
    return checkpoints_.LoadLast(
        *training_, {"a", "b"}, [this](const std::string& warning) { warnings_.push_back(warning); }, healthy_only);
  }
  std::string Path(int step) const { return folder_ + "/checkpoint-0000000" + std::to_string(step) + ".safetensors"; }
  void FlipByteOf(const std::string& path) {
    std::string bytes = *ReadFile(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  }
  std::set<std::string> Files() const {
    std::set<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) files.insert(entry.path().filename());
    return files;
  }

  const std::string folder_;
  Checkpoints checkpoints_;
  std::unique_ptr<GanTraining> training_;
  std::vector<std::string> warnings_;
};

TEST_F(CheckpointsTest, TheLastOnesAreKeptAndTheNewestIsLoaded) {
  EXPECT_FALSE(Checkpoints::AnyIn(folder_));
  EXPECT_FALSE(Load()->has_value());
  for (const int step : {1, 2, 3}) ASSERT_TRUE(Save(step).ok());
  EXPECT_FALSE(std::filesystem::exists(Path(1)));
  EXPECT_TRUE(std::filesystem::exists(Path(2)));
  const auto facts = Load();
  ASSERT_TRUE(facts.ok() && facts->has_value()) << facts.status();
  EXPECT_EQ((*facts)->step, 3);
  EXPECT_EQ((*facts)->seconds, 0.1);
  EXPECT_EQ((*facts)->learning_rate, 1e-4);
  EXPECT_EQ((*facts)->grows_at, 7);
  EXPECT_EQ((*facts)->seconds_before, 3);
  EXPECT_TRUE(Checkpoints::AnyIn(folder_));
}

TEST_F(CheckpointsTest, AFlippedByteIsDataLossAndTheOneBeforeIsTaken) {
  ASSERT_TRUE(Save(1).ok());
  ASSERT_TRUE(Save(2).ok());
  FlipByteOf(Path(2));
  EXPECT_EQ(training_->LoadCheckpoint(Path(2)).status().code(), absl::StatusCode::kDataLoss);
  const auto facts = Load();
  ASSERT_TRUE(facts.ok() && facts->has_value()) << facts.status();
  EXPECT_EQ((*facts)->step, 1);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("checkpoint-00000002.safetensors: differs from its checksum")));
  FlipByteOf(Path(1));
  EXPECT_EQ(Load().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(CheckpointsTest, OfOtherCategoriesIsRefused) {
  ASSERT_TRUE(Save(1).ok());
  const auto facts = checkpoints_.LoadLast(*training_, {"a", "c"}, [](const std::string&) {});
  EXPECT_EQ(facts.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(CheckpointsTest, TheLastHealthyOneOutlivesTheOthers) {
  ASSERT_TRUE(Save(1).ok());
  for (const int step : {2, 3, 4}) ASSERT_TRUE(Save(step, false).ok());
  const auto facts = Load(true);
  ASSERT_TRUE(facts.ok() && facts->has_value()) << facts.status();
  EXPECT_EQ((*facts)->step, 1);
  EXPECT_EQ((*Load())->step, 4);
  ASSERT_TRUE(checkpoints_.RemoveAfter(1).ok());
  EXPECT_EQ((*Load())->step, 1);
}

TEST_F(CheckpointsTest, TheBestIsKeptThoughItIsOld) {
  ASSERT_TRUE(Save(1).ok());
  ASSERT_TRUE(checkpoints_.OfferBest(1, 20.5).ok());
  ASSERT_TRUE(Save(2).ok());
  ASSERT_TRUE(Checkpoints(folder_, 2).OfferBest(2, 30).ok());  // of a run that was started anew
  const std::string first = *ReadFile(Path(1));
  for (const int step : {3, 4}) ASSERT_TRUE(Save(step).ok());
  EXPECT_FALSE(std::filesystem::exists(Path(1)));
  EXPECT_TRUE(*ReadFile(folder_ + "/best.safetensors") == first);
  ASSERT_TRUE(checkpoints_.OfferBest(4, 3).ok());
  EXPECT_TRUE(*ReadFile(folder_ + "/best.safetensors") == *ReadFile(Path(4)));
}

TEST_F(CheckpointsTest, AFullDiskLeavesTheEarlierOneWholeAndNoHalfFile) {
  ASSERT_TRUE(Save(1).ok());
  const std::set<std::string> before = Files();
  rlimit unlimited{};
  getrlimit(RLIMIT_FSIZE, &unlimited);
  rlimit small = unlimited;
  small.rlim_cur = std::filesystem::file_size(Path(1)) / 2;
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const absl::Status status = Save(2);
  setrlimit(RLIMIT_FSIZE, &unlimited);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("checkpoint-00000002"));
  EXPECT_EQ(Files(), before);
  EXPECT_EQ((*Load())->step, 1);
}

}  // namespace
}  // namespace mannequin
