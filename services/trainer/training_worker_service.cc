#include "services/trainer/training_worker_service.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "common/base/check_range.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/base/text_config.h"
#include "common/rpc/address.h"
#include "common/rpc/status.h"
#include "services/trainer/device_name.h"
#include "services/trainer/local_process.h"
#include "services/trainer/training_job.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;
using Stream = grpc::ServerReaderWriter<v1::RunTrainingProcessResponse, v1::RunTrainingProcessRequest>;

constexpr int kPollMs = 200;
// For the process before to be gone from a device, and for a trainer to hang up once it knows of an end.
constexpr absl::Duration kHandOver = absl::Seconds(2);

std::vector<std::string> DevicesOf(const config::v1::TrainingWorkerConfig& config) {
  if (config.devices().empty()) return AllOwnDevices();
  return {config.devices().begin(), config.devices().end()};
}

absl::Status Outside(const std::string& path, const std::string& work) {
  return absl::InvalidArgumentError(absl::StrCat("plan_path: ", path, " is no training's plan in `work`, ", work,
                                                 "; trainer and workers share that folder under the same name"));
}

// The plan, if it is that of a job in `work`.
absl::StatusOr<v1::TrainingPlan> PlanAt(const std::string& path, const std::string& work) {
  std::error_code error;
  const fs::path folder = fs::weakly_canonical(work, error), plan_file = fs::weakly_canonical(path, error);
  // work/job/training.textproto, wherever links lead.
  if (error || !fs::path(path).is_absolute() || plan_file.parent_path().parent_path() != folder ||
      "/" + plan_file.filename().string() != kPlanFile) {
    return Outside(path, work);
  }
  v1::TrainingPlan plan;
  const absl::Status read = ReadTextConfig(plan_file.string(), &plan);
  if (absl::IsNotFound(read)) {
    return absl::FailedPreconditionError(
        absl::StrCat("plan_path: ", path, " is not there: `work`, ", work,
                     ", must be a folder that trainer and workers share under the same name"));
  }
  RETURN_IF_ERROR(read);
  if (fs::weakly_canonical(plan.folder(), error) != plan_file.parent_path()) return Outside(plan.folder(), work);
  return plan;
}

absl::Status CheckStart(const v1::StartTrainingProcess& start, const v1::TrainingPlan& plan) {
  RETURN_IF_ERROR(CheckRange<std::int64_t>("world_size", start.world_size(), 1, plan.devices_size()));
  if (start.world_size() != plan.devices_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("world_size: ", start.world_size(), ", but the plan has ", plan.devices_size(), " devices"));
  }
  RETURN_IF_ERROR(CheckRange<std::int64_t>("rank", start.rank(), 0, start.world_size() - 1));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("local_world_size", start.local_world_size(), 1, start.world_size()));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("local_rank", start.local_rank(), 0, start.local_world_size() - 1));
  if (start.world_size() == 1) return absl::OkStatus();
  return rpc::ParseAddress(start.rendezvous(), "rendezvous").status();
}

// One device's process; of the call that runs it.
struct Holder {
  std::string plan_path;
  std::atomic<bool> replaced{false};
};

// Between a process and the call that it runs for.
class Relay {
 public:
  Relay(grpc::ServerContext& context, Stream& stream, RunningProcess& process, const TrainingWorkerOptions& options,
        const std::atomic<bool>& stopping, const Holder& holder)
      : context_(context),
        stream_(stream),
        process_(process),
        options_(options),
        stopping_(stopping),
        holder_(holder),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        heard_(SteadyNow()),
        reader_([this] { Receive(); }) {}
  ~Relay() {
    {
      absl::MutexLock lock(&mutex_);
      if (!AwaitFor(mutex_, absl::Condition(&closed_), kHandOver)) context_.TryCancel();
    }
    reader_.join();
    close(wake_);
  }

  // Until the process has ended.
  void Run() {
    absl::Time kill_at = absl::InfiniteFuture();
    while (true) {
      pollfd news[] = {{process_.fd(), POLLIN, 0}, {wake_, POLLIN, 0}};
      poll(news, 2, kPollMs);
      eventfd_t count = 0;
      (void)eventfd_read(wake_, &count);
      Forward();
      if (process_.Ended()) break;
      if (const std::string reason = WhyKill(); !reason.empty() && kill_at != absl::InfinitePast()) {
        spdlog::info("{}: the process is killed: {}", holder_.plan_path, reason);
        kill_at = absl::InfinitePast();
      }
      if (kill_at == absl::InfiniteFuture() && (AskedToEnd() || stopping_)) {
        process_.AskToEnd();
        kill_at = SteadyNow() + options_.grace;
      }
      if (SteadyNow() >= kill_at) process_.Kill();
    }
    Forward();  // what it said last
    v1::RunTrainingProcessResponse last;
    last.set_peak_memory_bytes(process_.PeakMemory());
    last.mutable_exit()->set_killed_by_system(process_.killed_by_system());
    last.mutable_exit()->set_crash(HowItEnded());
    stream_.Write(last);
  }

 private:
  std::string HowItEnded() const {
    if (holder_.replaced) return "killed: another call has started it anew";
    const bool done = process_.end() && process_.end()->code() == 0;
    if (stopping_ && !done && !AskedToEnd()) return "the worker was stopped";
    if (!process_.Crash().empty() || process_.end()) return process_.Crash();
    return "killed: it did not end in time";
  }

  std::string WhyKill() const {
    if (holder_.replaced) return "another call has started it anew";
    absl::MutexLock lock(&mutex_);
    if (closed_) return "its trainer wants that, or is gone";
    if (SteadyNow() - heard_ > options_.max_trainer_silence) return "its trainer says nothing";
    return "";
  }

  bool AskedToEnd() const {
    absl::MutexLock lock(&mutex_);
    return asked_;
  }

  void Forward() {
    for (v1::TrainingReport& report : process_.Read()) {
      v1::RunTrainingProcessResponse response;
      *response.mutable_report() = std::move(report);
      response.set_peak_memory_bytes(process_.PeakMemory());
      stream_.Write(response);  // whether the trainer still hears it, Receive finds out
    }
  }

  void Receive() {
    v1::RunTrainingProcessRequest request;
    while (stream_.Read(&request)) {
      absl::MutexLock lock(&mutex_);
      heard_ = SteadyNow();
      asked_ |= request.end();
      if (request.end()) (void)eventfd_write(wake_, 1);
    }
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    (void)eventfd_write(wake_, 1);
  }

  grpc::ServerContext& context_;
  Stream& stream_;
  RunningProcess& process_;
  const TrainingWorkerOptions& options_;
  const std::atomic<bool>& stopping_;
  const Holder& holder_;
  const int wake_;
  mutable absl::Mutex mutex_;
  absl::Time heard_ ABSL_GUARDED_BY(mutex_);
  bool asked_ ABSL_GUARDED_BY(mutex_) = false, closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread reader_;
};

}  // namespace

struct TrainingWorkerService::Impl {
  Impl(const config::v1::TrainingWorkerConfig& config, const TrainingWorkerOptions& with)
      : options(with),
        work(fs::absolute(config.work()).string()),
        program(config.program()),
        devices(DevicesOf(config)) {}

  // The device, until Release.
  absl::Status Take(const std::string& device, Holder& holder) {
    if (std::find(devices.begin(), devices.end(), device) == devices.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("device: \"", device, "\" is not one of this worker's: ", absl::StrJoin(devices, ", ")));
    }
    absl::MutexLock lock(&mutex);
    const auto free = [this, &device]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return held.count(device) == 0; };
    if (!free() && held[device]->plan_path == holder.plan_path) held[device]->replaced = true;
    if (!AwaitFor(mutex, absl::Condition(&free), kHandOver)) {
      return absl::FailedPreconditionError(
          absl::StrCat("device: \"", device, "\" has a process already, of ", held[device]->plan_path));
    }
    if (stopping) return absl::UnavailableError("the worker is being stopped");
    held[device] = &holder;
    return absl::OkStatus();
  }

  void Release(const std::string& device) {
    absl::MutexLock lock(&mutex);
    held.erase(device);
    idle_since = SteadyNow();
  }

  const TrainingWorkerOptions options;
  const std::string work, program;
  const std::vector<std::string> devices;
  std::atomic<bool> stopping{false};
  mutable absl::Mutex mutex;
  std::map<std::string, Holder*> held ABSL_GUARDED_BY(mutex);  // by device
  absl::Time idle_since ABSL_GUARDED_BY(mutex) = SteadyNow();
};

absl::Status TrainingWorkerService::Validate(const config::v1::TrainingWorkerConfig& config) {
  RETURN_IF_ERROR(CheckRange("max_idle_seconds", config.max_idle_seconds(), 0, 30 * 86'400));
  if (std::error_code error; !fs::is_directory(config.work(), error)) {
    return absl::NotFoundError(
        absl::StrCat("work: \"", config.work(), "\" is no folder; give the one that the trainer has under this name"));
  }
  return CheckOwnDevices({config.devices().begin(), config.devices().end()});
}

TrainingWorkerService::TrainingWorkerService(const config::v1::TrainingWorkerConfig& config,
                                             const TrainingWorkerOptions& options)
    : impl_(std::make_unique<Impl>(config, options)) {}

TrainingWorkerService::~TrainingWorkerService() { Stop(); }

void TrainingWorkerService::Stop() {
  absl::MutexLock lock(&impl_->mutex);
  impl_->stopping = true;
  const auto all_ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(impl_->mutex) { return impl_->held.empty(); };
  impl_->mutex.Await(absl::Condition(&all_ended));
}

absl::Duration TrainingWorkerService::Idle() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->held.empty() ? SteadyNow() - impl_->idle_since : absl::ZeroDuration();
}

grpc::Status TrainingWorkerService::RunTrainingProcess(grpc::ServerContext* context, Stream* stream) {
  v1::RunTrainingProcessRequest first;
  if (!stream->Read(&first) || !first.has_start()) {
    return rpc::ToGrpc(absl::InvalidArgumentError("start: missing in the first message"));
  }
  const v1::StartTrainingProcess& start = first.start();
  const absl::StatusOr<v1::TrainingPlan> plan = PlanAt(start.plan_path(), impl_->work);
  if (!plan.ok()) return rpc::ToGrpc(plan.status());
  if (const absl::Status right = CheckStart(start, *plan); !right.ok()) return rpc::ToGrpc(right);
  Holder holder{start.plan_path()};
  if (const absl::Status taken = impl_->Take(start.device(), holder); !taken.ok()) return rpc::ToGrpc(taken);
  auto release = absl::MakeCleanup([&] { impl_->Release(start.device()); });
  // Several machines do not write into one file.
  const std::string log =
      absl::StrCat(plan->folder(), start.rank() == 0 ? "/log" : absl::StrCat("/log-", start.rank()), ".txt");
  const auto process = StartLocalProcess(impl_->program, start, log);
  if (!process.ok()) return rpc::ToGrpc(process.status());
  spdlog::info("{}: process {} of {} on {}", plan->job_id(), start.rank(), start.world_size(), start.device());
  Relay relay(*context, *stream, **process, impl_->options, impl_->stopping, holder);
  relay.Run();
  std::move(release).Invoke();  // before the trainer hangs up, which one that is gone never does
  return grpc::Status::OK;
}

}  // namespace mannequin
