// Which of many items come most often, in constant memory: the Space-Saving algorithm
// (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in
// Data Streams, 2005).
//
//   FrequentItems pictures(256);
//   pictures.Add(sha256, url);
//   for (const auto& [sha256, entry] : pictures.entries()) ...   // entry.count - entry.error at least
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace mannequin {

// Not thread-safe. What makes up more than 1 / `capacity` of all is among the entries.
class FrequentItems {
 public:
  struct Entry {
    // Too high by `error` at most.
    std::int64_t count = 0;
    std::int64_t error = 0;
    // Of the first time it was added since it is an entry.
    std::string example;
    // It came with another example later.
    bool varied = false;
  };

  explicit FrequentItems(std::size_t capacity) : capacity_(capacity) {}

  void Add(const std::string& item, const std::string& example) {
    const auto found = entries_.find(item);
    if (found != entries_.end()) {
      ++found->second.count;
      if (found->second.example != example) found->second.varied = true;
      return;
    }
    Entry entry{1, 0, example, false};
    if (entries_.size() >= capacity_) {
      const auto least = std::min_element(entries_.begin(), entries_.end(),
                                          [](const auto& a, const auto& b) { return a.second.count < b.second.count; });
      entry.count = least->second.count + 1;
      entry.error = least->second.count;
      entries_.erase(least);
    }
    entries_.emplace(item, std::move(entry));
  }

  const absl::flat_hash_map<std::string, Entry>& entries() const { return entries_; }

 private:
  const std::size_t capacity_;
  absl::flat_hash_map<std::string, Entry> entries_;
};

}  // namespace mannequin
