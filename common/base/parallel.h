// Work split over the cores.
//
//   ParallelFor(items.size(), 16, [&](std::size_t first, std::size_t last) { ... });
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace mannequin {

inline std::size_t Cores() { return std::max(1u, std::thread::hardware_concurrency()); }

// Calls `visit(first, last)` for pieces of 0 to `n`, each of at most `piece`, on all cores;
// on this thread alone when there is one piece. Returns when all are done.
template <typename Visit>
void ParallelFor(std::size_t n, std::size_t piece, const Visit& visit) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t first = next.fetch_add(piece); first < n; first = next.fetch_add(piece)) {
      visit(first, std::min(n, first + piece));
    }
  };
  std::vector<std::thread> others;
  const std::size_t pieces = (n + piece - 1) / piece;
  for (std::size_t t = 1; t < std::min(Cores(), pieces); ++t) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
}

}  // namespace mannequin
