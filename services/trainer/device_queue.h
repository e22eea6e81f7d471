// Which queued job of the trainer may run now: the oldest whose devices are free. Two jobs never
// share a device, and a job that waits for several is not overtaken on those.
//
//   DeviceQueue queue(store, {v1::JOB_KIND_TRAIN_GAN}, {"cuda:0", "cuda:1"});
//   JobWorker worker(store, "trainer", {v1::JOB_KIND_TRAIN_GAN}, handler, [&] { return queue.Next(); });
//   std::vector<std::string> devices = queue.DevicesOf(job.id());   // in the handler
#pragma once

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
  // `devices` as CheckDevice, none twice.
  DeviceQueue(ProductStore& store, std::vector<v1::JobKind> kinds, std::vector<std::string> devices);

  // INVALID_ARGUMENT, listing those that there are, for one that is not among them.
  absl::Status Check(const std::vector<std::string>& asked) const;

  // Takes the devices of the job that it names, until the choice's `hold` goes.
  std::optional<JobWorker::Choice> Next();

  // One for each process of a job that runs.
  std::vector<std::string> DevicesOf(const std::string& job_id) const;

  const std::vector<std::string>& devices() const { return devices_; }

 private:
  void Release(const std::string& job_id);

  ProductStore& store_;
  const std::vector<v1::JobKind> kinds_;
  const std::vector<std::string> devices_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::vector<std::string>> taken_ ABSL_GUARDED_BY(mutex_);  // by job
};

}  // namespace mannequin
