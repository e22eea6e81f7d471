// Threads that wait for a server most of the time, so there may be many more than cores.
//
//   Workers workers("bucket", 32);
//   RETURN_IF_ERROR(workers.Run(objects.size(), [&](std::size_t i) { return PutOne(objects[i]); }));
//
// Not for computing: ParallelFor (common/base/parallel.h) has a thread a core.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace mannequin::store {

// Thread-safe.
class Workers {
 public:
  using Visit = std::function<absl::Status(std::size_t i)>;

  // `name` is that of its threads, which are started when there is work for them, `threads` of
  // them at most.
  Workers(std::string name, std::size_t threads) : name_(std::move(name)), most_(threads) {}
  // No Run() may be under way.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Calls `visit` for 0 to `n` - 1, on this thread and on those that are idle; returns when
  // none is under way. The first error, after which none is begun. `visit` may Run() itself:
  // no call waits for a thread to become idle.
  absl::Status Run(std::size_t n, const Visit& visit);

 private:
  // On the stack of the Run() that waits for it.
  struct Job {
    const Visit& visit;
    const std::size_t n;
    std::size_t next = 0;
    std::size_t busy = 0;
    absl::Status status = absl::OkStatus();
  };

  void Work();
  // Does one piece of it; without the lock meanwhile.
  void Step(Job& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // No longer offered to threads.
  void Withdraw(Job& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string name_;
  const std::size_t most_;
  absl::Mutex mutex_;
  // Those with pieces that nobody has begun.
  std::list<Job*> jobs_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace mannequin::store
