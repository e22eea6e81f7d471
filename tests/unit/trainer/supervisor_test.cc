#include "services/trainer/supervisor.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Processes are scripts that die in the ways that trainings do.
class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() : folder_(*MakeTemporaryFolder("supervisor")) {
    plan_.set_job_id("job-1");
    plan_.set_folder(folder_);
    plan_.add_devices("cpu");
    options_.last_words = absl::ZeroDuration();
  }
  ~SupervisorTest() override { std::filesystem::remove_all(folder_); }

  absl::Status Run(const std::string& script) {
    options_.program = folder_ + "/program.sh";
    EXPECT_TRUE(
        WriteFileAtomically(options_.program, absl::StrCat("#!/bin/sh\ncd ", folder_, "\n", script, "\n")).ok());
    std::filesystem::permissions(options_.program, std::filesystem::perms::owner_all);
    return Supervise(
        folder_ + "/plan", plan_, options_, [this] { return stop_when_ != nullptr && stop_when_(); },
        [this](const v1::TrainingProgress& progress, double) { restarts_ = progress.restarts(); });
  }

  std::vector<std::string> Lines(const std::string& file) const {
    return absl::StrSplit(ReadFile(folder_ + "/" + file).value_or(""), '\n', absl::SkipEmpty());
  }

  const std::string folder_;
  v1::TrainingPlan plan_;
  SupervisorOptions options_;
  std::function<bool()> stop_when_;
  int restarts_ = 0;
};

TEST_F(SupervisorTest, OneThatKeepsBeingKilledFailsAfterThreeNewStarts) {
  const absl::Status status = Run("echo x >> starts\nkill -9 $$");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("killed by signal 9, perhaps out of memory: use a smaller batch"));
  EXPECT_THAT(Lines("starts"), SizeIs(4));
  EXPECT_EQ(restarts_, 3);
}

TEST_F(SupervisorTest, OneThatEndsWithoutAWordFailsWithItsStatus) {
  const absl::Status status = Run("echo oh >&2\nexit 3");
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("ended with status 3"));
  EXPECT_THAT(Lines("log.txt"), ElementsAre("oh", "oh", "oh", "oh"));
}

TEST_F(SupervisorTest, OneThatSaysNothingIsKilled) {
  options_.max_silence = absl::Milliseconds(200);
  options_.max_restarts = 1;
  const absl::Status status = Run("echo $$ >> pids\nexec sleep 600");
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("said nothing for 200ms"));
  ASSERT_THAT(Lines("pids"), SizeIs(2));
  for (const std::string& pid : Lines("pids")) EXPECT_FALSE(std::filesystem::exists("/proc/" + pid));
}

TEST_F(SupervisorTest, AGroupIsStartedAnewAsAWholeWhenOneOfItDies) {
  plan_.add_devices("cpu");
  options_.max_restarts = 1;
  const absl::Status status =
      Run("echo $RANK of $WORLD_SIZE, here $LOCAL_RANK of $LOCAL_WORLD_SIZE, by ${RENDEZVOUS##*/} >> starts\n"
          "if [ $RANK = 0 ]; then exec sleep 600; fi\n"
          "while [ $(grep -c '^0' starts) != $(grep -c '^1' starts) ]; do sleep 0.05; done\nkill -9 $$");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("process 1 was lost"));
  EXPECT_THAT(Lines("starts"), testing::UnorderedElementsAre(
                                   "0 of 2, here 0 of 2, by rendezvous-0", "1 of 2, here 1 of 2, by rendezvous-0",
                                   "0 of 2, here 0 of 2, by rendezvous-1", "1 of 2, here 1 of 2, by rendezvous-1"));
}

TEST_F(SupervisorTest, IsAskedToEndBeforeItIsKilled) {
  stop_when_ = [this] { return !Lines("ready").empty(); };
  EXPECT_EQ(Run("trap 'echo bye >> said; exit 1' TERM\necho x > ready\nwhile :; do sleep 0.02; done").code(),
            absl::StatusCode::kCancelled);
  EXPECT_THAT(Lines("said"), ElementsAre("bye"));
  std::filesystem::remove(folder_ + "/ready");
  options_.grace = absl::Milliseconds(100);
  EXPECT_EQ(Run("trap '' TERM\necho x > ready\nwhile :; do sleep 0.02; done").code(), absl::StatusCode::kCancelled);
}

TEST_F(SupervisorTest, AProcessSeesItsOwnDeviceOnly) {
  setenv("CUDA_VISIBLE_DEVICES", "4,7", 1);
  options_.max_restarts = 0;
  plan_.set_devices(0, "cuda:1");
  EXPECT_FALSE(Run("echo \"$CUDA_VISIBLE_DEVICES\" > seen").ok());
  EXPECT_THAT(Lines("seen"), ElementsAre("7"));
  plan_.set_devices(0, "cpu");
  EXPECT_FALSE(Run("echo \"$CUDA_VISIBLE_DEVICES\" > seen").ok());
  EXPECT_THAT(Lines("seen"), IsEmpty());
  unsetenv("CUDA_VISIBLE_DEVICES");
}

TEST_F(SupervisorTest, AnErrorThatTheProcessNamesIsTheTrainings) {
  options_.program = MANNEQUIN_TRAINER;
  const absl::Status status = Supervise(
      folder_ + "/no-plan", plan_, options_, [] { return false; }, [](const v1::TrainingProgress&, double) {});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no-plan"));
}

TEST_F(SupervisorTest, AProgramThatIsNotThereIsAnError) {
  options_.program = folder_ + "/none";
  const absl::Status status = Supervise(
      folder_ + "/plan", plan_, options_, [] { return false; }, [](const v1::TrainingProgress&, double) {});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot start"));
}

}  // namespace
}  // namespace mannequin
