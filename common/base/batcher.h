// Gathers concurrent requests into one forward pass.
//
//   Batcher<Input, Output> batcher({.max_batch = 32, .max_queue = 256}, [&](std::vector<Input> batch) {
//     return model.Discriminate(batch);  // one output an input, in their order
//   });
//   absl::StatusOr<Output> output = batcher.Run(input, {.deadline = deadline});
//
// Inputs of unlike size are told apart by `cost`: a batch holds inputs of max_batch in sum,
// or a single one that costs more.
//
// Nothing waits for company: a free thread takes what is queued, be it one request.
// While it computes the queue grows, and so do batches under load.
//
// Who waits says how urgent it is. A pass takes what is urgent first, up to max_batch, and bulk
// only up to max_bulk, together with what is urgent: so bulk makes no urgent pass longer than a
// pass of bulk alone, and what is urgent never waits for more than one of those. Bulk has what
// urgent requests leave; under nothing but urgent load it waits.
//
// Nothing is computed for nobody: passes are timed, an input that by those times would be
// answered after its deadline is refused at once, and one that has become so while it waited, or
// whose caller is gone, is dropped when its turn comes. An idle batcher refuses nothing, and a
// pass always computes the first input that is still in time, so a wrong measure puts itself right.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/pass_times.h"
#include "common/base/retry_after.h"
#include "common/base/steady.h"

namespace mannequin {

struct BatcherOptions {
  int max_batch = 32;   // requests in one pass at most, or the sum of their costs
  int max_queue = 256;  // requests of each urgency that may wait for a pass
  int threads = 1;      // passes at a time
  int max_bulk = 0;     // as max_batch, of a pass with bulk in it; 0: max_batch
  // Inputs refer to their callers' memory: Run does not return while a pass has its input.
  bool borrows = false;
};

enum class Urgency { kUrgent, kBulk };

// Who waits for an answer, and for how long.
struct Waiter {
  // On the steady clock.
  absl::Time deadline = absl::InfiniteFuture();
  Urgency urgency = Urgency::kUrgent;
  // True when nobody waits any more. Asked at most once, on a thread of the batcher and under
  // its lock, before the input is computed, while the caller stands in Run. May be empty.
  std::function<bool()> gone = nullptr;
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

  // Blocks until the batch that holds `input` is done or the deadline passes; an input
  // whose deadline passed before its batch began is never computed. Errors:
  // DEADLINE_EXCEEDED; RESOURCE_EXHAUSTED, with RetryAfter, when `max_queue` already wait or the
  // answer would come too late; CANCELLED when the caller is gone, and after Stop; what `forward` says.
  absl::StatusOr<Output> Run(Input input, const Waiter& waiter) {
    if (waiter.deadline <= SteadyNow()) return TooLate();
    const auto call = std::make_shared<Call>(std::move(input), cost_, waiter);
    {
      absl::MutexLock lock(&mutex_);
      if (stop_) return Stopped();
      Queue& queue = QueueOf(waiter.urgency);
      const absl::Duration wait = WaitBehind(Ahead(waiter.urgency), call->cost);
      if (static_cast<int>(queue.calls.size()) >= options_.max_queue) {
        return WithRetryAfter(
            absl::ResourceExhaustedError(absl::StrCat(
                options_.max_queue, " requests wait already (max_queue); try again later or add a replica")),
            wait);
      }
      if (SteadyNow() + wait > waiter.deadline) {
        return WithRetryAfter(
            absl::ResourceExhaustedError(absl::StrCat("what waits already takes about ", absl::FormatDuration(wait),
                                                      ", past the deadline; try again later or add a replica")),
            wait);
      }
      queue.Push(call);
    }
    return Await(call);
  }
  absl::StatusOr<Output> Run(Input input, absl::Time deadline) {
    return Run(std::move(input), Waiter{.deadline = deadline});
  }

  // Run of each, side by side, except that inputs wait for room in the queue rather than being
  // refused. Blocks until all are answered; the answers stand in the inputs' order.
  std::vector<absl::StatusOr<Output>> RunAll(std::vector<std::pair<Input, Waiter>> inputs) {
    std::vector<absl::StatusOr<Output>> answers;
    std::vector<std::shared_ptr<Call>> calls;
    for (auto& [input, waiter] : inputs) {
      calls.push_back(std::make_shared<Call>(std::move(input), cost_, waiter));
      const std::shared_ptr<Call>& call = calls.back();
      Queue& queue = QueueOf(waiter.urgency);
      absl::MutexLock lock(&mutex_);
      const auto has_room = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stop_ || static_cast<int>(queue.calls.size()) < options_.max_queue;
      };
      if (!AwaitFor(mutex_, absl::Condition(&has_room), waiter.deadline - SteadyNow())) {
        call->Answer(TooLate());
      } else if (stop_) {
        call->Answer(Stopped());
      } else {
        queue.Push(call);
      }
    }
    answers.reserve(calls.size());
    for (const std::shared_ptr<Call>& call : calls) answers.push_back(Await(call));
    return answers;
  }

  // How long an urgent input of cost 1 would wait for its answer behind inputs of `ahead` in
  // sum, by the passes that were; zero before the first pass.
  absl::Duration EstimatedWait(int ahead) const {
    absl::MutexLock lock(&mutex_);
    return WaitBehind(ahead, 1);
  }

  // Answers CANCELLED to what waits, finishes the passes that run, and to every later
  // Run says CANCELLED. Idempotent.
  void Stop() {
    {
      absl::MutexLock lock(&mutex_);
      stop_ = true;
      for (Queue* queue : {&urgent_, &bulk_}) {
        while (!queue->calls.empty()) queue->Pop()->Answer(Stopped());
      }
    }
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  // Requests that wait now.
  int queued() const {
    absl::MutexLock lock(&mutex_);
    return static_cast<int>(urgent_.calls.size() + bulk_.calls.size());
  }

 private:
  struct Call {
    Call(Input in, const Cost& cost_of, const Waiter& w) : input(std::move(in)), cost(cost_of(input)), waiter(w) {}
    void Answer(absl::StatusOr<Output> what) {
      answer = std::move(what);
      answered.Notify();
    }
    Input input;
    const int cost;
    const Waiter waiter;
    absl::StatusOr<Output> answer = absl::InternalError("not answered");  // belongs to the caller once `answered`
    SteadyNotification answered;
  };
  using CallPtr = std::shared_ptr<Call>;

  struct Queue {
    std::deque<CallPtr> calls;
    int cost = 0;  // their sum

    void Push(const CallPtr& call) {
      calls.push_back(call);
      cost += call->cost;
    }
    CallPtr Pop() {
      CallPtr call = std::move(calls.front());
      calls.pop_front();
      cost -= call->cost;
      return call;
    }
    bool Remove(const CallPtr& call) {
      const auto found = std::find(calls.begin(), calls.end(), call);
      if (found == calls.end()) return false;
      calls.erase(found);
      cost -= call->cost;
      return true;
    }
  };

  static absl::Status TooLate() {
    return absl::DeadlineExceededError("the deadline passed before the answer was ready");
  }
  static absl::Status Stopped() { return absl::CancelledError("the service is stopping"); }
  static absl::Status Gone() { return absl::CancelledError("the caller is gone"); }

  int MaxBulk() const { return options_.max_bulk > 0 ? options_.max_bulk : options_.max_batch; }
  // Which never changes: the queue itself is guarded.
  Queue& QueueOf(Urgency urgency) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return urgency == Urgency::kUrgent ? urgent_ : bulk_;
  }
  int Ahead(Urgency urgency) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return urgency == Urgency::kUrgent ? urgent_.cost : urgent_.cost + bulk_.cost;
  }
  bool ShouldWake() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stop_ || !urgent_.calls.empty() || !bulk_.calls.empty();
  }

  // Until an input of `cost` behind `ahead` is answered: the passes that run, whole passes for what
  // is ahead, and its own. Zero when there is nothing to wait for.
  absl::Duration WaitBehind(int ahead, int cost) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool busy = static_cast<int>(ends_.size()) >= options_.threads;
    if (!busy && ahead == 0) return absl::ZeroDuration();
    absl::Duration wait = absl::ZeroDuration();
    if (busy) wait = std::max(wait, *std::min_element(ends_.begin(), ends_.end()) - SteadyNow());
    const int passes = ahead / options_.max_batch;
    wait += absl::Seconds(passes * times_.Seconds(options_.max_batch) / options_.threads);
    return wait + absl::Seconds(
                      times_.Seconds(std::max(cost, std::min(options_.max_batch, ahead % options_.max_batch + cost))));
  }

  absl::StatusOr<Output> Await(const CallPtr& call) {
    if (!call->answered.WaitFor(call->waiter.deadline - SteadyNow())) {
      absl::MutexLock lock(&mutex_);
      if (QueueOf(call->waiter.urgency).Remove(call)) return TooLate();
      // A pass has it: its answer is not waited for, unless the pass reads the caller's memory.
      if (!options_.borrows && !call->answered.HasBeenNotified()) return TooLate();
    }
    call->answered.Wait();
    return std::move(call->answer);
  }

  // Moves inputs of `queue` into a batch of `most` in sum; those that nobody waits for any more are
  // answered and left out.
  void Take(Queue& queue, int most, int& cost, std::vector<CallPtr>& calls) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const absl::Time now = SteadyNow();
    while (!queue.calls.empty()) {
      const Waiter& waiter = queue.calls.front()->waiter;
      const int with = cost + queue.calls.front()->cost;
      if (waiter.gone && waiter.gone()) {
        queue.Pop()->Answer(Gone());
      } else if (waiter.deadline <= now ||
                 (!calls.empty() && waiter.deadline < now + absl::Seconds(times_.Seconds(with)))) {
        queue.Pop()->Answer(TooLate());
      } else if (!calls.empty() && with > most) {
        return;
      } else {
        calls.push_back(queue.Pop());
        cost = with;
      }
    }
  }

  void Loop() {
    absl::MutexLock lock(&mutex_);
    while (true) {
      mutex_.Await(absl::Condition(this, &Batcher::ShouldWake));
      if (stop_) return;
      int cost = 0;
      std::vector<CallPtr> calls;
      Take(urgent_, options_.max_batch, cost, calls);
      Take(bulk_, MaxBulk(), cost, calls);
      if (calls.empty()) continue;
      const absl::Time begin = SteadyNow();
      const auto end = ends_.insert(ends_.end(), begin + absl::Seconds(times_.Seconds(cost)));
      mutex_.Unlock();
      std::vector<Input> batch;
      batch.reserve(calls.size());
      for (const CallPtr& call : calls) batch.push_back(std::move(call->input));
      absl::StatusOr<std::vector<Output>> outputs = forward_(std::move(batch));
      if (outputs.ok() && outputs->size() != calls.size()) {
        outputs = absl::InternalError(absl::StrCat(calls.size(), " inputs gave ", outputs->size(), " outputs"));
      }
      mutex_.Lock();
      ends_.erase(end);
      times_.Observe(cost, absl::ToDoubleSeconds(SteadyNow() - begin));
      mutex_.Unlock();
      for (std::size_t i = 0; i < calls.size(); ++i) {
        if (outputs.ok()) {
          calls[i]->Answer(std::move((*outputs)[i]));
        } else {
          calls[i]->Answer(outputs.status());
        }
      }
      mutex_.Lock();
    }
  }

  const BatcherOptions options_;
  const Forward forward_;
  const Cost cost_;
  mutable absl::Mutex mutex_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  Queue urgent_ ABSL_GUARDED_BY(mutex_);
  Queue bulk_ ABSL_GUARDED_BY(mutex_);
  PassTimes times_ ABSL_GUARDED_BY(mutex_);
  std::list<absl::Time> ends_ ABSL_GUARDED_BY(mutex_);  // when the passes that run should be done
  std::vector<std::thread> threads_;
};

}  // namespace mannequin
