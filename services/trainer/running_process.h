// One process of a training as the supervisor sees it: on this machine (local_process.h) or on a worker's
// (remote_process.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "mannequin/v1/training_process.pb.h"

namespace mannequin {

// Not thread-safe.
class RunningProcess {
 public:
  // Kills it, and returns when nothing of it runs any more.
  virtual ~RunningProcess() = default;

  // A checkpoint, and then its end.
  virtual void AskToEnd() = 0;
  virtual void Kill() = 0;

  // What it said since. Call it when `fd` is readable, at least once a second, and once more after the end.
  virtual std::vector<v1::TrainingReport> Read() = 0;
  // -1 when no more will come.
  virtual int fd() const = 0;
  virtual bool Silent(absl::Duration limit) const = 0;
  // Most of it, so far.
  virtual std::int64_t PeakMemory() = 0;

  // True once it has ended.
  virtual bool Ended() = 0;
  // What it said of its end.
  virtual const std::optional<v1::ProcessEnd>& end() const = 0;
  // Why it died, when it did neither end by its own decision nor by Kill(); empty otherwise.
  virtual std::string Crash() const = 0;
  // By signal 9, as the system does where memory is short.
  virtual bool killed_by_system() const = 0;
};

}  // namespace mannequin
