#include "services/trainer/remote_process.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/steady.h"
#include "common/rpc/status.h"
#include "mannequin/v1/training_worker.grpc.pb.h"

namespace mannequin {
namespace {

// From asking the worker to kill a process to giving the connection up.
constexpr absl::Duration kKillPatience = absl::Seconds(5);

// Said by a worker that is there and refuses: no new start changes it.
bool IsRefusal(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

class RemoteProcess final : public RunningProcess {
 public:
  RemoteProcess(const std::shared_ptr<grpc::Channel>& channel, const std::string& worker,
                const v1::StartTrainingProcess& start)
      : worker_(worker), stub_(v1::TrainingWorker::NewStub(channel)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    stream_ = stub_->RunTrainingProcess(&context_);
    v1::RunTrainingProcessRequest request;
    *request.mutable_start() = start;
    Send(request);
    thread_ = std::thread([this] { Receive(); });
  }

  ~RemoteProcess() override {
    Kill();
    {
      absl::MutexLock lock(&mutex_);
      if (!AwaitFor(mutex_, absl::Condition(&ended_), kKillPatience)) context_.TryCancel();
    }
    thread_.join();
    close(wake_);
  }

  void AskToEnd() override {
    v1::RunTrainingProcessRequest request;
    request.set_end(true);
    Send(request);
  }

  // The worker kills its process when the caller has nothing more to say. That nothing runs there any more is
  // sure once the call has ended: what is started next may need its device and its port.
  void Kill() override {
    {
      absl::MutexLock lock(&mutex_);
      if (ended_ || killed_) return;
      killed_ = true;
      give_up_at_ = SteadyNow() + kKillPatience;
    }
    SayNoMore();
  }

  std::vector<v1::TrainingReport> Read() override {
    if (SteadyNow() - said_ >= kSignOfLife) Send({});
    eventfd_t count = 0;
    (void)eventfd_read(wake_, &count);
    std::vector<v1::TrainingReport> reports;
    {
      absl::MutexLock lock(&mutex_);
      reports = std::exchange(reports_, {});
    }
    for (const v1::TrainingReport& report : reports) {
      if (report.has_end()) end_ = report.end();
    }
    return reports;
  }

  int fd() const override {
    absl::MutexLock lock(&mutex_);
    return ended_ ? -1 : wake_;
  }
  bool Silent(absl::Duration limit) const override {
    absl::MutexLock lock(&mutex_);
    return !ended_ && SteadyNow() - heard_ > limit;
  }
  std::int64_t PeakMemory() override {
    absl::MutexLock lock(&mutex_);
    return peak_;
  }

  bool Ended() override {
    absl::MutexLock lock(&mutex_);
    if (!ended_ && killed_ && SteadyNow() >= give_up_at_) context_.TryCancel();
    if (ended_ && !end_ && IsRefusal(status_.code())) {
      end_.emplace();
      end_->set_code(static_cast<int>(status_.code()));
      end_->set_message(absl::StrCat("worker ", worker_, ": ", status_.message()));
    }
    return ended_;
  }
  const std::optional<v1::ProcessEnd>& end() const override { return end_; }

  std::string Crash() const override {
    absl::MutexLock lock(&mutex_);
    if (!ended_ || killed_) return "";
    if (exit_) return exit_->crash().empty() ? "" : absl::StrCat(exit_->crash(), ", on worker ", worker_);
    if (IsRefusal(status_.code())) return "";
    return absl::StrCat("its worker ", worker_, " is gone: ", status_.ok() ? "it ended the call" : status_.message());
  }
  bool killed_by_system() const override {
    absl::MutexLock lock(&mutex_);
    return !killed_ && exit_ && exit_->killed_by_system();
  }

 private:
  // One that finds the connection broken says nothing: Receive will.
  void Send(const v1::RunTrainingProcessRequest& request) {
    absl::MutexLock lock(&write_mutex_);
    if (!said_all_) stream_->Write(request);
    said_ = SteadyNow();
  }
  void SayNoMore() {
    absl::MutexLock lock(&write_mutex_);
    if (!std::exchange(said_all_, true)) stream_->WritesDone();
  }

  void Receive() {
    v1::RunTrainingProcessResponse response;
    while (stream_->Read(&response)) {
      {
        absl::MutexLock lock(&mutex_);
        heard_ = SteadyNow();
        peak_ = std::max(peak_, response.peak_memory_bytes());
        if (response.has_exit()) exit_ = response.exit();
        if (response.has_report()) reports_.push_back(std::move(*response.mutable_report()));
      }
      (void)eventfd_write(wake_, 1);
      if (response.has_exit()) SayNoMore();  // which the worker waits for
    }
    const absl::Status status = rpc::FromGrpc(stream_->Finish());
    {
      absl::MutexLock lock(&mutex_);
      status_ = status;
      ended_ = true;
    }
    (void)eventfd_write(wake_, 1);
  }

  const std::string worker_;
  const std::unique_ptr<v1::TrainingWorker::Stub> stub_;
  const int wake_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::RunTrainingProcessRequest, v1::RunTrainingProcessResponse>> stream_;
  // Of the thread that owns this.
  absl::Time said_;
  std::optional<v1::ProcessEnd> end_;

  absl::Mutex write_mutex_;  // one writes at a time
  bool said_all_ ABSL_GUARDED_BY(write_mutex_) = false;

  mutable absl::Mutex mutex_;
  std::vector<v1::TrainingReport> reports_ ABSL_GUARDED_BY(mutex_);
  absl::Time heard_ ABSL_GUARDED_BY(mutex_) = SteadyNow();
  absl::Time give_up_at_ ABSL_GUARDED_BY(mutex_);
  std::int64_t peak_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<v1::TrainingProcessExit> exit_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false, killed_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace

std::unique_ptr<RunningProcess> StartRemoteProcess(const std::shared_ptr<grpc::Channel>& channel,
                                                   const std::string& worker, const v1::StartTrainingProcess& start) {
  return std::make_unique<RemoteProcess>(channel, worker, start);
}

}  // namespace mannequin
