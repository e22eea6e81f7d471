#include "services/trainer/device_queue.h"

#include <filesystem>
#include <set>

#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DeviceQueueTest : public testing::Test {
 protected:
  DeviceQueueTest() : folder_(*MakeTemporaryFolder("queue")) {
    config::v1::StoreConfig config;
    config.set_data(folder_ + "/data");
    store_ = *RocksStore::Open(config, Clock::Real());
    queue_ = std::make_unique<DeviceQueue>(*store_, std::vector<v1::JobKind>{v1::JOB_KIND_TRAIN_GAN},
                                           std::vector<std::string>{"cuda:0", "cuda:1"});
  }
  ~DeviceQueueTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string Create(const std::vector<std::string>& devices) {
    v1::CreateTrainingRequest training;
    training.mutable_devices()->Assign(devices.begin(), devices.end());
    v1::CreateJobRequest request;
    request.set_kind(v1::JOB_KIND_TRAIN_GAN);
    request.mutable_spec()->PackFrom(training);
    return store_->CreateJob(request)->job().id();
  }
  // "" for none.
  static std::string IdOf(const std::optional<JobWorker::Choice>& choice) { return choice ? choice->id : ""; }

  const std::string folder_;
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<DeviceQueue> queue_;
};

TEST_F(DeviceQueueTest, NoTwoJobsShareADevice) {
  EXPECT_EQ(IdOf(queue_->Next()), "");
  const std::string first = Create({"cuda"}), second = Create({"cuda:0"}), third = Create({});
  auto a = queue_->Next();
  ASSERT_EQ(IdOf(a), first);
  EXPECT_THAT(queue_->DevicesOf(first), ElementsAre("cuda:0"));
  auto b = queue_->Next();
  ASSERT_EQ(IdOf(b), third) << "of any device, it takes the one that is free";
  EXPECT_THAT(queue_->DevicesOf(third), ElementsAre("cuda:1"));
  EXPECT_EQ(IdOf(queue_->Next()), "");
  b.reset();
  a.reset();  // both are still QUEUED here: nobody leased them
  EXPECT_TRUE(queue_->DevicesOf(first).empty());
  EXPECT_EQ(IdOf(queue_->Next()), first);
}

TEST_F(DeviceQueueTest, AJobThatWaitsForSeveralDevicesIsNotOvertaken) {
  const std::string one = Create({"cuda:1"}), both = Create({"cuda:0", "cuda:1"}), later = Create({"cuda:0"});
  const auto a = queue_->Next();
  ASSERT_EQ(IdOf(a), one);
  EXPECT_EQ(IdOf(queue_->Next()), "") << later << " would keep " << both << " waiting";
}

TEST_F(DeviceQueueTest, AJobOfAnotherTrainersDeviceIsLeftToIt) {
  Create({"cuda:7"});
  const std::string ours = Create({});
  EXPECT_EQ(IdOf(queue_->Next()), ours);
  EXPECT_TRUE(queue_->Check({"cuda:1", "cuda"}).ok());
  const absl::Status refused = queue_->Check({"cuda:7"});
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("\"cuda:7\" is not one of this trainer's: cuda:0, cuda:1"));
}

TEST_F(DeviceQueueTest, ADeviceThatCannotBeStartedOnIsNotFreeAndAJobThatWaitsForItHoldsNothing) {
  std::set<std::string> there;
  DeviceQueue queue(*store_, {v1::JOB_KIND_TRAIN_GAN}, {"a:1/cuda:0", "b:1/cuda:0"},
                    [&](const std::string& device) { return there.count(device) > 0; });
  const std::string both = Create({"a:1/cuda", "b:1/cuda:0"}), any = Create({}), first = Create({"a:1/cuda:0"});
  EXPECT_EQ(IdOf(queue.Next()), "");
  there = {"a:1/cuda:0"};
  auto choice = queue.Next();
  ASSERT_EQ(IdOf(choice), any);
  EXPECT_THAT(queue.DevicesOf(any), ElementsAre("a:1/cuda:0"));
  EXPECT_EQ(IdOf(queue.Next()), "");
  there.insert("b:1/cuda:0");
  EXPECT_EQ(IdOf(queue.Next()), "") << first << " would keep " << both << " waiting";
  choice.reset();
  choice = queue.Next();
  ASSERT_EQ(IdOf(choice), both);
  EXPECT_THAT(queue.DevicesOf(both), ElementsAre("a:1/cuda:0", "b:1/cuda:0"));
}

TEST_F(DeviceQueueTest, BundlesAreMeasuredOnTheTrainersOwnMachine) {
  const DeviceQueue mixed(*store_, {}, {"a:1/cpu", "cuda:0"}), remote(*store_, {}, {"a:1/cpu"});
  EXPECT_TRUE(mixed.CheckEvaluation("cuda").ok());
  EXPECT_EQ(mixed.CheckEvaluation("a:1/cpu").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(remote.CheckEvaluation("cpu").ok()) << "where it has no device of its own, on its CPU";
  EXPECT_EQ(remote.Check({"cpu"}).code(), absl::StatusCode::kInvalidArgument);

  v1::CreateJobRequest request;
  request.set_kind(v1::JOB_KIND_EVALUATE_BUNDLES);
  request.mutable_spec()->PackFrom(v1::EvaluateBundlesRequest());
  const std::string id = store_->CreateJob(request)->job().id();
  DeviceQueue queue(*store_, {v1::JOB_KIND_EVALUATE_BUNDLES}, {"a:1/cpu", "b:1/cpu"});
  const auto choice = queue.Next();
  ASSERT_EQ(IdOf(choice), id);
  EXPECT_THAT(queue.DevicesOf(id), ElementsAre("cpu"));
}

TEST_F(DeviceQueueTest, WorkersRunJobsSideBySideOnTheirOwnDevices) {
  const std::string a = Create({"cuda:0"}), b = Create({"cuda:1"}), c = Create({"cuda:1"});
  absl::Mutex mutex;
  std::vector<std::string> begun;
  bool go = false;
  const auto handler = [&](const v1::Job& job, JobContext&) {
    absl::MutexLock lock(&mutex);
    begun.push_back(job.id());
    mutex.Await(absl::Condition(&go));
    return absl::OkStatus();
  };
  JobWorker first(*store_, "trainer", {v1::JOB_KIND_TRAIN_GAN}, handler, [&] { return queue_->Next(); });
  JobWorker second(*store_, "trainer", {v1::JOB_KIND_TRAIN_GAN}, handler, [&] { return queue_->Next(); });
  first.Start();
  second.Start();
  const auto two = [&] { return begun.size() >= 2; };
  const auto three = [&] { return begun.size() >= 3; };
  {
    absl::MutexLock lock(&mutex);
    ASSERT_TRUE(mutex.AwaitWithTimeout(absl::Condition(&two), absl::Seconds(20)));
    EXPECT_THAT(begun, testing::UnorderedElementsAre(a, b));
    go = true;
    ASSERT_TRUE(mutex.AwaitWithTimeout(absl::Condition(&three), absl::Seconds(20)));
    EXPECT_EQ(begun[2], c);
  }
  first.Stop();
  second.Stop();
}

}  // namespace
}  // namespace mannequin
