#include "common/base/batcher.h"

#include <atomic>
#include <string>
#include <thread>
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

  absl::StatusOr<std::vector<int>> Forward(std::vector<int> batch) {
    {
      absl::MutexLock lock(&mutex);
      sizes.push_back(batch.size());
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
