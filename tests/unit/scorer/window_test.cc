#include "services/scorer/window.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(Window, GivesBackInOrderAndNoMoreThanAsked) {
  Window<int> window({});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(window.Put(i, 1));
  EXPECT_EQ(window.Take(3), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(window.Take(3), (std::vector<int>{3, 4}));
}

TEST(Window, DrainsAfterItIsClosedAndTakesNothingMore) {
  Window<int> window({});
  EXPECT_TRUE(window.Put(1, 1));
  window.Close();
  EXPECT_FALSE(window.Put(2, 1));
  EXPECT_EQ(window.Take(9), (std::vector<int>{1}));
  EXPECT_TRUE(window.Take(9).empty());
}

TEST(Window, HoldsTheReaderBackWhenFull) {
  Window<int> window({.max_items = 2, .max_bytes = 1000});
  std::atomic<int> put{0};
  std::thread reader([&] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(window.Put(i, 1));
      ++put;
    }
    window.Close();
  });
  int next = 0;
  for (std::vector<int> taken = window.Take(1); !taken.empty(); taken = window.Take(1)) {
    EXPECT_EQ(taken, std::vector<int>{next++});
    // What was taken, what lies in the window, and one that just got in.
    EXPECT_LE(put, next + 3);
  }
  reader.join();
  EXPECT_EQ(next, 100);
}

TEST(Window, CountsBytesTooButLetsOneItemInWhateverItsSize) {
  Window<int> window({.max_items = 64, .max_bytes = 10});
  EXPECT_TRUE(window.Put(1, 1000));
  std::atomic<bool> in{false};
  std::thread reader([&] {
    EXPECT_TRUE(window.Put(2, 1));
    in = true;
  });
  EXPECT_EQ(window.Take(1), std::vector<int>{1});
  EXPECT_EQ(window.Take(1), std::vector<int>{2});
  reader.join();
  EXPECT_TRUE(in);
}

TEST(Window, ClosingFreesAReaderThatWaits) {
  Window<int> window({.max_items = 1, .max_bytes = 10});
  EXPECT_TRUE(window.Put(1, 1));
  std::thread reader([&] { EXPECT_FALSE(window.Put(2, 1)); });
  window.Close();
  reader.join();
}

}  // namespace
}  // namespace mannequin
