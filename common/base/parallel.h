// Work split over the cores.
//
//   ParallelFor(items.size(), 16, [&](std::size_t first, std::size_t last) { ... });
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/call_ids.h"

namespace mannequin {

inline std::size_t Cores() { return std::max(1u, std::thread::hardware_concurrency()); }

// Whether this thread does a piece of some ParallelFor, so that all cores are busy already.
inline bool& WithinParallelFor() {
  thread_local bool within = false;
  return within;
}

// Calls `visit(first, last)` for pieces of 0 to `n`, each of at most `piece`, on at most
// `threads` threads, this one among them, all with this one's call (call_ids.h); on this thread alone when there is one
// piece, and within another ParallelFor. Returns when all are done. `visit` must not throw.
template <typename Visit>
void ParallelFor(std::size_t n, std::size_t piece, const Visit& visit, std::size_t threads = Cores()) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    const bool before = std::exchange(WithinParallelFor(), true);
    for (std::size_t first = next.fetch_add(piece); first < n; first = next.fetch_add(piece)) {
      visit(first, std::min(n, first + piece));
    }
    WithinParallelFor() = before;
  };
  const std::size_t pieces = (n + piece - 1) / piece;
  if (pieces <= 1 || WithinParallelFor()) {
    for (std::size_t first = 0; first < n; first += piece) visit(first, std::min(n, first + piece));
    return;
  }
  std::vector<std::thread> others;
  others.reserve(std::min(threads, pieces));
  try {
    while (others.size() + 1 < std::min(threads, pieces)) others.emplace_back(OfThisCall(work));
  } catch (const std::system_error&) {
    // The machine has no more threads to give: those that there are do the work.
  }
  work();
  for (std::thread& thread : others) thread.join();
}

}  // namespace mannequin
