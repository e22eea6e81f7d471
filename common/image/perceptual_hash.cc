#include <algorithm>
#include <array>

#include "common/image/image.h"

namespace mannequin {

std::uint64_t PerceptualHash(const Pixels& pixels) {
  constexpr int kColumns = 9;
  constexpr int kRows = 8;
  // Two grey levels (of 255): product pictures have flat backgrounds, where compression
  // noise would otherwise decide.
  constexpr std::int64_t kMargin = 2000;
  if (pixels.width < 1 || pixels.height < 1) return 0;
  // Mean luminance (Rec. 601, scaled by 1,000) of a cell; a cell of a tiny picture is at
  // least one pixel.
  std::array<std::array<std::int64_t, kColumns>, kRows> cell{};
  for (int row = 0; row < kRows; ++row) {
    const int top = row * pixels.height / kRows;
    const int bottom = std::max(top + 1, (row + 1) * pixels.height / kRows);
    for (int column = 0; column < kColumns; ++column) {
      const int left = column * pixels.width / kColumns;
      const int right = std::max(left + 1, (column + 1) * pixels.width / kColumns);
      std::int64_t sum = 0;
      for (int y = top; y < bottom; ++y) {
        const std::uint8_t* p = &pixels.rgb[(std::size_t{3} * y * pixels.width) + 3 * left];
        for (int x = left; x < right; ++x, p += 3) sum += 299 * p[0] + 587 * p[1] + 114 * p[2];
      }
      cell[row][column] = sum / (std::int64_t{bottom - top} * (right - left));
    }
  }
  std::uint64_t hash = 0;
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column + 1 < kColumns; ++column) {
      hash = hash << 1 | (cell[row][column] > cell[row][column + 1] + kMargin ? 1 : 0);
    }
  }
  return hash;
}

}  // namespace mannequin
