// The `count` best rows seen so far, by cosine and then by the lower row.
//
//   BestRows best(10);
//   if (cosine >= best.threshold()) best.Offer(cosine, row);
//   for (const ScoredRow& found : best.Sorted()) ...
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace mannequin {

struct ScoredRow {
  float cosine;
  std::uint32_t row;
  friend bool operator<(const ScoredRow& a, const ScoredRow& b) {  // better
    return a.cosine != b.cosine ? a.cosine > b.cosine : a.row < b.row;
  }
};

class BestRows {
 public:
  explicit BestRows(std::size_t count) : count_(count) {}

  void Offer(float cosine, std::uint32_t row) {
    const ScoredRow offered{cosine, row};
    if (heap_.size() < count_) {
      heap_.push_back(offered);
      std::push_heap(heap_.begin(), heap_.end());
    } else if (count_ > 0 && offered < heap_.front()) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = offered;
      std::push_heap(heap_.begin(), heap_.end());
    }
  }

  // A row below it cannot get in.
  float threshold() const {
    if (heap_.size() < count_) return -std::numeric_limits<float>::infinity();
    return heap_.empty() ? std::numeric_limits<float>::infinity() : heap_.front().cosine;
  }

  // Best first; leaves it empty.
  std::vector<ScoredRow> Sorted() {
    std::sort_heap(heap_.begin(), heap_.end());
    return std::exchange(heap_, {});
  }

 private:
  std::size_t count_;
  std::vector<ScoredRow> heap_;  // the worst in front
};

}  // namespace mannequin
