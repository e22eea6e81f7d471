#include "services/trainer/device_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {
namespace {

// The store's jobs of one state; none when it does not answer, which its worker logs.
void AddJobs(ProductStore& store, v1::JobKind kind, v1::JobState state, std::vector<v1::Job>& jobs) {
  v1::ListJobsRequest request;
  request.set_kind(kind);
  request.set_state(state);
  request.set_page_size(1000);
  do {
    absl::StatusOr<v1::ListJobsResponse> response = store.ListJobs(request);
    if (!response.ok()) return;
    for (v1::Job& job : *response->mutable_jobs()) jobs.push_back(std::move(job));
    request.set_page_token(response->next_page_token());
  } while (!request.page_token().empty());
}

bool LeaseExpired(const v1::Job& job) {
  return absl::FromUnixSeconds(job.lease_expires_at().seconds()) + absl::Nanoseconds(job.lease_expires_at().nanos()) <=
         absl::Now();
}

// What the job asks for; empty for one of any. What cannot be read is leased on any device,
// and fails with its reason.
std::vector<std::string> AskedDevices(const v1::Job& job) {
  v1::CreateTrainingRequest training;
  if (job.spec().UnpackTo(&training)) return {training.devices().begin(), training.devices().end()};
  v1::EvaluateBundlesRequest evaluation;
  if (job.spec().UnpackTo(&evaluation) && !evaluation.device().empty()) return {evaluation.device()};
  return {};
}

// "cuda" and "cuda:0" are one.
std::string Canonical(const std::string& device) { return device == "cuda" ? "cuda:0" : device; }

}  // namespace

DeviceQueue::DeviceQueue(ProductStore& store, std::vector<v1::JobKind> kinds, std::vector<std::string> devices)
    : store_(store), kinds_(std::move(kinds)), devices_(std::move(devices)) {}

absl::Status DeviceQueue::Check(const std::vector<std::string>& asked) const {
  for (const std::string& device : asked) {
    if (std::find(devices_.begin(), devices_.end(), Canonical(device)) == devices_.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("devices: \"", device, "\" is not one of this trainer's: ", absl::StrJoin(devices_, ", ")));
    }
  }
  return absl::OkStatus();
}

std::optional<JobWorker::Choice> DeviceQueue::Next() {
  {
    absl::MutexLock lock(&mutex_);
    std::size_t taken = 0;
    for (const auto& [job, devices] : taken_) taken += std::set<std::string>(devices.begin(), devices.end()).size();
    if (taken >= devices_.size()) return std::nullopt;
  }
  std::vector<v1::Job> jobs;
  std::vector<v1::Job> running;
  for (const v1::JobKind kind : kinds_) {
    AddJobs(store_, kind, v1::JOB_STATE_QUEUED, jobs);
    AddJobs(store_, kind, v1::JOB_STATE_RUNNING, running);
  }
  std::copy_if(running.begin(), running.end(), std::back_inserter(jobs), LeaseExpired);
  std::sort(jobs.begin(), jobs.end(), [](const v1::Job& a, const v1::Job& b) { return a.id() < b.id(); });

  absl::MutexLock lock(&mutex_);
  // Taken, or wanted by an older job.
  std::set<std::string> spoken_for;
  for (const auto& [job, devices] : taken_) spoken_for.insert(devices.begin(), devices.end());
  for (const v1::Job& job : jobs) {
    if (taken_.count(job.id()) > 0) continue;
    std::vector<std::string> wanted;
    for (const std::string& device : AskedDevices(job)) wanted.push_back(Canonical(device));
    if (wanted.empty()) {
      for (const std::string& device : devices_) {
        if (wanted.empty() && spoken_for.count(device) == 0) wanted.push_back(device);
      }
      if (wanted.empty()) continue;
    } else if (!Check(wanted).ok()) {
      continue;  // another trainer's
    }
    const bool free = std::none_of(wanted.begin(), wanted.end(),
                                   [&](const std::string& device) { return spoken_for.count(device) > 0; });
    spoken_for.insert(wanted.begin(), wanted.end());
    if (!free) continue;
    taken_[job.id()] = wanted;
    const std::string id = job.id();
    return JobWorker::Choice{id, std::shared_ptr<void>(nullptr, [this, id](void*) { Release(id); })};
  }
  return std::nullopt;
}

void DeviceQueue::Release(const std::string& job_id) {
  absl::MutexLock lock(&mutex_);
  taken_.erase(job_id);
}

std::vector<std::string> DeviceQueue::DevicesOf(const std::string& job_id) const {
  absl::MutexLock lock(&mutex_);
  const auto found = taken_.find(job_id);
  return found == taken_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace mannequin
