// What goes wrong while a training runs, with its real process.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "services/trainer/checkpoints.h"
#include "services/trainer/curve.h"
#include "tests/unit/trainer/served_trainer.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

class TrainingFaults : public ServedTrainer {
 protected:
  void SetUp() override {
    AddProducts(2, 20);
    AddEmbedding();
  }

  // The process that trains; 0 when there is none.
  static pid_t TrainingProcess() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      for (const absl::string_view word :
           absl::StrSplit(ReadFile(task.path().string() + "/children").value_or(""), ' ', absl::SkipWhitespace())) {
        const std::string pid(word);
        if (absl::StrContains(ReadFile("/proc/" + pid + "/cmdline").value_or(""), "training-process")) {
          return std::stoi(pid);
        }
      }
    }
    return 0;
  }

  // The curve without what depends on the clock.
  std::vector<std::string> Curve(const std::string& id) const {
    std::vector<std::string> lines;
    const auto points = ReadCurve(JobFolderOf(id) + "/curve.pb", 1000);
    EXPECT_TRUE(points.ok()) << points.status();
    if (!points.ok()) return lines;
    for (v1::TrainingPoint point : *points) {
      point.clear_images_per_second();
      point.clear_data_wait();
      lines.push_back(point.SerializeAsString());
    }
    return lines;
  }
};

TEST_F(TrainingFaults, AKilledProcessGoesOnExactlyWhereItsCheckpointWas) {
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_steps(45);
  request.set_checkpoint_steps(15);
  const v1::Job whole = Watch(MustCreate(request).id());
  ASSERT_EQ(whole.state(), v1::JOB_STATE_SUCCEEDED) << whole.error();
  EXPECT_EQ(ProgressOf(whole).restarts(), 0);

  const v1::Job broken = MustCreate(request);
  ASSERT_TRUE(Await([&] { return Checkpoints::AnyIn(JobFolderOf(broken.id())); }));
  const pid_t pid = TrainingProcess();
  ASSERT_NE(pid, 0);
  kill(pid, SIGKILL);
  const v1::Job ended = Watch(broken.id());
  ASSERT_EQ(ended.state(), v1::JOB_STATE_SUCCEEDED) << ended.error();
  EXPECT_EQ(ProgressOf(ended).restarts(), 1);
  EXPECT_EQ(Curve(broken.id()).size(), 6u) << "at 10, 15, 20, 30, 40 and 45";
  EXPECT_TRUE(Curve(broken.id()) == Curve(whole.id()));
  for (const char* file : {"/generator.safetensors", "/discriminator.safetensors"}) {
    EXPECT_TRUE(*ReadFile(bundles_.FolderOf(ProgressOf(ended).bundle_version()) + file) ==
                *ReadFile(bundles_.FolderOf(ProgressOf(whole).bundle_version()) + file))
        << file;
  }
}

TEST_F(TrainingFaults, ATrainingBoundedByTimeReachesTheFullResolutionAfterHalfOfIt) {
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_resolution(128);
  request.set_batch(2);
  request.set_steps(1'000'000);
  request.set_checkpoint_steps(1'000'000);
  request.set_keep_checkpoints(10);
  request.set_max_seconds(3);
  const v1::Job job = Watch(MustCreate(request).id());
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  std::vector<std::int64_t> steps;
  for (const auto& entry : std::filesystem::directory_iterator(JobFolderOf(job.id()))) {
    int step = 0;
    if (std::sscanf(entry.path().filename().c_str(), "checkpoint-%d.safetensors", &step) == 1) steps.push_back(step);
  }
  std::sort(steps.begin(), steps.end());
  ASSERT_EQ(steps.size(), 2u) << "where it grew, and the end";
  EXPECT_GT(steps[1], steps[0]);
  const auto sample = DecodeImage(*ReadFile(ProgressOf(job).sample_path()));
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_GT(sample->width, 8 * 128) << "a grid of eight at the full resolution";
}

TEST_F(TrainingFaults, AProcessThatOutgrowsTheMemoryFailsTheJobAndSaysWhatToDo) {
  config_.set_program(TrainerAfter("ulimit -v 2500000"));
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_features(256);
  const v1::Job job = Watch(MustCreate(request).id());
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(job.error(), HasSubstr("use a smaller batch"));
  EXPECT_THAT(job.error(), HasSubstr("RESOURCE_EXHAUSTED"));
}

TEST_F(TrainingFaults, AFullDiskFailsTheJobAndLeavesNoHalfCheckpoint) {
  config_.set_program(TrainerAfter("ulimit -f 1000"));
  Serve();
  const v1::Job job = Watch(MustCreate(Tiny()).id());
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(job.error(), HasSubstr("cannot write"));
  EXPECT_THAT(job.error(), HasSubstr("checkpoint-00000002"));
  for (const auto& entry : std::filesystem::directory_iterator(JobFolderOf(job.id()))) {
    EXPECT_FALSE(absl::StrContains(entry.path().string(), "checkpoint")) << entry.path();
  }
}

TEST_F(TrainingFaults, ADamagedCheckpointIsPassedOver) {
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_steps(4);
  const v1::Job job = Watch(MustCreate(request).id());
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  const std::string path = JobFolderOf(job.id()) + "/checkpoint-00000004.safetensors";
  std::string bytes = *ReadFile(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  const v1::Job resumed = Watch(Resume(job.id()).id());
  EXPECT_EQ(resumed.state(), v1::JOB_STATE_SUCCEEDED) << resumed.error();
  EXPECT_TRUE(Curve(resumed.id()) == Curve(job.id()));
  const std::string log = *ReadFile(JobFolderOf(resumed.id()) + "/log.txt");
  EXPECT_THAT(log, HasSubstr("differs from its checksum"));
  EXPECT_THAT(log, HasSubstr("goes on at step 2"));
}

// A learning rate of 1 blows any GAN up within some steps.
TEST_F(TrainingFaults, ADivergedTrainingIsRolledBackThreeTimesAndThenFails) {
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_preset("tacgan");
  request.set_steps(100'000);
  request.set_learning_rate(1);
  request.set_divergence_policy(v1::DIVERGENCE_POLICY_ROLL_BACK);
  const v1::Job job = Watch(MustCreate(request).id());
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(job.error(), HasSubstr("after 3 rollbacks"));
  EXPECT_EQ(ProgressOf(job).rollbacks(), 3);
  EXPECT_EQ(ProgressOf(job).point().learning_rate(), 0.125);
  EXPECT_TRUE(Checkpoints::AnyIn(JobFolderOf(job.id())));

  request.set_divergence_policy(v1::DIVERGENCE_POLICY_STOP);
  const v1::Job stopped = Watch(MustCreate(request).id());
  EXPECT_EQ(stopped.state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(stopped.error(), HasSubstr("ABORTED: at step"));
  EXPECT_EQ(ProgressOf(stopped).rollbacks(), 0);
}

TEST_F(TrainingFaults, ACheckpointOfOtherCategoriesIsRefused) {
  Serve();
  const v1::Job job = Watch(MustCreate(Tiny()).id());
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  v1::UpsertProductsRequest upsert;
  for (int i = 0; i < 20; ++i) {
    v1::GetProductRequest get;
    get.set_id(absl::StrCat("p-1-", i));
    v1::Product& product = *upsert.add_products();
    product = store_->GetProduct(get)->product().product();
    product.set_category_path(1, "Renamed");
  }
  ASSERT_TRUE(store_->UpsertProducts(upsert).ok());
  const v1::Job resumed = Watch(Resume(job.id()).id());
  EXPECT_EQ(resumed.state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(resumed.error(), HasSubstr("the catalogue's categories have changed since this checkpoint"));
}

}  // namespace
}  // namespace mannequin
