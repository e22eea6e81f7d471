// Runs a training's processes, one a device, and keeps them going: one that dies takes the
// others along, and all start anew from the last checkpoint. The trainer itself never
// dies of a training.
//
//   const absl::Status status = Supervise(plan_path, plan, options, stopping, report);
//
// Each process is a child of this one (local_process.h) or, on a device "HOST:PORT/...", runs at the training worker
// there (remote_process.h), which sees the plan's folder under the same name. What they say on standard output and
// error is in <folder>/log.txt; of workers, what all but the first say in log-<rank>.txt.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "mannequin/v1/training_process.pb.h"
#include "services/trainer/training_workers.h"

namespace mannequin {

struct SupervisorOptions {
  std::string program;  // empty: the one that runs
  // For devices of workers; must outlive the training.
  const TrainingWorkers* workers = nullptr;
  // A process that says nothing for so long hangs. So long, too, a worker may be away before that counts as a death.
  absl::Duration max_silence = absl::Minutes(10);
  // Between asking for the end and SIGKILL.
  absl::Duration grace = absl::Seconds(60);
  // What the others of a group get to end by themselves once one has died.
  absl::Duration last_words = absl::Seconds(2);
  // In a row without a new checkpoint; then the training has failed.
  int max_restarts = 3;
};

// Blocks. OK when all processes ended well. A process's own error, as it is; CANCELLED once
// `stopping()`, after a last checkpoint; RESOURCE_EXHAUSTED when processes kept being killed by
// signal 9, INTERNAL when they kept dying otherwise. `report` hears the first process's
// progress, with peak memory and restarts filled in. Call it on a thread that lives as long
// as the trainer: the processes end with it.
absl::Status Supervise(const std::string& plan_path, const v1::TrainingPlan& plan, const SupervisorOptions& options,
                       const std::function<bool()>& stopping,
                       const std::function<void(const v1::TrainingProgress&, double done)>& report);

}  // namespace mannequin
