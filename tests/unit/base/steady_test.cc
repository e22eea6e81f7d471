#include "common/base/steady.h"

#include <memory>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(AwaitFor, EndsWithTheTimeOrWithTheCondition) {
  absl::Mutex mutex;
  bool ready = false;
  absl::MutexLock lock(&mutex);
  const absl::Time begin = SteadyNow();
  EXPECT_FALSE(AwaitFor(mutex, absl::Condition(&ready), absl::Milliseconds(30)));
  EXPECT_GE(SteadyNow() - begin, absl::Milliseconds(30));
  EXPECT_FALSE(AwaitFor(mutex, absl::Condition(&ready), -absl::Seconds(1)));
  std::thread other([&] {
    absl::MutexLock its_lock(&mutex);
    ready = true;
  });
  EXPECT_TRUE(AwaitFor(mutex, absl::Condition(&ready), absl::InfiniteDuration()));
  EXPECT_TRUE(AwaitFor(mutex, absl::Condition(&ready), absl::ZeroDuration()));
  mutex.AssertHeld();
  mutex.Unlock();
  other.join();
  mutex.Lock();
}

// The timers' thread must let go of a mutex before it is gone.
TEST(AwaitFor, LetsTheMutexGoRightAfterIt) {
  std::vector<std::thread> waiters;
  for (int i = 0; i < 8; ++i) {
    waiters.emplace_back([i] {
      for (int n = 0; n < 300; ++n) {
        auto mutex = std::make_unique<absl::Mutex>();
        bool ready = false;
        std::thread other([&] {
          absl::MutexLock lock(mutex.get());
          ready = true;
        });
        mutex->Lock();
        AwaitFor(*mutex, absl::Condition(&ready), absl::Microseconds(17 * (n % 8) + i));
        mutex->Unlock();
        other.join();
      }
    });
  }
  for (std::thread& waiter : waiters) waiter.join();
}

TEST(SteadyNotification, IsWaitedFor) {
  SteadyNotification notification;
  EXPECT_FALSE(notification.WaitFor(absl::Milliseconds(1)));
  EXPECT_FALSE(notification.HasBeenNotified());
  std::thread other([&] { notification.Notify(); });
  EXPECT_TRUE(notification.WaitFor(absl::Minutes(5)));
  other.join();
}

}  // namespace
}  // namespace mannequin
