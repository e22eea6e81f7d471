// A training worker behind a real channel. Its processes are scripts.
#include "services/trainer/training_worker_service.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "services/trainer/supervisor.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Stream = grpc::ClientReaderWriter<v1::RunTrainingProcessRequest, v1::RunTrainingProcessResponse>;

bool Await(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

class TrainingWorker : public testing::Test {
 protected:
  TrainingWorker() : folder_(*MakeTemporaryFolder("worker")), job_(folder_ + "/work/job-1") {
    std::filesystem::create_directories(job_);
    config_.set_work(folder_ + "/work");
    config_.add_devices("cpu");
    plan_.set_job_id("job-1");
    plan_.set_folder(job_);
    plan_.add_devices("elsewhere:1/cpu");
    start_.set_plan_path(job_ + "/training.textproto");
    start_.set_world_size(1);
    start_.set_local_world_size(1);
    start_.set_device("cpu");
  }
  ~TrainingWorker() override {
    StopServing();
    std::filesystem::remove_all(folder_);
  }

  // What a process runs, in the job's folder.
  void Serve(const std::string& script) {
    WritePlan();
    const std::string program = folder_ + "/program.sh";
    EXPECT_TRUE(WriteFileAtomically(program, absl::StrCat("#!/bin/sh\ncd ", job_, "\n", script, "\n")).ok());
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    config_.set_program(program);
    ASSERT_TRUE(TrainingWorkerService::Validate(config_).ok());
    service_ = std::make_unique<TrainingWorkerService>(config_, options_);
    config::v1::ServerConfig server;
    server.set_listen(address_.empty() ? "127.0.0.1:0" : address_);
    auto started = rpc::Server::Start("training-worker", server, {service_.get()});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    server_->SetServing(true);
    address_ = server_->address();
    stub_ = v1::TrainingWorker::NewStub(rpc::NewChannel(address_));
  }
  void StopServing() {
    if (server_) server_->SetServing(false);
    if (service_) service_->Stop();
    stub_.reset();
    server_.reset();
    service_.reset();
  }

  void WritePlan() const {
    std::string text;
    google::protobuf::TextFormat::PrintToString(plan_, &text);
    ASSERT_TRUE(WriteFileAtomically(job_ + "/training.textproto", text).ok());
  }

  std::unique_ptr<Stream> Start(grpc::ClientContext& context, const v1::StartTrainingProcess& start) const {
    auto stream = stub_->RunTrainingProcess(&context);
    v1::RunTrainingProcessRequest request;
    *request.mutable_start() = start;
    stream->Write(request);
    return stream;
  }

  // What the worker says to a call that cannot be.
  absl::Status Refusal(const v1::StartTrainingProcess& start) const {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(20));
    const auto stream = Start(context, start);
    v1::RunTrainingProcessResponse response;
    EXPECT_FALSE(stream->Read(&response)) << response.ShortDebugString();
    return rpc::FromGrpc(stream->Finish());
  }
  // With a change.
  absl::Status Refusal(const std::function<void(v1::StartTrainingProcess&)>& change) const {
    v1::StartTrainingProcess start = start_;
    change(start);
    return Refusal(start);
  }

  std::vector<std::string> Lines(const std::string& file) const {
    return absl::StrSplit(ReadFile(job_ + "/" + file).value_or(""), '\n', absl::SkipEmpty());
  }
  bool Runs(const std::string& pid) const { return std::filesystem::exists("/proc/" + pid); }
  // Of the process that a script of the form "echo $$ >> pids" began with.
  std::string AwaitPid(std::size_t count = 1) const {
    EXPECT_TRUE(Await([&] { return Lines("pids").size() >= count; }));
    return Lines("pids").back();
  }

  // The supervisor of a trainer that has this worker's device.
  absl::Status Supervised() {
    plan_.set_devices(0, address_ + "/cpu");
    WritePlan();
    const TrainingWorkers workers({plan_.devices(0)}, 0, {});
    supervisor_.workers = &workers;
    supervisor_.last_words = absl::ZeroDuration();
    return Supervise(
        start_.plan_path(), plan_, supervisor_, [this] { return stop_when_ != nullptr && stop_when_(); },
        [this](const v1::TrainingProgress& progress, double) { restarts_ = progress.restarts(); });
  }

  const std::string folder_, job_;
  config::v1::TrainingWorkerConfig config_;
  TrainingWorkerOptions options_;
  v1::TrainingPlan plan_;
  v1::StartTrainingProcess start_;
  std::string address_;
  std::unique_ptr<TrainingWorkerService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::TrainingWorker::Stub> stub_;
  SupervisorOptions supervisor_;
  std::function<bool()> stop_when_;
  std::atomic<int> restarts_{0};
};

constexpr char kSleeps[] = "echo $$ >> pids\nexec sleep 600";

TEST_F(TrainingWorker, RefusesWhatItCannotRun) {
  Serve("echo x >> ran");
  const auto expect = [](const absl::Status& status, absl::StatusCode code, const std::string& words) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  };
  const auto invalid = absl::StatusCode::kInvalidArgument;
  grpc::ClientContext context;
  const auto stream = stub_->RunTrainingProcess(&context);
  v1::RunTrainingProcessRequest request;
  request.set_end(true);
  stream->Write(request);
  expect(rpc::FromGrpc(stream->Finish()), invalid, "start: missing in the first message");

  expect(Refusal([](auto& start) { start.set_device("cuda:3"); }), invalid,
         "device: \"cuda:3\" is not one of this worker's: cpu");
  expect(Refusal([](auto& start) { start.set_world_size(2); }), invalid, "world_size: 2");
  expect(Refusal([](auto& start) { start.set_rank(1); }), invalid, "rank: 1");
  expect(Refusal([](auto& start) { start.set_local_rank(-1); }), invalid, "local_rank: -1");
  expect(Refusal([](auto& start) { start.set_local_world_size(0); }), invalid, "local_world_size: 0");
  plan_.add_devices("elsewhere:2/cpu");
  WritePlan();
  expect(Refusal([](auto& start) {
           start.set_world_size(2);
           start.set_rendezvous("/file");
         }),
         invalid, "rendezvous");
  EXPECT_THAT(Lines("ran"), SizeIs(0));
}

TEST_F(TrainingWorker, RunsPlansOfTheFolderThatItSharesAlone) {
  Serve("echo x >> ran");
  const absl::Status missing =
      Refusal([&](auto& start) { start.set_plan_path(folder_ + "/work/job-2/training.textproto"); });
  EXPECT_EQ(missing.code(), absl::StatusCode::kFailedPrecondition) << missing;
  EXPECT_THAT(std::string(missing.message()),
              HasSubstr("must be a folder that trainer and workers share under the same name"));
  // A plan that is there, on the way to which `work` is left.
  std::filesystem::create_directories(folder_ + "/other/job-1");
  std::filesystem::copy(job_ + "/training.textproto", folder_ + "/other/job-1/training.textproto");
  std::filesystem::create_directory_symlink(folder_ + "/other/job-1", folder_ + "/work/link");
  for (const std::string& path :
       {folder_ + "/other/job-1/training.textproto", folder_ + "/work/../other/job-1/training.textproto",
        folder_ + "/work/link/training.textproto", std::string("training.textproto"), std::string("/etc/passwd")}) {
    const absl::Status refused = Refusal([&](auto& start) { start.set_plan_path(path); });
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument) << path << ": " << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("plan_path: " + path)) << path;
  }
  // One that would write elsewhere.
  plan_.set_folder(folder_ + "/other/job-1");
  WritePlan();
  EXPECT_EQ(Refusal(start_).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Lines("ran"), SizeIs(0));
}

TEST_F(TrainingWorker, RunsOneProcessOnADevice) {
  Serve(kSleeps);
  grpc::ClientContext context;
  const auto stream = Start(context, start_);
  const std::string pid = AwaitPid();
  std::filesystem::create_directories(folder_ + "/work/job-2");
  const std::string text = *ReadFile(start_.plan_path());
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/work/job-2/training.textproto",
                                  absl::StrReplaceAll(text, {{"work/job-1", "work/job-2"}}))
                  .ok());
  const absl::Status busy =
      Refusal([&](auto& start) { start.set_plan_path(folder_ + "/work/job-2/training.textproto"); });
  EXPECT_EQ(busy.code(), absl::StatusCode::kFailedPrecondition) << busy;
  EXPECT_THAT(std::string(busy.message()), HasSubstr("device: \"cpu\" has a process already, of " + job_));
  EXPECT_TRUE(Runs(pid));
  EXPECT_EQ(service_->Idle(), absl::ZeroDuration());
}

TEST_F(TrainingWorker, KillsItsProcessWhenTheTrainerIsGoneHangsUpOrIsSilent) {
  options_.max_trainer_silence = absl::Milliseconds(300);
  Serve(kSleeps);
  {
    grpc::ClientContext context;
    const auto stream = Start(context, start_);
    const std::string pid = AwaitPid(1);
    EXPECT_TRUE(Await([&] { return !Runs(pid); })) << "silent";
    v1::RunTrainingProcessResponse response;
    EXPECT_TRUE(stream->Read(&response));
    EXPECT_TRUE(response.has_exit());
  }
  options_.max_trainer_silence = absl::Minutes(10);
  StopServing();
  Serve(kSleeps);
  {
    grpc::ClientContext context;
    const auto stream = Start(context, start_);
    const std::string pid = AwaitPid(2);
    context.TryCancel();
    EXPECT_TRUE(Await([&] { return !Runs(pid); })) << "gone";
  }
  grpc::ClientContext context;
  const auto stream = Start(context, start_);
  const std::string pid = AwaitPid(3);
  stream->WritesDone();
  v1::RunTrainingProcessResponse response;
  while (stream->Read(&response)) {
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_FALSE(Runs(pid)) << "the call has ended before its process";
}

TEST_F(TrainingWorker, ATrainerThatTookTheJobOverGetsTheDevice) {
  Serve(kSleeps);
  grpc::ClientContext context, other_context;
  const auto stream = Start(context, start_);
  const std::string first = AwaitPid(1);
  const auto other = Start(other_context, start_);
  const std::string second = AwaitPid(2);
  EXPECT_FALSE(Runs(first));
  EXPECT_TRUE(Runs(second));
  v1::RunTrainingProcessResponse response;
  EXPECT_TRUE(stream->Read(&response));
  EXPECT_THAT(response.exit().crash(), HasSubstr("another call has started it anew"));
}

TEST_F(TrainingWorker, AProcessHasItsPlaceInTheEnvironmentAndItsLogInTheJobsFolder) {
  plan_.add_devices("elsewhere:2/cpu");
  start_.set_world_size(2);
  start_.set_rank(1);
  start_.set_rendezvous("elsewhere:8710");
  Serve(
      "echo said by $RANK of $WORLD_SIZE, $LOCAL_RANK of $LOCAL_WORLD_SIZE, at $RENDEZVOUS\n"
      "[ $TRAINER_PID = $PPID ] && echo the worker is the parent");
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(20));
  const auto stream = Start(context, start_);
  v1::RunTrainingProcessResponse last;
  while (stream->Read(&last)) {
  }
  EXPECT_THAT(last.exit().crash(), HasSubstr("ended with status 0 before its work was done"));
  EXPECT_THAT(Lines("log-1.txt"), ElementsAre("said by 1 of 2, 0 of 1, at elsewhere:8710", "the worker is the parent"));
  EXPECT_FALSE(std::filesystem::exists(job_ + "/log.txt"));
}

TEST_F(TrainingWorker, AProcessOfAWorkerThatKeepsDyingFailsTheTraining) {
  Serve("echo x >> starts\nkill -9 $$");
  const absl::Status status = Supervised();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("killed by signal 9, perhaps out of memory"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("on worker " + address_));
  EXPECT_THAT(Lines("starts"), SizeIs(4));
  EXPECT_EQ(restarts_, 3);
}

TEST_F(TrainingWorker, WhatAWorkerRefusesFailsTheTrainingAtOnce) {
  Serve(kSleeps);
  std::filesystem::rename(folder_ + "/work", folder_ + "/elsewhere");
  std::filesystem::create_directories(folder_ + "/work");
  plan_.set_devices(0, address_ + "/cpu");
  const TrainingWorkers workers({plan_.devices(0)}, 0, {});
  supervisor_.workers = &workers;
  const absl::Status status = Supervise(
      start_.plan_path(), plan_, supervisor_, [] { return false; }, [](const v1::TrainingProgress&, double) {});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("worker " + address_ + ": plan_path"));
}

TEST_F(TrainingWorker, IsAskedToEndAndThenKilledWhenTheTrainingIsStopped) {
  stop_when_ = [this] { return !Lines("ready").empty(); };
  Serve("trap 'echo bye >> said; exit 1' TERM\necho x > ready\nwhile :; do sleep 0.02; done");
  EXPECT_EQ(Supervised().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(Lines("said"), ElementsAre("bye"));
  StopServing();
  std::filesystem::remove(job_ + "/ready");
  supervisor_.grace = absl::Milliseconds(100);
  Serve("trap '' TERM\necho $$ > pids\necho x > ready\nwhile :; do sleep 0.02; done");
  EXPECT_EQ(Supervised().code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(Runs(Lines("pids").back()));
}

// One that is started anew elsewhere is away for a minute.
TEST_F(TrainingWorker, OneThatIsAwayForAWhileCostsOneNewStart) {
  const std::string script = "trap 'exit 1' TERM\necho $$ >> pids\nwhile :; do sleep 0.02; done";
  Serve(script);
  stop_when_ = [this] { return Lines("pids").size() == 2; };
  absl::Status status;
  std::thread trainer([&] { status = Supervised(); });
  AwaitPid(1);
  StopServing();
  EXPECT_TRUE(Await([&] { return restarts_ == 1; }));
  absl::SleepFor(absl::Seconds(1));  // five polls, which may use nothing up
  Serve(script);
  trainer.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
  EXPECT_EQ(restarts_, 1);
}

TEST_F(TrainingWorker, OneThatStaysAwayFailsTheTraining) {
  Serve(kSleeps);
  StopServing();
  supervisor_.max_silence = absl::Milliseconds(50);
  const absl::Status status = Supervised();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("its worker " + address_ + " is gone"));
  EXPECT_EQ(restarts_, 3);
}

TEST_F(TrainingWorker, AsksItsProcessToEndWhenItIsStoppedItself) {
  Serve("trap 'echo bye >> said; exit 1' TERM\necho $$ >> pids\nwhile :; do sleep 0.02; done");
  grpc::ClientContext context;
  const auto stream = Start(context, start_);
  AwaitPid();
  service_->Stop();
  EXPECT_THAT(Lines("said"), ElementsAre("bye"));
  v1::RunTrainingProcessResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.exit().crash(), "the worker was stopped");
  EXPECT_EQ(Refusal(start_).code(), absl::StatusCode::kUnavailable);
  EXPECT_GT(service_->Idle(), absl::ZeroDuration());
}

TEST(TrainingWorkerConfig, OfWhatIsNotThereIsRefusedByName) {
  config::v1::TrainingWorkerConfig config;
  const std::string folder = *MakeTemporaryFolder("worker");
  const auto refused = [&](absl::StatusCode code, const std::string& words) {
    const absl::Status status = TrainingWorkerService::Validate(config);
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  };
  config.set_work(folder + "/none");
  refused(absl::StatusCode::kNotFound, "work:");
  config.set_work(folder);
  config.add_devices("cuda");
  refused(absl::StatusCode::kInvalidArgument, "names no single device");
  config.set_devices(0, "other:8607/cpu");
  refused(absl::StatusCode::kInvalidArgument, "other:8607/cpu");
  config.set_devices(0, "cpu");
  config.add_devices("cpu");
  refused(absl::StatusCode::kInvalidArgument, "\"cpu\" is there twice");
  config.mutable_devices()->RemoveLast();
  config.set_max_idle_seconds(-1);
  refused(absl::StatusCode::kInvalidArgument, "max_idle_seconds");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mannequin
