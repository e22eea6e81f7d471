// Batches for the network that judges listings.
//
//   JudgeBatches batches(*pack, overlays, colors, seed);
//   JudgeBatch batch = batches.Make(step);
#pragma once

#include <cstdint>
#include <vector>

#include "services/trainer/batches.h"
#include "services/trainer/category_choice.h"
#include "services/trainer/pack.h"

namespace mannequin {

struct JudgeBatch {
  std::vector<std::uint8_t> images;      // [B, S, S, 3]
  std::vector<float> texts;              // [B, T]
  std::vector<std::int64_t> categories;  // [B]
  std::vector<std::int64_t> colors;      // [B], -1: none is known
  std::vector<float> overlay_cells;      // [B, S/16, S/16]: 1 where an overlay changed the picture
  std::vector<float> overlaid;           // [B]: 1 with an overlay
  // [B]: 0 for a picture that was blown up. All of those are clean: to look for overlays in
  // them would teach to look for blur.
  std::vector<float> sharp;
};

// Thread-safe; a batch depends on the seed and its step alone.
class JudgeBatches {
 public:
  static constexpr std::size_t kBatch = 64;

  // `color_of` maps Pack::colors to what the network tells, -1 for none. All outlive this.
  JudgeBatches(const Pack& pack, const OverlayBank& bank, const std::vector<int>& color_of, std::uint64_t seed);

  // Groups of four products of one category each, so that a category's products are told apart
  // as well: half of them sharp ones, of which half get an overlay, and half of any. Categories as in
  // BatchOptions.balance. Pictures are moved, brightened and sometimes made unsharp or packed as JPEG.
  JudgeBatch Make(std::int64_t step) const;

 private:
  const Pack& pack_;
  const OverlayBank& bank_;
  const std::vector<int>& color_of_;
  const std::uint64_t seed_;
  const CategoryChoice any_, sharp_;
};

}  // namespace mannequin
