// Trainings on devices of training workers, each a process of its own on this machine.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "services/trainer/checkpoints.h"
#include "services/trainer/curve.h"
#include "tests/free_port.h"
#include "tests/unit/rpc/certificates.h"
#include "tests/unit/trainer/served_trainer.h"

extern char** environ;

namespace mannequin {
namespace {

using ::testing::HasSubstr;

class TrainingWorkers : public ServedTrainer {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_ + "/work");
    AddProducts(2, 20);
    AddEmbedding();
  }
  void TearDown() override {
    StopServing();
    for (const auto& [pid, port] : workers_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }

  // `more` is configuration.
  pid_t StartWorker(int port, const std::string& more = "", const std::string& in_server = "") {
    const std::string config = absl::StrCat(folder_, "/worker-", port, ".textproto");
    EXPECT_TRUE(
        WriteFileAtomically(config, absl::StrCat("server { listen: \"127.0.0.1:", port, "\" drain_ms: 1000 ", in_server,
                                                 " }\nwork: \"", folder_, "/work\"\ndevices: \"cpu\"\n", more, "\n"))
            .ok());
    std::vector<std::string> words = {MANNEQUIN_TRAINER, "training-worker", "--config", config};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t pid = 0;
    EXPECT_EQ(posix_spawn(&pid, MANNEQUIN_TRAINER, nullptr, nullptr, arguments.data(), environ), 0);
    workers_[pid] = port;
    return pid;
  }

  // The exit status, or minus the signal.
  int End(pid_t pid, int signal = 0) {
    if (signal != 0) kill(pid, signal);
    int status = 0;
    waitpid(pid, &status, 0);
    workers_.erase(pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  static std::string DeviceAt(int port) { return absl::StrCat("127.0.0.1:", port, "/cpu"); }

  // A trainer with a device of its own and those of workers at `ports`.
  void ServeWith(const std::vector<int>& ports) {
    config_.add_devices("cpu");
    for (const int port : ports) config_.add_devices(DeviceAt(port));
    config_.set_rendezvous_port(FreePort());
    Serve();
  }

  // As Tiny, long enough for a fault in between.
  static v1::CreateTrainingRequest On(const std::vector<std::string>& devices) {
    v1::CreateTrainingRequest request = Tiny();
    request.set_steps(60);
    request.set_checkpoint_steps(20);
    request.mutable_devices()->Assign(devices.begin(), devices.end());
    return request;
  }

  // Nothing before the first report.
  v1::TrainingProgress SoFar(const std::string& id) {
    v1::TrainingProgress progress;
    (void)Get(id).progress().UnpackTo(&progress);
    return progress;
  }

  // Of a worker; 0 when there is none.
  static pid_t ProcessOf(pid_t worker) {
    for (const auto& task : std::filesystem::directory_iterator(absl::StrCat("/proc/", worker, "/task"))) {
      const std::vector<std::string> pids =
          absl::StrSplit(ReadFile(task.path().string() + "/children").value_or(""), ' ', absl::SkipWhitespace());
      if (!pids.empty()) return std::stoi(pids[0]);
    }
    return 0;
  }
  static bool Runs(pid_t pid) { return std::filesystem::exists(absl::StrCat("/proc/", pid)); }

  // The curve without what depends on the clock, and the weights.
  std::vector<std::string> Outcome(const v1::Job& job) const {
    std::vector<std::string> outcome;
    const auto points = ReadCurve(JobFolderOf(job.id()) + "/curve.pb", 1000);
    EXPECT_TRUE(points.ok()) << points.status();
    if (!points.ok()) return outcome;
    for (v1::TrainingPoint point : *points) {
      point.clear_images_per_second();
      point.clear_data_wait();
      outcome.push_back(point.SerializeAsString());
    }
    for (const char* file : {"/generator.safetensors", "/discriminator.safetensors"}) {
      outcome.push_back(ReadFile(bundles_.FolderOf(ProgressOf(job).bundle_version()) + file).value_or(""));
      EXPECT_FALSE(outcome.back().empty());
    }
    return outcome;
  }

  std::map<pid_t, int> workers_;
};

// The same as with two processes on one machine, whatever happens on the way.
TEST_F(TrainingWorkers, TrainWhatProcessesOfOneMachineDoThoughOneIsKilled) {
  const std::vector<int> ports = {FreePort(), FreePort()};
  StartWorker(ports[0]);
  const pid_t second = StartWorker(ports[1]);
  ServeWith(ports);
  const v1::Job local = Watch(MustCreate(On({"cpu", "cpu"})).id());
  ASSERT_EQ(local.state(), v1::JOB_STATE_SUCCEEDED) << local.error();

  const v1::CreateTrainingRequest request = On({DeviceAt(ports[0]), DeviceAt(ports[1])});
  const v1::Job whole = Watch(MustCreate(request).id());
  ASSERT_EQ(whole.state(), v1::JOB_STATE_SUCCEEDED) << whole.error();
  EXPECT_EQ(ProgressOf(whole).restarts(), 0);
  EXPECT_GT(ProgressOf(whole).peak_memory_bytes(), 0);
  EXPECT_TRUE(Outcome(whole) == Outcome(local));
  EXPECT_THAT(*ReadFile(JobFolderOf(whole.id()) + "/log.txt"), HasSubstr("process 0 of 2 on " + DeviceAt(ports[0])));
  EXPECT_THAT(*ReadFile(JobFolderOf(whole.id()) + "/log-1.txt"), HasSubstr("process 1 of 2 on " + DeviceAt(ports[1])));

  const v1::Job broken = MustCreate(request);
  ASSERT_TRUE(Await([&] { return Checkpoints::AnyIn(JobFolderOf(broken.id())); }));
  const pid_t process = ProcessOf(second);
  ASSERT_NE(process, 0);
  kill(process, SIGKILL);
  const v1::Job ended = Watch(broken.id());
  ASSERT_EQ(ended.state(), v1::JOB_STATE_SUCCEEDED) << ended.error();
  EXPECT_EQ(ProgressOf(ended).restarts(), 1);
  EXPECT_TRUE(Outcome(ended) == Outcome(local));
}

TEST_F(TrainingWorkers, ATrainingGoesOnFromItsCheckpointWhenAWorkerIsKilledAndStartedAgain) {
  const std::vector<int> ports = {FreePort(), FreePort()};
  StartWorker(ports[0]);
  const pid_t second = StartWorker(ports[1]);
  ServeWith(ports);
  v1::CreateTrainingRequest request = On({DeviceAt(ports[0]), DeviceAt(ports[1])});
  const v1::Job job = MustCreate(request);
  ASSERT_TRUE(Await([&] { return Checkpoints::AnyIn(JobFolderOf(job.id())); }));
  const pid_t process = ProcessOf(second);
  EXPECT_EQ(End(second, SIGKILL), -SIGKILL);
  EXPECT_TRUE(Await([&] { return !Runs(process); })) << "a process without its worker";
  ASSERT_TRUE(Await([&] { return SoFar(job.id()).restarts() > 0; }));
  EXPECT_EQ(Get(job.id()).state(), v1::JOB_STATE_RUNNING) << "it waits for the worker";
  StartWorker(ports[1]);
  const v1::Job ended = Watch(job.id());
  ASSERT_EQ(ended.state(), v1::JOB_STATE_SUCCEEDED) << ended.error();
  EXPECT_LE(ProgressOf(ended).restarts(), 2);
  EXPECT_THAT(*ReadFile(JobFolderOf(job.id()) + "/log.txt"), HasSubstr("goes on at step"));
}

TEST_F(TrainingWorkers, AWorkerThatIsToEndSavesACheckpointFirst) {
  const int port = FreePort();
  const pid_t worker = StartWorker(port);
  ServeWith({port});
  v1::CreateTrainingRequest request = On({DeviceAt(port)});
  request.set_steps(1'000'000);
  request.set_checkpoint_steps(1'000'000);
  const v1::Job job = MustCreate(request);
  ASSERT_TRUE(Await([&] { return SoFar(job.id()).step() > 0; }));
  EXPECT_EQ(End(worker, SIGTERM), 0);
  EXPECT_TRUE(Checkpoints::AnyIn(JobFolderOf(job.id())));
  Cancel(job.id());
  EXPECT_EQ(Watch(job.id()).state(), v1::JOB_STATE_CANCELLED) << "though it waits for a worker";
}

TEST_F(TrainingWorkers, CancelEndsTheProcessesAndKeepsTheCheckpoint) {
  const std::vector<int> ports = {FreePort(), FreePort()};
  const pid_t first = StartWorker(ports[0]), second = StartWorker(ports[1]);
  ServeWith(ports);
  v1::CreateTrainingRequest request = On({DeviceAt(ports[0]), DeviceAt(ports[1])});
  request.set_steps(1'000'000);
  const v1::Job job = MustCreate(request);
  ASSERT_TRUE(Await([&] { return Checkpoints::AnyIn(JobFolderOf(job.id())); }));
  const pid_t processes[] = {ProcessOf(first), ProcessOf(second)};
  Cancel(job.id());
  EXPECT_EQ(Watch(job.id()).state(), v1::JOB_STATE_CANCELLED);
  for (const pid_t process : processes) EXPECT_FALSE(Runs(process));
  EXPECT_TRUE(Checkpoints::AnyIn(JobFolderOf(job.id())));
  // And they are free for the next.
  request.set_steps(3);
  EXPECT_EQ(Watch(MustCreate(request).id()).state(), v1::JOB_STATE_SUCCEEDED);
}

TEST_F(TrainingWorkers, ATrainingWaitsInTheQueueUntilItsWorkerIsThereAndKeepsNobodyWaiting) {
  const int port = FreePort();
  ServeWith({port});
  const v1::Job waits = MustCreate(On({DeviceAt(port)}));
  v1::CreateTrainingRequest any = Tiny();
  EXPECT_EQ(Watch(MustCreate(any).id()).state(), v1::JOB_STATE_SUCCEEDED) << "on the trainer's own device";
  EXPECT_EQ(Get(waits.id()).state(), v1::JOB_STATE_QUEUED);
  StartWorker(port);
  const v1::Job ended = Watch(waits.id());
  EXPECT_EQ(ended.state(), v1::JOB_STATE_SUCCEEDED) << ended.error();
}

TEST_F(TrainingWorkers, SpeakTlsAndServeServicesAlone) {
  const rpc::Certificates made(folder_);
  made.Authority("ca");
  made.Issue("trainer", "ca", "IP:127.0.0.1");
  made.Issue("somebody", "ca", "IP:127.0.0.1");
  const auto tls = [&](const std::string& name) {
    return absl::StrCat("tls_certificate_file: \"", made.Pem(name), "\" tls_key_file: \"", made.Key(name), "\" ");
  };
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/tokens.textproto", "").ok());
  const int port = FreePort();
  StartWorker(port, "",
              absl::StrCat(tls("trainer"), "tls_client_ca_file: \"", made.Pem("ca"), "\" access { tokens_file: \"",
                           folder_, "/tokens.textproto\" service_names: \"trainer\" }"));
  const auto train_as = [&](const std::string& name) {
    config_.mutable_client()->set_tls_ca_file(made.Pem("ca"));
    config_.mutable_client()->set_tls_certificate_file(made.Pem(name));
    config_.mutable_client()->set_tls_key_file(made.Key(name));
    config_.clear_devices();
    ServeWith({port});
    v1::CreateTrainingRequest request = Tiny();
    request.add_devices(DeviceAt(port));
    const v1::Job job = Watch(MustCreate(request).id());
    StopServing();
    return job;
  };
  const v1::Job ours = train_as("trainer");
  EXPECT_EQ(ours.state(), v1::JOB_STATE_SUCCEEDED) << ours.error();
  const v1::Job theirs = train_as("somebody");
  EXPECT_EQ(theirs.state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(theirs.error(), HasSubstr(absl::StrCat("worker 127.0.0.1:", port)));
}

TEST_F(TrainingWorkers, OneThatNobodyNeedsEndsWellAndOneThatIsToldToDoesNot) {
  const pid_t idle = StartWorker(FreePort(), "max_idle_seconds: 1");
  EXPECT_EQ(End(idle), 0);
  const int port = FreePort();
  const pid_t worker = StartWorker(port, "max_idle_seconds: 600");
  ServeWith({port});
  v1::CreateTrainingRequest request = Tiny();
  request.add_devices(DeviceAt(port));
  EXPECT_EQ(Watch(MustCreate(request).id()).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(End(worker, SIGTERM), 1) << "its Job shall start it again";
}

TEST_F(TrainingWorkers, WhatTheyCannotDoIsRefusedWhenItIsAskedFor) {
  const std::vector<int> ports = {FreePort(), FreePort()};
  ServeWith(ports);
  const auto refused = [&](const std::vector<std::string>& devices, const std::string& why) {
    v1::Job job;
    const grpc::Status status = Create(On(devices), &job);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << why;
    EXPECT_THAT(status.error_message(), HasSubstr(why));
  };
  refused({"cpu", DeviceAt(ports[0])}, "devices of workers alone, or of the trainer's machine alone");
  refused({DeviceAt(ports[0]), DeviceAt(ports[0])}, "is there twice");
  refused({"127.0.0.1:1/cpu"}, "\"127.0.0.1:1/cpu\" is not one of this trainer's: cpu, " + DeviceAt(ports[0]));

  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(20));
  v1::EvaluateBundlesRequest evaluation;
  evaluation.set_device(DeviceAt(ports[0]));
  v1::EvaluateBundlesResponse response;
  const grpc::Status status = stub_->EvaluateBundles(&context, evaluation, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("measured on the trainer's own machine"));

  config::v1::TrainerConfig config = config_;
  for (const char* device : {"host/cpu", "host:8607/", "host:8607/cuda", "host:8607/cuda:x", "host:0/cpu", "/cpu",
                             "host:8607/gpu:0", "host:8607/cuda:-1"}) {
    config.set_devices(1, device);
    const absl::Status invalid = TrainerService::Validate(config);
    EXPECT_EQ(invalid.code(), absl::StatusCode::kInvalidArgument) << device;
    EXPECT_THAT(std::string(invalid.message()), HasSubstr(device));
  }
  config.set_devices(1, config.devices(2));
  EXPECT_THAT(std::string(TrainerService::Validate(config).message()), HasSubstr("is there twice"));
  config.set_devices(1, "host:8607/cuda:0");
  EXPECT_TRUE(TrainerService::Validate(config).ok());
  config.set_rendezvous_port(65'535);
  EXPECT_THAT(std::string(TrainerService::Validate(config).message()), HasSubstr("rendezvous_port"));
}

}  // namespace
}  // namespace mannequin
