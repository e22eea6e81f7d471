// Draws word numbers with probability proportional to count^0.75, the noise of negative
// sampling (Mikolov et al. 2013, arXiv:1310.4546), by Walker's alias method: one random
// number and one look-up a draw.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace mannequin {

class NoiseTable {
 public:
  NoiseTable() = default;
  explicit NoiseTable(absl::Span<const std::int64_t> counts);
  std::int32_t Draw(std::uint64_t random) const {
    const Slot& slot = slots_[((random >> 32) * slots_.size()) >> 32];
    return static_cast<std::uint32_t>(random) <= slot.threshold ? slot.word : slot.alias;
  }

 private:
  struct Slot {
    std::uint32_t threshold;
    std::int32_t word, alias;
  };
  std::vector<Slot> slots_;
};

}  // namespace mannequin
