// A loop on several threads.
//
//   ParallelFor(listings.size(), threads, [&](std::size_t i) { prepared[i] = Prepare(listings[i]); });
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace mannequin {

// Calls body(0) to body(count - 1), each once, on at most `threads` threads, this one
// among them. Returns when all have returned. `body` must not throw.
template <typename Body>
void ParallelFor(std::size_t count, int threads, const Body& body) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) body(i);
  };
  std::vector<std::thread> helpers;
  for (std::size_t i = 1; i < count && static_cast<int>(i) < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace mannequin
