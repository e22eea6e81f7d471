// Rows that a search has seen: a hash set of a few thousand numbers, so that what a search
// needs does not grow with the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace mannequin {

class VisitedRows {
 public:
  // Sized for some `expected` rows; grows when there are more.
  explicit VisitedRows(std::size_t expected) : slots_(64, kFree) {
    while (slots_.size() < 2 * expected) slots_.resize(2 * slots_.size(), kFree);
  }

  // False when `row` was there already.
  bool Insert(std::uint32_t row) {
    if (2 * size_ >= slots_.size()) Grow();
    std::uint32_t& slot = slots_[Find(row)];
    if (slot == row) return false;
    slot = row;
    ++size_;
    return true;
  }

 private:
  static constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();

  // Where `row` is, or belongs.
  std::size_t Find(std::uint32_t row) const {
    std::size_t at = (row * 0x9E3779B97F4A7C15u >> 32) & (slots_.size() - 1);
    while (slots_[at] != kFree && slots_[at] != row) at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  void Grow() {
    const std::vector<std::uint32_t> before =
        std::exchange(slots_, std::vector<std::uint32_t>(2 * slots_.size(), kFree));
    for (const std::uint32_t row : before) {
      if (row != kFree) slots_[Find(row)] = row;
    }
  }

  std::vector<std::uint32_t> slots_;  // a power of two of them
  std::size_t size_ = 0;
};

}  // namespace mannequin
