// Which queued job of the trainer may run now: the oldest whose devices are free. Two jobs never
// share a device, and a job that waits for several is not overtaken on those.
//
// A job that asks for a device of a worker which is not there waits as well, and keeps no device from others meanwhile.
//
//   DeviceQueue queue(store, {v1::JOB_KIND_TRAIN_GAN}, {"cuda:0", "cuda:1"}, can_start);
//   JobWorker worker(store, "trainer", {v1::JOB_KIND_TRAIN_GAN}, handler, [&] { return queue.Next(); });
//   std::vector<std::string> devices = queue.DevicesOf(job.id());   // in the handler
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/store/job_worker.h"
#include "common/store/product_store.h"

namespace mannequin {

// Thread-safe.
class DeviceQueue {
 public:
  // `devices` as CheckOwnDevices or CheckWorkerDevice, none twice. `can_start` as TrainingWorkers; empty: on all.
  DeviceQueue(ProductStore& store, std::vector<v1::JobKind> kinds, std::vector<std::string> devices,
              std::function<bool(const std::string&)> can_start = nullptr);

  // Of a training. INVALID_ARGUMENT for one that is not among them, listing those that there are; for devices of this
  // machine beside devices of workers; for one of a worker twice.
  absl::Status Check(const std::vector<std::string>& asked) const;
  // Of an evaluation, which is on this machine: INVALID_ARGUMENT for one that is not among those.
  absl::Status CheckEvaluation(const std::string& asked) const;

  // Takes the devices of the job that it names, until the choice's `hold` goes.
  std::optional<JobWorker::Choice> Next();

  // One for each process of a job that runs.
  std::vector<std::string> DevicesOf(const std::string& job_id) const;

  // Jobs that may run side by side, at most.
  std::size_t size() const { return all_.size(); }

 private:
  // Those of `asked`, or of the first that is free; empty when there is none, or it is another trainer's.
  std::vector<std::string> Wanted(const v1::Job& job, const std::set<std::string>& spoken_for) const;
  bool CanStart(const std::string& device) const { return can_start_ == nullptr || can_start_(device); }
  void Release(const std::string& job_id);

  ProductStore& store_;
  const std::vector<v1::JobKind> kinds_;
  const std::vector<std::string> devices_;
  const std::vector<std::string> own_;  // for evaluations: those of this machine, or its CPU where there are none
  const std::set<std::string> all_;
  const std::function<bool(const std::string&)> can_start_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::vector<std::string>> taken_ ABSL_GUARDED_BY(mutex_);  // by job
};

}  // namespace mannequin
