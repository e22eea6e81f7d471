// The queue of long work: create, lease, heartbeat, end.
//
//            lease                    finish
//   QUEUED ---------> RUNNING ----------------> SUCCEEDED | FAILED | CANCELLED
//      ^ |               | | lease expired, attempts spent: FAILED
//      | | cancel        | | lease expired, cancel asked:   CANCELLED
//      | +-> CANCELLED   | lease expired, else: leased again
//      +-----------------+ finish as QUEUED: given back
//
//   QUEUED or RUNNING --pause--> PAUSED --resume--> QUEUED; RUNNING by way of its worker,
//   who finishes as PAUSED, or whose lease expires
//
// A lease is compare-and-set in one change: `worker` in the record is who holds
// it. Its end is in the record too (by LeaseNow), so leases outlive the store's process. A worker whose
// lease expired while nobody else took it may renew it; there is still one holder.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/call_ids.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "services/store/page_token.h"
#include "services/store/record_store.h"
#include "services/store/timestamp.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

namespace {

constexpr absl::string_view kJobPrefix = "job-";
constexpr int kDefaultAttempts = 3;
constexpr std::size_t kMaxError = 4096;
constexpr std::size_t kMaxPageBytes = std::size_t{8} << 20;

absl::Status NoSuchJob(const std::string& id) {
  return absl::NotFoundError(absl::StrCat("job ", id, ": not in the store"));
}

absl::Status HasEnded(const v1::Job& job) {
  return absl::FailedPreconditionError(
      absl::StrCat("job ", job.id(), ": has ended already, it is ", v1::JobState_Name(job.state())));
}

absl::Status CheckKind(absl::string_view field, v1::JobKind kind) {
  if (kind != v1::JOB_KIND_UNSPECIFIED && v1::JobKind_IsValid(kind)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": is not one of JobKind"));
}

bool LeaseExpired(const v1::Job& job, absl::Time now) { return store::FromProto(job.lease_expires_at()) <= now; }

bool LeaseHasEnded(const v1::Job& job, absl::Time now) {
  return job.state() == v1::JOB_STATE_RUNNING && LeaseExpired(job, now);
}

void DropLease(v1::Job& job) {
  job.clear_worker();
  job.clear_lease_expires_at();
}

void Pause(v1::Job& job) {
  DropLease(job);
  job.clear_pause_requested();
  job.set_state(v1::JOB_STATE_PAUSED);
}

void End(v1::Job& job, v1::JobState state, absl::Time now) {
  DropLease(job);
  job.clear_pause_requested();
  job.set_state(state);
  *job.mutable_ended_at() = store::ToProto(now);
}

// What becomes of a RUNNING job whose lease has expired, when it may not run again.
// False when it may.
bool EndExpired(v1::Job& job, absl::Time now) {
  if (job.cancel_requested()) {
    End(job, v1::JOB_STATE_CANCELLED, now);
    return true;
  }
  if (job.pause_requested()) {
    Pause(job);
    return true;
  }
  if (job.attempts() < job.max_attempts()) return false;
  const std::string last = job.error().empty() ? "" : absl::StrCat("; before that: ", job.error());
  job.set_error(store::CleanText(absl::StrCat("attempt ", job.attempts(), " of ", job.max_attempts(), ": ",
                                              job.worker(), " stopped renewing its lease", last),
                                 kMaxError));
  End(job, v1::JOB_STATE_FAILED, now);
  return true;
}

// The job if `worker` holds its lease.
absl::StatusOr<v1::Job> ReadHeld(store::Edit& edit, const std::string& id, const std::string& worker) {
  ASSIGN_OR_RETURN(const std::optional<v1::Job> job, edit.Read<v1::Job>(Family::kJobs, id));
  if (!job) return NoSuchJob(id);
  if (job->state() != v1::JOB_STATE_RUNNING || job->worker() != worker) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", id, ": ", worker, " does not hold its lease (it is ", v1::JobState_Name(job->state()),
                     job->worker().empty() ? "" : absl::StrCat(", held by ", job->worker()), "); drop the work"));
  }
  return *job;
}

// When an id of NewId was made; the epoch for what is not one.
absl::Time TimeOfId(absl::string_view id) {
  static constexpr absl::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::int64_t milliseconds = 0;
  for (const char c : id.substr(std::min(id.size(), kJobPrefix.size()), 10)) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == absl::string_view::npos) return absl::UnixEpoch();
    milliseconds = milliseconds * 32 + static_cast<std::int64_t>(digit);
  }
  return absl::FromUnixMillis(milliseconds);
}

}  // namespace

// An id behind the last one, also for two in one millisecond and for a clock set back: order
// of ids is order of creation.
std::string RecordStore::NextJobId(absl::Time now) {
  absl::MutexLock lock(&order_mutex_);
  const absl::Time time = std::max(now, TimeOfId(last_job_id_));
  std::string id = NewId(kJobPrefix, time);
  if (id <= last_job_id_) id = NewId(kJobPrefix, time + absl::Milliseconds(1));
  last_job_id_ = id;
  return id;
}

absl::StatusOr<v1::CreateJobResponse> RecordStore::CreateJob(const v1::CreateJobRequest& request) {
  RETURN_IF_ERROR(CheckKind("kind", request.kind()));
  RETURN_IF_ERROR(store::CheckCount("max_attempts", request.max_attempts(), 0, 100));
  RETURN_IF_ERROR(store::CheckText("idempotency_key", request.idempotency_key(), 0, 128));
  v1::CreateJobResponse response;
  v1::Job& job = *response.mutable_job();
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    if (!request.idempotency_key().empty()) {
      ASSIGN_OR_RETURN(const std::optional<std::string> id, edit.JobOfKey(request.idempotency_key()));
      if (id) {
        ASSIGN_OR_RETURN(const std::optional<v1::Job> first, edit.Read<v1::Job>(Family::kJobs, *id));
        if (!first) return absl::DataLossError(absl::StrCat("jobs/", *id, ": in the index, but gone"));
        job = *first;
        return absl::OkStatus();
      }
    }
    const absl::Time now = clock_.Now();
    job.Clear();
    job.set_id(NextJobId(now));
    job.set_kind(request.kind());
    job.set_state(v1::JOB_STATE_QUEUED);
    if (request.has_spec()) *job.mutable_spec() = request.spec();
    job.set_max_attempts(request.max_attempts() == 0 ? kDefaultAttempts : request.max_attempts());
    *job.mutable_created_at() = store::ToProto(now);
    if (const auto& call = CurrentCall()) {
      job.set_request_id(call->request_id);
      job.set_traceparent(Traceparent(*call));
      job.set_tracestate(call->trace_state);
    }
    edit.PutJob(std::nullopt, job);
    if (!request.idempotency_key().empty()) edit.PutJobKey(request.idempotency_key(), job.id());
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::GetJobResponse> RecordStore::GetJob(const v1::GetJobRequest& request) {
  RETURN_IF_ERROR(store::CheckText("id", request.id(), 1, 128));
  ASSIGN_OR_RETURN(std::optional<v1::Job> job, Read<v1::Job>(Family::kJobs, request.id()));
  if (!job) return NoSuchJob(request.id());
  v1::GetJobResponse response;
  *response.mutable_job() = *std::move(job);
  return response;
}

absl::StatusOr<v1::ListJobsResponse> RecordStore::ListJobs(const v1::ListJobsRequest& request) {
  if (!v1::JobKind_IsValid(request.kind())) return absl::InvalidArgumentError("kind: is not one of JobKind");
  if (!v1::JobState_IsValid(request.state())) return absl::InvalidArgumentError("state: is not one of JobState");
  ASSIGN_OR_RETURN(const int page_size, store::PageSize(request.page_size()));
  const std::string query = absl::StrCat("jobs ", request.kind(), " ", request.state());
  ASSIGN_OR_RETURN(const std::string before, store::ParsePageToken(query, request.page_token()));
  v1::ListJobsResponse response;
  std::size_t bytes = 0;
  // True when the job was added, or is none of those asked for.
  const auto add = [&](const v1::Job& job) {
    if (request.kind() != v1::JOB_KIND_UNSPECIFIED && job.kind() != request.kind()) return true;
    if (request.state() != v1::JOB_STATE_UNSPECIFIED && job.state() != request.state()) return true;
    if (response.jobs_size() == page_size || bytes > kMaxPageBytes) {
      response.set_next_page_token(store::MakePageToken(query, response.jobs().rbegin()->id()));
      return false;
    }
    bytes += job.ByteSizeLong();
    *response.add_jobs() = job;
    return true;
  };
  RETURN_IF_ERROR(VisitJobs(request.kind(), request.state(), before, add));
  return response;
}

absl::StatusOr<v1::LeaseJobResponse> RecordStore::LeaseJob(const v1::LeaseJobRequest& request) {
  RETURN_IF_ERROR(store::CheckWorker(request.worker()));
  RETURN_IF_ERROR(store::CheckCount("kinds", request.kinds_size(), 1, v1::JobKind_ARRAYSIZE));
  for (const int kind : request.kinds()) RETURN_IF_ERROR(CheckKind("kinds", static_cast<v1::JobKind>(kind)));
  ASSIGN_OR_RETURN(const absl::Duration lease, store::LeaseDuration(request.lease()));
  RETURN_IF_ERROR(store::CheckText("id", request.id(), 0, 128));
  std::vector<v1::JobKind> kinds;
  for (const int kind : request.kinds()) kinds.push_back(static_cast<v1::JobKind>(kind));
  v1::LeaseJobResponse response;
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    const absl::Time now = clock_.Now(), lease_now = LeaseNow();
    response.Clear();
    std::optional<v1::Job> oldest;
    for (std::string after;; after = oldest->id()) {
      ASSIGN_OR_RETURN(oldest, edit.NextOpenJob(kinds, request.id(), after, lease_now));
      if (!oldest) return absl::OkStatus();
      v1::Job ended = *oldest;
      if (oldest->state() == v1::JOB_STATE_QUEUED || !EndExpired(ended, now)) break;
      edit.PutJob(oldest, ended);
    }
    v1::Job& job = *response.mutable_job();
    job = *oldest;
    job.set_state(v1::JOB_STATE_RUNNING);
    job.set_worker(request.worker());
    job.set_attempts(job.attempts() + 1);
    *job.mutable_lease_expires_at() = store::ToProto(lease_now + lease);
    if (!job.has_started_at()) *job.mutable_started_at() = store::ToProto(now);
    edit.PutJob(oldest, job);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::HeartbeatJobResponse> RecordStore::HeartbeatJob(const v1::HeartbeatJobRequest& request) {
  RETURN_IF_ERROR(store::CheckText("id", request.id(), 1, 128));
  RETURN_IF_ERROR(store::CheckWorker(request.worker()));
  RETURN_IF_ERROR(store::CheckShare("done", request.done()));
  ASSIGN_OR_RETURN(const absl::Duration lease, store::LeaseDuration(request.lease()));
  v1::HeartbeatJobResponse response;
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const v1::Job before, ReadHeld(edit, request.id(), request.worker()));
    v1::Job& job = *response.mutable_job();
    job = before;
    *job.mutable_lease_expires_at() = store::ToProto(LeaseNow() + lease);
    if (request.has_progress()) *job.mutable_progress() = request.progress();
    job.set_done(request.done());
    edit.PutJob(before, job);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::FinishJobResponse> RecordStore::FinishJob(const v1::FinishJobRequest& request) {
  RETURN_IF_ERROR(store::CheckText("id", request.id(), 1, 128));
  RETURN_IF_ERROR(store::CheckWorker(request.worker()));
  const v1::JobState state = request.state();
  if (state != v1::JOB_STATE_SUCCEEDED && state != v1::JOB_STATE_FAILED && state != v1::JOB_STATE_CANCELLED &&
      state != v1::JOB_STATE_QUEUED && state != v1::JOB_STATE_PAUSED) {
    return absl::InvalidArgumentError("state: expected SUCCEEDED, FAILED, CANCELLED, PAUSED or QUEUED");
  }
  const bool given_back = state == v1::JOB_STATE_QUEUED || state == v1::JOB_STATE_PAUSED;
  v1::FinishJobResponse response;
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const v1::Job before, ReadHeld(edit, request.id(), request.worker()));
    const absl::Time now = clock_.Now();
    v1::Job& job = *response.mutable_job();
    job = before;
    job.set_error(store::CleanText(request.error(), kMaxError));
    if (request.has_progress()) *job.mutable_progress() = request.progress();
    if (state == v1::JOB_STATE_SUCCEEDED) job.set_done(1);
    if (!given_back) {
      End(job, state, now);
    } else if (before.cancel_requested()) {
      End(job, v1::JOB_STATE_CANCELLED, now);
    } else if (!request.error().empty() && before.attempts() >= before.max_attempts()) {
      End(job, v1::JOB_STATE_FAILED, now);
    } else {
      DropLease(job);
      job.set_state(v1::JOB_STATE_QUEUED);
      // A resume may have taken the pause back since its worker heard of it.
      if (before.pause_requested()) Pause(job);
      // A worker that stops in order has not tried and failed: deployments must not eat
      // a long job's attempts.
      if (request.error().empty()) job.set_attempts(job.attempts() - 1);
    }
    edit.PutJob(before, job);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::CancelJobResponse> RecordStore::CancelJob(const v1::CancelJobRequest& request) {
  RETURN_IF_ERROR(store::CheckText("id", request.id(), 1, 128));
  v1::CancelJobResponse response;
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<v1::Job> before, edit.Read<v1::Job>(Family::kJobs, request.id()));
    if (!before) return NoSuchJob(request.id());
    const absl::Time now = clock_.Now();
    v1::Job& job = *response.mutable_job();
    job = *before;
    switch (before->state()) {
      case v1::JOB_STATE_RUNNING:
        job.set_cancel_requested(true);
        // Nobody is left to heed it.
        if (LeaseExpired(job, LeaseNow())) End(job, v1::JOB_STATE_CANCELLED, now);
        break;
      case v1::JOB_STATE_QUEUED:
      case v1::JOB_STATE_PAUSED:
        job.set_cancel_requested(true);
        End(job, v1::JOB_STATE_CANCELLED, now);
        break;
      case v1::JOB_STATE_CANCELLED:
        return absl::OkStatus();
      default:
        return HasEnded(job);
    }
    edit.PutJob(before, job);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::PauseJobResponse> RecordStore::PauseJob(const v1::PauseJobRequest& request) {
  RETURN_IF_ERROR(store::CheckText("id", request.id(), 1, 128));
  v1::PauseJobResponse response;
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<v1::Job> before, edit.Read<v1::Job>(Family::kJobs, request.id()));
    if (!before) return NoSuchJob(request.id());
    v1::Job& job = *response.mutable_job();
    job = *before;
    if (before->state() == v1::JOB_STATE_PAUSED) return absl::OkStatus();
    if (LeaseHasEnded(*before, LeaseNow()) && before->cancel_requested()) {
      End(job, v1::JOB_STATE_CANCELLED, clock_.Now());
    } else if (before->state() == v1::JOB_STATE_QUEUED || LeaseHasEnded(*before, LeaseNow())) {
      Pause(job);
    } else if (before->state() == v1::JOB_STATE_RUNNING) {
      job.set_pause_requested(true);
    } else {
      return HasEnded(job);
    }
    edit.PutJob(before, job);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::ResumeJobResponse> RecordStore::ResumeJob(const v1::ResumeJobRequest& request) {
  RETURN_IF_ERROR(store::CheckText("id", request.id(), 1, 128));
  v1::ResumeJobResponse response;
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<v1::Job> before, edit.Read<v1::Job>(Family::kJobs, request.id()));
    if (!before) return NoSuchJob(request.id());
    v1::Job& job = *response.mutable_job();
    job = *before;
    switch (before->state()) {
      case v1::JOB_STATE_PAUSED:
        job.set_state(v1::JOB_STATE_QUEUED);
        break;
      case v1::JOB_STATE_RUNNING:
        // A worker that has heard of the pause gives it back, and it is QUEUED again.
        job.clear_pause_requested();
        break;
      case v1::JOB_STATE_QUEUED:
        return absl::OkStatus();
      default:
        return HasEnded(job);
    }
    edit.PutJob(before, job);
    return absl::OkStatus();
  }));
  return response;
}

}  // namespace mannequin
