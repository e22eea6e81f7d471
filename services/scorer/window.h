// What a client has sent ahead of its answers: a bounded queue between the thread that
// reads a stream and the one that answers it.
//
//   Window<Request> window({.max_items = 64, .max_bytes = 64 << 20});
//   reader:   while (stream.Read(&r)) if (!window.Put(r, r.ByteSizeLong())) break;  window.Close();
//   answerer: while (!(batch = window.Take(32)).empty()) ...
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace mannequin {

struct WindowOptions {
  std::size_t max_items = 64;
  // One item is let in whatever its size.
  std::size_t max_bytes = 64 << 20;
};

// Thread-safe; one thread puts and one takes.
template <typename Item>
class Window {
 public:
  explicit Window(const WindowOptions& options) : options_(options) {}

  // Blocks while the window is full. False once it is closed.
  bool Put(Item item, std::size_t bytes) {
    absl::MutexLock lock(&mutex_);
    const auto has_room = [&] {
      return closed_ || items_.empty() || (items_.size() < options_.max_items && bytes_ + bytes <= options_.max_bytes);
    };
    mutex_.Await(absl::Condition(&has_room));
    if (closed_) return false;
    bytes_ += bytes;
    items_.emplace_back(std::move(item), bytes);
    return true;
  }

  // Blocks until there is something, then takes up to `most`, oldest first. Empty once
  // the window is closed and drained.
  std::vector<Item> Take(std::size_t most) {
    absl::MutexLock lock(&mutex_);
    const auto has_news = [&] { return closed_ || !items_.empty(); };
    mutex_.Await(absl::Condition(&has_news));
    std::vector<Item> taken;
    while (!items_.empty() && taken.size() < most) {
      bytes_ -= items_.front().second;
      taken.push_back(std::move(items_.front().first));
      items_.pop_front();
    }
    return taken;
  }

  // Nothing more comes in; what is in can still be taken.
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

 private:
  const WindowOptions options_;
  absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::pair<Item, std::size_t>> items_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin
