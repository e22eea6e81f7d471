// Threads that wait for a server.
#include "services/store/bucket/workers.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/synchronization/barrier.h"
#include "gtest/gtest.h"

namespace mannequin::store {
namespace {

TEST(WorkersTest, VisitEachOnce) {
  Workers workers("test", 4);
  std::vector<int> visits(1000);
  EXPECT_TRUE(workers
                  .Run(visits.size(),
                       [&](std::size_t i) {
                         ++visits[i];
                         return absl::OkStatus();
                       })
                  .ok());
  EXPECT_EQ(std::count(visits.begin(), visits.end(), 1), 1000);
  EXPECT_TRUE(workers.Run(0, [](std::size_t) { return absl::InternalError("never"); }).ok());
}

TEST(WorkersTest, WaitTogether) {
  Workers workers("test", 7);
  // Ends only if eight are under way at once: this thread and seven.
  auto* barrier = new absl::Barrier(8);
  std::atomic<int> last{0};
  EXPECT_TRUE(workers
                  .Run(8,
                       [&](std::size_t) {
                         if (barrier->Block()) {
                           delete barrier;
                           ++last;
                         }
                         return absl::OkStatus();
                       })
                  .ok());
  EXPECT_EQ(last, 1);
}

TEST(WorkersTest, EndWithTheFirstErrorAndBeginNoMore) {
  Workers workers("test", 2);
  std::atomic<int> visited{0};
  const absl::Status status = workers.Run(100'000, [&](std::size_t i) {
    ++visited;
    return i == 5 ? absl::AbortedError("five") : absl::OkStatus();
  });
  EXPECT_EQ(status, absl::AbortedError("five"));
  EXPECT_LT(visited, 100'000);
}

TEST(WorkersTest, WorkWithinTheirOwnWork) {
  Workers workers("test", 2);
  std::atomic<int> visited{0};
  const absl::Status status = workers.Run(20, [&](std::size_t) {
    return workers.Run(20, [&](std::size_t j) {
      ++visited;
      return j == 20 ? absl::InternalError("") : absl::OkStatus();
    });
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(visited, 400);
}

TEST(WorkersTest, ServeSeveralCallersAtOnce) {
  Workers workers("test", 3);
  std::atomic<int> visited{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 6; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        EXPECT_TRUE(workers
                        .Run(10,
                             [&](std::size_t) {
                               ++visited;
                               return absl::OkStatus();
                             })
                        .ok());
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(visited, 3000);
}

}  // namespace
}  // namespace mannequin::store
