// Gathers concurrent requests into one forward pass.
//
//   Batcher<Input, Output> batcher({.max_batch = 32, .max_queue = 256}, [&](std::vector<Input> batch) {
//     return model.Discriminate(batch);  // one output an input, in their order
//   });
//   absl::StatusOr<Output> output = batcher.Run(input, deadline);
//
// Inputs of unlike size are told apart by `cost`: a batch holds inputs of max_batch in sum,
// or a single one that costs more.
//
// Nothing waits for company: a free thread takes what is queued, be it one request.
// While it computes the queue grows, and so do batches under load.
// Not for offline work, which has its batches already.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mannequin {

struct BatcherOptions {
  int max_batch = 32;   // requests in one pass at most, or the sum of their costs
  int max_queue = 256;  // requests that may wait for a pass
  int threads = 1;      // passes at a time
};

// Thread-safe.
template <typename Input, typename Output>
class Batcher {
 public:
  // Called on the batcher's own threads, `threads` of them at a time. An error, or
  // another number of outputs than inputs (INTERNAL), is the answer of the whole batch.
  using Forward = std::function<absl::StatusOr<std::vector<Output>>(std::vector<Input> batch)>;

  // At least 1. Must not block.
  using Cost = std::function<int(const Input& input)>;

  Batcher(
      const BatcherOptions& options, Forward forward, Cost cost = [](const Input&) { return 1; })
      : options_(options), forward_(std::move(forward)), cost_(std::move(cost)) {
    for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Loop(); });
  }
  ~Batcher() { Stop(); }
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Blocks until the batch that holds `input` is done or `deadline` passes; an input
  // whose deadline passed before its batch began is never computed. Errors:
  // DEADLINE_EXCEEDED; RESOURCE_EXHAUSTED when `max_queue` already wait; CANCELLED
  // after Stop; what `forward` says.
  absl::StatusOr<Output> Run(Input input, absl::Time deadline) {
    if (deadline <= absl::Now()) return TooLate();
    auto call = std::make_shared<Call>(std::move(input));
    absl::MutexLock lock(&mutex_);
    if (stop_) return Stopped();
    if (static_cast<int>(queue_.size()) >= options_.max_queue) {
      return absl::ResourceExhaustedError(
          absl::StrCat(options_.max_queue, " requests wait already (max_queue); try again later or add a replica"));
    }
    queue_.push_back(call);
    const auto answered = [&call] { return call->answer.has_value(); };
    if (!mutex_.AwaitWithDeadline(absl::Condition(&answered), deadline)) {
      const auto waiting = std::find(queue_.begin(), queue_.end(), call);
      if (waiting != queue_.end()) queue_.erase(waiting);
      return TooLate();
    }
    return *std::move(call->answer);
  }

  // Answers CANCELLED to what waits, finishes the passes that run, and to every later
  // Run says CANCELLED. Idempotent.
  void Stop() {
    {
      absl::MutexLock lock(&mutex_);
      stop_ = true;
      for (const std::shared_ptr<Call>& call : queue_) call->answer = Stopped();
      queue_.clear();
    }
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  // Requests that wait now.
  int queued() const {
    absl::MutexLock lock(&mutex_);
    return static_cast<int>(queue_.size());
  }

 private:
  struct Call {
    explicit Call(Input in) : input(std::move(in)) {}
    Input input;
    std::optional<absl::StatusOr<Output>> answer;
  };
  using Calls = std::vector<std::shared_ptr<Call>>;

  static absl::Status TooLate() {
    return absl::DeadlineExceededError("the deadline passed before the answer was ready");
  }
  static absl::Status Stopped() { return absl::CancelledError("the service is stopping"); }

  bool ShouldWake() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stop_ || !queue_.empty(); }

  void Loop() {
    absl::MutexLock lock(&mutex_);
    while (true) {
      mutex_.Await(absl::Condition(this, &Batcher::ShouldWake));
      if (stop_) return;
      Calls calls;
      std::vector<Input> batch;
      for (int cost = 0; !queue_.empty();) {
        cost += cost_(queue_.front()->input);
        if (!calls.empty() && cost > options_.max_batch) break;
        batch.push_back(std::move(queue_.front()->input));
        calls.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      mutex_.Unlock();
      absl::StatusOr<std::vector<Output>> outputs = forward_(std::move(batch));
      if (outputs.ok() && outputs->size() != calls.size()) {
        outputs = absl::InternalError(absl::StrCat(calls.size(), " inputs gave ", outputs->size(), " outputs"));
      }
      mutex_.Lock();
      for (std::size_t i = 0; i < calls.size(); ++i) {
        if (outputs.ok()) {
          calls[i]->answer = std::move((*outputs)[i]);
        } else {
          calls[i]->answer = outputs.status();
        }
      }
    }
  }

  const BatcherOptions options_;
  const Forward forward_;
  const Cost cost_;
  mutable absl::Mutex mutex_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::shared_ptr<Call>> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace mannequin
