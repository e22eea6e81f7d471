// Runs a training's processes, one a device, and keeps them going: one that dies takes the
// others along, and all start anew from the last checkpoint. The trainer itself never
// dies of a training.
//
//   const absl::Status status = Supervise(plan_path, plan, options, stopping, report);
//
// A process is this very program, or `options.program`, with the arguments "training-process"
// and the plan's path (training_process.h). It gets
//
//   fd 3                  pipe for its reports, report_pipe.h
//   RANK, WORLD_SIZE      its number, and how many there are
//   RENDEZVOUS            a file, not there yet, by which they find each other
//   CUDA_VISIBLE_DEVICES  its own device only, so that it is "cuda:0" there; none for "cpu"
//   TRAINER_PID           whose end is its own
//   MALLOC_CONF           kTrainingMemory, then what the trainer's own says
//
// standard output and error in <folder>/log.txt, a process group of its own, so that Ctrl-C
// reaches the trainer alone, and no signal blocked.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "mannequin/v1/training_process.pb.h"

namespace mannequin {

inline constexpr char kTrainingProcess[] = "training-process";
inline constexpr int kReportFd = 3;
// For jemalloc. The large tensors of a step are those of the step before: given back to the system in
// between, their pages would be found and cleared again, a tenth of the step.
inline constexpr char kTrainingMemory[] = "oversize_threshold:0,dirty_decay_ms:-1,thp:always";

struct SupervisorOptions {
  std::string program;  // empty: the one that runs
  // A process that says nothing for so long hangs.
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
