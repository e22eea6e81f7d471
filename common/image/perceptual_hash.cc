#include <algorithm>
#include <array>
#include <vector>

#include "common/image/image.h"

namespace mannequin {
namespace {

// Where the `index`th of `parts` begins.
int Bound(int index, int size, int parts) { return static_cast<int>(std::int64_t{index} * size / parts); }

}  // namespace

std::uint64_t PerceptualHash(const Pixels& pixels) {
  constexpr int kColumns = 9;
  constexpr int kRows = 8;
  // Two grey levels (of 255): product pictures have flat backgrounds, where compression
  // noise would otherwise decide.
  constexpr std::int64_t kMargin = 2000;
  if (pixels.width < 1 || pixels.height < 1) return 0;
  // Mean luminance (Rec. 601, scaled by 1,000) of a cell; a cell of a tiny picture is at
  // least one pixel. Rows are added up first, since that is what vectorises.
  std::array<std::array<std::int64_t, kColumns>, kRows> cell{};
  const std::size_t row_bytes = std::size_t{3} * pixels.width;
  std::vector<std::uint32_t> sums(row_bytes);
  for (int row = 0; row < kRows; ++row) {
    const int top = Bound(row, pixels.height, kRows);
    const int bottom = std::max(top + 1, Bound(row + 1, pixels.height, kRows));
    std::fill(sums.begin(), sums.end(), 0);
    for (int y = top; y < bottom; ++y) {
      const std::uint8_t* p = &pixels.rgb[y * row_bytes];
      for (std::size_t i = 0; i < row_bytes; ++i) sums[i] += p[i];
    }
    for (int column = 0; column < kColumns; ++column) {
      const int left = Bound(column, pixels.width, kColumns);
      const int right = std::max(left + 1, Bound(column + 1, pixels.width, kColumns));
      std::int64_t sum = 0;
      for (const std::uint32_t* p = &sums[3 * left]; p != sums.data() + 3 * right; p += 3) {
        sum += std::int64_t{299} * p[0] + std::int64_t{587} * p[1] + std::int64_t{114} * p[2];
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
