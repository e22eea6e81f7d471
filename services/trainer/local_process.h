// A training's process on this machine. It is this very program, or `program`, with the arguments "training-process"
// and the plan's path (training_process.h). It gets
//
//   fd 3                             pipe for its reports, report_pipe.h
//   RANK, WORLD_SIZE                 its number, and how many there are
//   LOCAL_RANK, LOCAL_WORLD_SIZE     the same among those on this machine, which share its CPUs
//   RENDEZVOUS                       where they find each other: a file, not there yet, or HOST:PORT
//   CUDA_VISIBLE_DEVICES             its own device only, so that it is "cuda:0" there; none for "cpu"
//   TRAINER_PID                      this process, whose end is its own
//   MALLOC_CONF                      kTrainingMemory, then what this process' own says
//
// standard output and error at the end of the file `log`, a process group of its own, so that Ctrl-C reaches the
// starter alone, and no signal blocked.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "mannequin/v1/training_worker.pb.h"
#include "services/trainer/running_process.h"

namespace mannequin {

inline constexpr char kTrainingProcess[] = "training-process";
inline constexpr int kReportFd = 3;
// For jemalloc. The large tensors of a step are those of the step before: given back to the system in
// between, their pages would be found and cleared again, a tenth of the step.
inline constexpr char kTrainingMemory[] = "oversize_threshold:0,dirty_decay_ms:-1,thp:always";

// `program` empty: the one that runs. `start` is not checked. Call it on a thread that lives as long as the process
// may: they end together. Errors are the system's, as of a program that is not there.
absl::StatusOr<std::unique_ptr<RunningProcess>> StartLocalProcess(const std::string& program,
                                                                  const v1::StartTrainingProcess& start,
                                                                  const std::string& log);

}  // namespace mannequin
