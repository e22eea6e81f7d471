#include "common/store/job_worker.h"

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/call_ids.h"
#include "common/base/ids.h"
#include "common/base/steady.h"
#include "google/protobuf/util/time_util.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int kLeaseSeconds = 15;
constexpr absl::Duration kPoll = absl::Milliseconds(250);
constexpr absl::Duration kHeartbeat = absl::Milliseconds(500);
// How often an end that could not be recorded is tried again; the lease outlasts them.
constexpr int kFinishAttempts = 20;

// One process may run several workers of one service; a lease must tell them apart.
std::string UniqueWorkerName(const std::string& service) {
  static std::atomic<int> count{0};
  const int number = ++count;
  return number == 1 ? WorkerName(service) : absl::StrCat(WorkerName(service), "#", number);
}

// Whether the store answered that the job is not ours any more.
bool LeaseIsLost(const absl::Status& status) { return absl::IsFailedPrecondition(status) || absl::IsNotFound(status); }

}  // namespace

void JobContext::Report(const google::protobuf::Message& progress, double done) {
  google::protobuf::Any packed;
  packed.PackFrom(progress);
  absl::MutexLock lock(&mutex_);
  progress_ = std::move(packed);
  done_ = done;
}

JobWorker::JobWorker(ProductStore& store, std::string service, std::vector<v1::JobKind> kinds, Handler handler,
                     Choose choose)
    : store_(store),
      worker_(UniqueWorkerName(service)),
      kinds_(std::move(kinds)),
      handler_(std::move(handler)),
      choose_(std::move(choose)) {}

JobWorker::~JobWorker() { Stop(); }

void JobWorker::Start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
}

void JobWorker::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
    if (running_ != nullptr) running_->stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void JobWorker::Wake() {
  absl::MutexLock lock(&mutex_);
  wake_ = true;
}

bool JobWorker::WaitForNextPoll() {
  absl::MutexLock lock(&mutex_);
  AwaitFor(mutex_,
           absl::Condition(
               +[](JobWorker* self) { return self->stop_ || self->wake_; }, this),
           kPoll);
  wake_ = false;
  return !stop_;
}

void JobWorker::Loop() {
  v1::LeaseJobRequest request;
  for (const v1::JobKind kind : kinds_) request.add_kinds(kind);
  request.set_worker(worker_);
  *request.mutable_lease() = TimeUtil::SecondsToDuration(kLeaseSeconds);
  bool reachable = true;  // So that an outage is one line in the log, not four a second.
  bool look_again = false;
  while (look_again || WaitForNextPoll()) {
    std::optional<Choice> choice;
    if (choose_) {
      look_again = false;
      choice = choose_();
      if (!choice) continue;
      request.set_id(choice->id);
    }
    absl::StatusOr<v1::LeaseJobResponse> leased = store_.LeaseJob(request);
    if (leased.ok() != reachable) {
      reachable = leased.ok();
      if (reachable) {
        spdlog::info("{}: the store answers again", worker_);
      } else {
        spdlog::warn("{}: cannot lease a job, will keep trying: {}", worker_, leased.status().ToString());
      }
    }
    if (leased.ok() && leased->has_job()) RunJob(leased->job());
    absl::MutexLock lock(&mutex_);
    if (stop_) return;
    look_again = leased.ok() && leased->has_job();
  }
}

void JobWorker::RunJob(const v1::Job& job) {
  // Its lines and the calls that it makes carry its id, within the trace of the call that created it.
  const ScopedCall call(std::make_shared<const CallIds>(IdsForCall(job.traceparent(), job.tracestate(), job.id())));
  JobContext context;
  {
    absl::MutexLock lock(&context.mutex_);
    context.progress_ = job.progress();
    context.done_ = job.done();
  }
  {
    absl::MutexLock lock(&mutex_);
    running_ = &context;
    if (stop_) context.stopping_ = true;
  }
  spdlog::info("{}: {} {} begins, attempt {} of {}{}", worker_, v1::JobKind_Name(job.kind()), job.id(), job.attempts(),
               job.max_attempts(),
               job.request_id().empty() ? "" : absl::StrCat(", created by request ", job.request_id()));
  std::thread heartbeat(OfThisCall([&] { Heartbeat(job.id(), context); }));
  absl::Status status;
  try {
    status = handler_(job, context);
  } catch (const std::exception& error) {
    // LibTorch throws; a bad job must not take the process and its neighbours along.
    status = absl::InternalError(absl::StrCat("exception: ", error.what()));
  }
  {
    absl::MutexLock lock(&context.mutex_);
    context.ended_ = true;
  }
  heartbeat.join();
  bool stopped = false;
  {
    absl::MutexLock lock(&mutex_);
    running_ = nullptr;
    stopped = stop_;
  }
  if (context.lease_lost_) {
    spdlog::warn("{}: {} was dropped: its lease is lost, another worker has it", worker_, job.id());
    return;
  }
  Finish(job, context, status, stopped);
}

void JobWorker::Heartbeat(const std::string& id, JobContext& context) {
  // A wall clock that is set forward would look like a lease that was not renewed.
  absl::Time renewed = SteadyNow();
  for (;;) {
    v1::HeartbeatJobRequest request;
    request.set_id(id);
    request.set_worker(worker_);
    *request.mutable_lease() = TimeUtil::SecondsToDuration(kLeaseSeconds);
    {
      absl::MutexLock lock(&context.mutex_);
      if (AwaitFor(context.mutex_, absl::Condition(&context.ended_), kHeartbeat)) return;
      if (!context.progress_.type_url().empty()) *request.mutable_progress() = context.progress_;
      request.set_done(context.done_);
    }
    const absl::Time begun = SteadyNow();
    const absl::StatusOr<v1::HeartbeatJobResponse> beat = store_.HeartbeatJob(request);
    if (beat.ok()) {
      renewed = begun;
      if (!beat->job().cancel_requested() && !beat->job().pause_requested()) continue;
      if (beat->job().cancel_requested()) context.cancelled_ = true;
      if (beat->job().pause_requested()) context.paused_ = true;
      context.stopping_ = true;
    } else if (LeaseIsLost(beat.status()) || SteadyNow() - renewed > absl::Seconds(kLeaseSeconds)) {
      spdlog::warn("{}: lease of {} is lost: {}", worker_, id, beat.status().ToString());
      context.lease_lost_ = true;
      context.stopping_ = true;
      return;
    }
  }
}

void JobWorker::Finish(const v1::Job& job, JobContext& context, const absl::Status& status, bool stopped) {
  v1::FinishJobRequest request;
  request.set_id(job.id());
  request.set_worker(worker_);
  if (context.cancelled_) {
    request.set_state(v1::JOB_STATE_CANCELLED);
  } else if (context.paused_) {
    request.set_state(v1::JOB_STATE_PAUSED);
  } else if (stopped) {
    request.set_state(v1::JOB_STATE_QUEUED);
  } else if (status.ok()) {
    request.set_state(v1::JOB_STATE_SUCCEEDED);
  } else {
    request.set_state(v1::JOB_STATE_FAILED);
    request.set_error(absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message()));
  }
  {
    absl::MutexLock lock(&context.mutex_);
    if (!context.progress_.type_url().empty()) *request.mutable_progress() = context.progress_;
  }
  spdlog::info("{}: {} ends as {} {}", worker_, job.id(), v1::JobState_Name(request.state()), request.error());
  for (int attempt = 0; attempt < kFinishAttempts; ++attempt) {
    const absl::Status finished = store_.FinishJob(request).status();
    if (finished.ok()) return;
    if (!absl::IsUnavailable(finished) && !absl::IsDeadlineExceeded(finished)) {
      spdlog::error("{}: cannot end {}: {}", worker_, job.id(), finished.ToString());
      return;
    }
    // A worker that stops does not wait for a store that is away: the lease expires.
    if (!WaitForNextPoll()) break;
  }
  spdlog::error("{}: the store did not take the end of {}; the job goes back when its lease expires", worker_,
                job.id());
}

}  // namespace mannequin
