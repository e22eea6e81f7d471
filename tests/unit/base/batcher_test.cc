#include "common/base/batcher.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using Doubler = Batcher<int, int>;

absl::Time Soon() { return absl::Now() + absl::Seconds(60); }

std::vector<int> Doubled(std::vector<int> batch) {
  for (int& value : batch) value *= 2;
  return batch;
}

// True once `condition` holds; gives up after a generous while.
template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time limit = Soon();
  while (absl::Now() < limit) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

// A forward pass that stands still until it is let go, so that a test knows what waits.
struct Gate {
  absl::Notification entered;
  absl::Notification open;
  absl::Mutex mutex;
  std::vector<std::size_t> sizes ABSL_GUARDED_BY(mutex);
  std::vector<int> inputs ABSL_GUARDED_BY(mutex);  // in the order of passes

  absl::StatusOr<std::vector<int>> Forward(std::vector<int> batch) {
    {
      absl::MutexLock lock(&mutex);
      sizes.push_back(batch.size());
      inputs.insert(inputs.end(), batch.begin(), batch.end());
    }
    if (!entered.HasBeenNotified()) entered.Notify();
    open.WaitForNotification();
    return Doubled(std::move(batch));
  }
};

TEST(Batcher, GivesEveryCallerItsOwnAnswer) {
  std::atomic<int> largest{0};
  Doubler batcher({.max_batch = 4, .max_queue = 1000}, [&](std::vector<int> batch) {
    for (int seen = largest; static_cast<int>(batch.size()) > seen;) {
      if (largest.compare_exchange_weak(seen, static_cast<int>(batch.size()))) break;
    }
    return Doubled(std::move(batch));
  });
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 16; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 200; ++i) {
        const int input = caller * 1000 + i;
        const absl::StatusOr<int> output = batcher.Run(input, Soon());
        if (!output.ok() || *output != 2 * input) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(largest, 4);
}

TEST(Batcher, TakesWhatWaitedDuringAPassAsOneBatch) {
  Gate gate;
  Doubler batcher({.max_batch = 8}, [&](std::vector<int> batch) { return gate.Forward(std::move(batch)); });
  std::vector<std::thread> callers;
  callers.emplace_back([&] { EXPECT_EQ(batcher.Run(1, Soon()).value(), 2); });
  gate.entered.WaitForNotification();
  for (int i = 0; i < 5; ++i) callers.emplace_back([&, i] { EXPECT_EQ(batcher.Run(i, Soon()).value(), 2 * i); });
  ASSERT_TRUE(Eventually([&] { return batcher.queued() == 5; }));
  gate.open.Notify();
  for (std::thread& caller : callers) caller.join();
  absl::MutexLock lock(&gate.mutex);
  EXPECT_EQ(gate.sizes, (std::vector<std::size_t>{1, 5}));
}

TEST(Batcher, RefusesAnInputWhoseDeadlineHasPassed) {
  std::atomic<int> passes{0};
  Doubler batcher({}, [&](std::vector<int> batch) {
    ++passes;
    return Doubled(std::move(batch));
  });
  EXPECT_EQ(batcher.Run(1, absl::InfinitePast()).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(batcher.Run(1, Soon()).value(), 2);
  EXPECT_EQ(passes, 1);
}

TEST(Batcher, NeverComputesAnInputThatGaveUpWaiting) {
  Gate gate;
  Doubler batcher({}, [&](std::vector<int> batch) { return gate.Forward(std::move(batch)); });
  std::thread first([&] { EXPECT_TRUE(batcher.Run(1, Soon()).ok()); });
  gate.entered.WaitForNotification();
  EXPECT_EQ(batcher.Run(2, absl::Now() + absl::Milliseconds(5)).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(batcher.queued(), 0);
  gate.open.Notify();
  first.join();
  batcher.Stop();
  absl::MutexLock lock(&gate.mutex);
  EXPECT_EQ(gate.sizes, (std::vector<std::size_t>{1}));
}

TEST(Batcher, AnswersResourceExhaustedWhenTheQueueIsFull) {
  Gate gate;
  Doubler batcher({.max_batch = 8, .max_queue = 2},
                  [&](std::vector<int> batch) { return gate.Forward(std::move(batch)); });
  std::vector<std::thread> callers;
  callers.emplace_back([&] { EXPECT_TRUE(batcher.Run(1, Soon()).ok()); });
  gate.entered.WaitForNotification();
  for (int i = 0; i < 2; ++i) callers.emplace_back([&] { EXPECT_TRUE(batcher.Run(1, Soon()).ok()); });
  ASSERT_TRUE(Eventually([&] { return batcher.queued() == 2; }));
  EXPECT_EQ(batcher.Run(1, Soon()).status().code(), absl::StatusCode::kResourceExhausted);
  gate.open.Notify();
  for (std::thread& caller : callers) caller.join();
}

TEST(Batcher, CancelsWhatWaitsWhenItStopsAndFinishesWhatRuns) {
  Gate gate;
  Doubler batcher({}, [&](std::vector<int> batch) { return gate.Forward(std::move(batch)); });
  std::thread running([&] { EXPECT_TRUE(batcher.Run(1, Soon()).ok()); });
  gate.entered.WaitForNotification();
  std::thread waiting([&] { EXPECT_EQ(batcher.Run(2, Soon()).status().code(), absl::StatusCode::kCancelled); });
  ASSERT_TRUE(Eventually([&] { return batcher.queued() == 1; }));
  std::thread stopping([&] { batcher.Stop(); });
  waiting.join();
  gate.open.Notify();
  stopping.join();
  running.join();
  EXPECT_EQ(batcher.Run(3, Soon()).status().code(), absl::StatusCode::kCancelled);
}

TEST(Batcher, FillsABatchUpToItsCostAndTakesWhatCostsMoreAlone) {
  Gate gate;
  Doubler batcher(
      {.max_batch = 8}, [&](std::vector<int> batch) { return gate.Forward(std::move(batch)); },
      [](const int& input) { return input; });
  std::vector<std::thread> callers;
  const auto call = [&](int input) {
    callers.emplace_back([&, input] { EXPECT_EQ(*batcher.Run(input, Soon()), 2 * input); });
  };
  call(1);
  gate.entered.WaitForNotification();
  int queued = 0;
  for (const int input : {4, 4, 1, 64, 2}) {
    call(input);
    ASSERT_TRUE(Eventually([&] { return batcher.queued() == queued + 1; }));
    ++queued;
  }
  gate.open.Notify();
  for (std::thread& caller : callers) caller.join();
  absl::MutexLock lock(&gate.mutex);
  EXPECT_EQ(gate.sizes, (std::vector<std::size_t>{1, 2, 1, 1, 1}));
}

TEST(Batcher, TakesWhatIsUrgentFirstAndBulkOnlyUpToItsSmallerPass) {
  Gate gate;
  Doubler batcher({.max_batch = 4, .max_bulk = 2},
                  [&](std::vector<int> batch) { return gate.Forward(std::move(batch)); });
  std::vector<std::thread> callers;
  callers.emplace_back([&] { EXPECT_EQ(*batcher.Run(1, Soon()), 2); });
  gate.entered.WaitForNotification();
  int queued = 0;
  const auto call = [&](int input, Urgency urgency) {
    callers.emplace_back([&batcher, input, urgency] {
      EXPECT_EQ(*batcher.Run(input, {.deadline = Soon(), .urgency = urgency}), 2 * input);
    });
    ++queued;
    ASSERT_TRUE(Eventually([&] { return batcher.queued() == queued; }));
  };
  for (const int input : {100, 101, 102}) call(input, Urgency::kBulk);
  for (const int input : {10, 11, 12, 13, 14}) call(input, Urgency::kUrgent);
  gate.open.Notify();
  for (std::thread& caller : callers) caller.join();
  absl::MutexLock lock(&gate.mutex);
  EXPECT_EQ(gate.inputs, (std::vector<int>{1, 10, 11, 12, 13, 14, 100, 101, 102}));
  EXPECT_EQ(gate.sizes, (std::vector<std::size_t>{1, 4, 2, 2}));
}

TEST(Batcher, NeverComputesWhatItsCallerHasLeft) {
  Gate gate;
  Doubler batcher({}, [&](std::vector<int> batch) { return gate.Forward(std::move(batch)); });
  std::thread running([&] { EXPECT_TRUE(batcher.Run(1, Soon()).ok()); });
  gate.entered.WaitForNotification();
  std::atomic<bool> gone{false};
  std::thread left([&] {
    const Waiter waiter{.deadline = Soon(), .urgency = Urgency::kUrgent, .gone = [&] { return gone.load(); }};
    EXPECT_EQ(batcher.Run(2, waiter).status().code(), absl::StatusCode::kCancelled);
  });
  ASSERT_TRUE(Eventually([&] { return batcher.queued() == 1; }));
  gone = true;
  gate.open.Notify();
  running.join();
  left.join();
  absl::MutexLock lock(&gate.mutex);
  EXPECT_EQ(gate.inputs, std::vector<int>{1});
}

TEST(Batcher, RefusesAtOnceWhatWouldBeAnsweredTooLate) {
  Gate gate;
  Doubler batcher({.max_batch = 1}, [&](std::vector<int> batch) -> absl::StatusOr<std::vector<int>> {
    if (batch[0] == 0) {  // one pass of 50 ms is measured
      absl::SleepFor(absl::Milliseconds(50));
      return Doubled(std::move(batch));
    }
    return gate.Forward(std::move(batch));
  });
  ASSERT_TRUE(batcher.Run(0, Soon()).ok());
  // Alone it is taken, however slow the last pass was.
  std::thread running([&] { EXPECT_TRUE(batcher.Run(1, Soon()).ok()); });
  gate.entered.WaitForNotification();
  std::thread waiting([&] { EXPECT_TRUE(batcher.Run(2, Soon()).ok()); });
  ASSERT_TRUE(Eventually([&] { return batcher.queued() == 1; }));
  const absl::Time begin = absl::Now();
  const absl::Status refused = batcher.Run(3, begin + absl::Milliseconds(60)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
  ASSERT_TRUE(RetryAfter(refused).has_value());
  EXPECT_GE(*RetryAfter(refused), absl::Milliseconds(50));
  EXPECT_EQ(batcher.queued(), 1);
  gate.open.Notify();
  running.join();
  waiting.join();
}

TEST(Batcher, DropsWhatHasBecomeTooLateWhileItWaited) {
  Gate gate;
  Doubler batcher({.max_batch = 4}, [&](std::vector<int> batch) { return gate.Forward(std::move(batch)); });
  std::thread running([&] { EXPECT_TRUE(batcher.Run(1, Soon()).ok()); });
  gate.entered.WaitForNotification();
  // Nothing is measured yet: all are taken.
  std::thread in_time([&] { EXPECT_TRUE(batcher.Run(2, Soon()).ok()); });
  ASSERT_TRUE(Eventually([&] { return batcher.queued() == 1; }));
  std::thread late([&] {
    EXPECT_EQ(batcher.Run(3, absl::Now() + absl::Milliseconds(20)).status().code(),
              absl::StatusCode::kDeadlineExceeded);
  });
  late.join();
  gate.open.Notify();
  running.join();
  in_time.join();
  absl::MutexLock lock(&gate.mutex);
  EXPECT_EQ(gate.inputs, (std::vector<int>{1, 2}));
}

TEST(Batcher, DropsWhatByTheMeasureComesTooLateButAlwaysComputesOne) {
  absl::Notification entered, open;
  absl::Mutex mutex;
  std::vector<int> inputs;
  Doubler batcher({.max_batch = 4}, [&](std::vector<int> batch) {
    {
      absl::MutexLock lock(&mutex);
      inputs.insert(inputs.end(), batch.begin(), batch.end());
    }
    if (batch[0] == 1) {
      entered.Notify();
      open.WaitForNotification();
    }
    return Doubled(std::move(batch));
  });
  std::thread running([&] { EXPECT_TRUE(batcher.Run(1, Soon()).ok()); });
  entered.WaitForNotification();
  // Taken while nothing was measured; then the pass before them turns out to take 200 ms.
  const absl::Time deadline = absl::Now() + absl::Milliseconds(250);
  std::vector<std::thread> callers;
  std::atomic<int> answered{0}, late{0};
  for (const int input : {2, 3}) {
    callers.emplace_back([&, input] {
      const absl::StatusOr<int> output = batcher.Run(input, deadline);
      ++(output.ok() ? answered : late);
    });
    ASSERT_TRUE(Eventually([&] { return batcher.queued() == input - 1; }));
  }
  absl::SleepFor(absl::Milliseconds(200));
  open.Notify();
  running.join();
  for (std::thread& caller : callers) caller.join();
  absl::MutexLock lock(&mutex);
  // On a machine that stood still both are late; never are both computed.
  EXPECT_LE(inputs.size(), 2u);
  EXPECT_GE(late, 1);
}

TEST(Batcher, AnswersManyInTheirOrderAndLetsThemWaitForRoom) {
  std::atomic<int> largest{0};
  Doubler batcher({.max_batch = 8, .max_queue = 3, .max_bulk = 2}, [&](std::vector<int> batch) {
    largest = std::max(largest.load(), static_cast<int>(batch.size()));
    return Doubled(std::move(batch));
  });
  std::vector<std::pair<int, Waiter>> inputs;
  for (int i = 0; i < 100; ++i) inputs.emplace_back(i, Waiter{.deadline = Soon(), .urgency = Urgency::kBulk});
  inputs[7].second.deadline = absl::InfinitePast();
  const std::vector<absl::StatusOr<int>> outputs = batcher.RunAll(inputs);
  ASSERT_EQ(outputs.size(), 100u);
  for (int i = 0; i < 100; ++i) {
    const absl::StatusOr<int>& output = outputs[static_cast<std::size_t>(i)];
    if (i == 7) {
      EXPECT_EQ(output.status().code(), absl::StatusCode::kDeadlineExceeded);
    } else {
      EXPECT_EQ(*output, 2 * i);
    }
  }
  EXPECT_LE(largest, 2);
}

TEST(Batcher, WaitsForAPassThatReadsItsCallersMemory) {
  absl::Notification entered, open;
  Batcher<const std::string*, std::size_t> batcher(
      {.max_batch = 1, .borrows = true},
      [&](std::vector<const std::string*> batch) -> absl::StatusOr<std::vector<std::size_t>> {
        entered.Notify();
        open.WaitForNotification();
        return std::vector<std::size_t>{batch[0]->size()};
      });
  std::atomic<bool> returned{false};
  std::thread caller([&] {
    const auto text = std::make_unique<std::string>(1000, 'x');
    EXPECT_EQ(*batcher.Run(text.get(), absl::Now() + absl::Milliseconds(20)), 1000u);
    returned = true;
  });
  entered.WaitForNotification();
  absl::SleepFor(absl::Milliseconds(40));  // past the deadline
  EXPECT_FALSE(returned);
  open.Notify();
  caller.join();
}

TEST(Batcher, TellsEveryCallerOfABatchItsError) {
  Doubler batcher({}, [](std::vector<int>) { return absl::UnavailableError("no device"); });
  EXPECT_EQ(batcher.Run(1, Soon()).status(), absl::UnavailableError("no device"));
}

TEST(Batcher, CallsAnOutputTooFewAnInternalError) {
  Doubler batcher({}, [](std::vector<int>) { return std::vector<int>{}; });
  EXPECT_EQ(batcher.Run(1, Soon()).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace mannequin
