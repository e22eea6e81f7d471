// How often each string was seen, in bounded memory.
//
//   BoundedCounter counter(1'000'000);
//   for (absl::string_view word : words) counter.Add(word);
//   counter.counts();   // {"shoe", 17}, ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// When there are more than `limit` different strings, those seen once are forgotten, then
// those seen twice, and so on, until half of the limit is left. One that was forgotten and
// comes back is counted from 1.
class BoundedCounter {
 public:
  explicit BoundedCounter(std::size_t limit) : limit_(limit) {}
  void Add(absl::string_view key) {
    ++counts_[key];
    if (counts_.size() > limit_) Forget();
  }
  const absl::flat_hash_map<std::string, std::int64_t>& counts() const { return counts_; }

 private:
  void Forget() {
    while (counts_.size() > limit_ / 2) {
      ++forgotten_;
      absl::erase_if(counts_, [this](const auto& entry) { return entry.second <= forgotten_; });
    }
  }

  std::size_t limit_;
  std::int64_t forgotten_ = 0;  // what was seen as often as this is gone
  absl::flat_hash_map<std::string, std::int64_t> counts_;
};

}  // namespace mannequin
