#include "services/trainer/device_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "services/trainer/device_name.h"

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

// "cuda" and "cuda:0" are one, on every machine.
std::string Canonical(const std::string& device) { return absl::EndsWith(device, "cuda") ? device + ":0" : device; }

bool Contains(const std::vector<std::string>& devices, const std::string& device) {
  return std::find(devices.begin(), devices.end(), device) != devices.end();
}

std::vector<std::string> OwnOf(const std::vector<std::string>& devices) {
  std::vector<std::string> own;
  std::copy_if(devices.begin(), devices.end(), std::back_inserter(own),
               [](const std::string& device) { return WorkerOf(device).empty(); });
  if (own.empty()) own.push_back("cpu");
  return own;
}

std::set<std::string> Union(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::set<std::string> all(a.begin(), a.end());
  all.insert(b.begin(), b.end());
  return all;
}

}  // namespace

DeviceQueue::DeviceQueue(ProductStore& store, std::vector<v1::JobKind> kinds, std::vector<std::string> devices,
                         std::function<bool(const std::string&)> can_start)
    : store_(store),
      kinds_(std::move(kinds)),
      devices_(std::move(devices)),
      own_(OwnOf(devices_)),
      all_(Union(devices_, own_)),
      can_start_(std::move(can_start)) {}

absl::Status DeviceQueue::Check(const std::vector<std::string>& asked) const {
  std::set<std::string> of_workers;
  bool own = false;
  for (const std::string& name : asked) {
    const std::string device = Canonical(name);
    if (!Contains(devices_, device)) {
      return absl::InvalidArgumentError(
          absl::StrCat("devices: \"", name, "\" is not one of this trainer's: ", absl::StrJoin(devices_, ", ")));
    }
    own |= WorkerOf(device).empty();
    if (!WorkerOf(device).empty() && !of_workers.insert(device).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("devices: \"", name, "\" is there twice; a worker runs one process on a device"));
    }
  }
  if (own && !of_workers.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("devices: \"", *of_workers.begin(),
                     "\" is a worker's, others are of the trainer's own machine; a "
                     "training runs on devices of workers alone, or of the trainer's machine alone"));
  }
  return absl::OkStatus();
}

absl::Status DeviceQueue::CheckEvaluation(const std::string& asked) const {
  if (Contains(own_, Canonical(asked))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("device: \"", asked,
                                                 "\" is not one of those of the trainer's own "
                                                 "machine, where bundles are measured: ",
                                                 absl::StrJoin(own_, ", ")));
}

std::vector<std::string> DeviceQueue::Wanted(const v1::Job& job, const std::set<std::string>& spoken_for) const {
  const auto first_free = [&](const std::vector<std::string>& devices) -> std::vector<std::string> {
    for (const std::string& device : devices) {
      if (spoken_for.count(device) == 0 && CanStart(device)) return {device};
    }
    return {};
  };
  v1::EvaluateBundlesRequest evaluation;
  if (job.spec().UnpackTo(&evaluation)) {
    if (evaluation.device().empty()) return first_free(own_);
    if (!CheckEvaluation(evaluation.device()).ok()) return {};
    return {Canonical(evaluation.device())};
  }
  // What cannot be read is leased on any device, and fails with its reason.
  v1::CreateTrainingRequest training;
  if (!job.spec().UnpackTo(&training) || training.devices().empty()) return first_free(devices_);
  if (!Check({training.devices().begin(), training.devices().end()}).ok()) return {};
  std::vector<std::string> wanted;
  for (const std::string& device : training.devices()) wanted.push_back(Canonical(device));
  return wanted;
}

std::optional<JobWorker::Choice> DeviceQueue::Next() {
  {
    absl::MutexLock lock(&mutex_);
    std::size_t taken = 0;
    for (const auto& [job, devices] : taken_) taken += std::set<std::string>(devices.begin(), devices.end()).size();
    if (taken >= all_.size()) return std::nullopt;
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
    const std::vector<std::string> wanted = Wanted(job, spoken_for);
    if (wanted.empty()) continue;
    if (!std::all_of(wanted.begin(), wanted.end(), [this](const std::string& device) { return CanStart(device); })) {
      continue;
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
