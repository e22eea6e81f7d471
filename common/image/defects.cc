#include "common/image/defects.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace mannequin {
namespace {

constexpr int kMaxLines = 112;     // that are looked at across each direction for a seam
constexpr int kMaxEdgeLines = 56;  // and for edges
constexpr int kClearEdge = 40;     // levels from dark to light
constexpr std::size_t kFewEdges = 40;
constexpr int kFlat = 1;  // levels: an edge ends where it rises by no more

// Adds the width of each clear edge along a line of `length` pixels, `stride` apart.
void AddEdges(const std::uint8_t* line, int length, std::ptrdiff_t stride, std::vector<float>& widths) {
  const auto at = [&](int i) { return int{line[i * stride]}; };
  for (int i = 1; i < length;) {
    const int first = at(i) - at(i - 1);
    if (std::abs(first) <= kFlat) {
      ++i;
      continue;
    }
    const int sign = first > 0 ? 1 : -1;
    const int from = at(i - 1);
    int steepest = 0;
    while (i < length && sign * (at(i) - at(i - 1)) > kFlat) {
      steepest = std::max(steepest, sign * (at(i) - at(i - 1)));
      ++i;
    }
    const int height = std::abs(at(i - 1) - from);
    if (height >= kClearEdge) widths.push_back(static_cast<float>(height) / static_cast<float>(steepest));
  }
}

}  // namespace

GreyPixels ToGrey(const Pixels& pixels) {
  GreyPixels grey{pixels.width, pixels.height, std::vector<std::uint8_t>(std::size_t(pixels.width) * pixels.height)};
  // BT.601, to within a level.
  const std::uint8_t* pixel = pixels.rgb.data();
  for (std::uint8_t& level : grey.levels) {
    level = static_cast<std::uint8_t>((77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2]) >> 8);
    pixel += 3;
  }
  return grey;
}

std::optional<double> EdgeWidth(const GreyPixels& grey) {
  std::vector<float> widths;
  const int row_step = std::max(1, grey.height / kMaxEdgeLines), column_step = std::max(1, grey.width / kMaxEdgeLines);
  for (int y = 0; y < grey.height; y += row_step) {
    AddEdges(&grey.levels[std::size_t(y) * grey.width], grey.width, 1, widths);
  }
  for (int x = 0; x < grey.width; x += column_step) AddEdges(&grey.levels[x], grey.height, grey.width, widths);
  if (widths.size() < kFewEdges) return std::nullopt;
  const auto quarter = widths.begin() + static_cast<std::ptrdiff_t>(widths.size() / 4);
  std::nth_element(widths.begin(), quarter, widths.end());
  return *quarter;
}

double Blockiness(const GreyPixels& grey, int period) {
  constexpr int kMostStep = 24;         // levels: greater ones are the picture's own
  constexpr double kLeastSteps = 0.05;  // levels: of a picture of one colour
  const int width = grey.width, height = grey.height;
  double sum = 0;
  int directions = 0;
  for (const bool upright : {true, false}) {
    const int length = upright ? width : height;
    if (length < 4 * period) continue;
    // Of each place along the direction: the sum of the steps to it.
    std::vector<int> steps(static_cast<std::size_t>(length), 0);
    for (int y = upright ? 0 : 1; y < height; ++y) {
      const std::uint8_t* row = &grey.levels[std::size_t(y) * width];
      if (upright) {
        for (int x = 1; x < width; ++x) steps[x] += std::min(std::abs(row[x] - row[x - 1]), kMostStep);
      } else {
        int of_row = 0;
        for (int x = 0; x < width; ++x) of_row += std::min(std::abs(row[x] - row[x - width]), kMostStep);
        steps[y] = of_row;
      }
    }
    const double lines = upright ? height : width;
    double all = 0, most = 0;
    for (int phase = 0; phase < period; ++phase) {
      double of_phase = 0;
      int places = 0;
      for (int i = phase == 0 ? period : phase; i < length; i += period, ++places) of_phase += steps[i];
      of_phase /= places * lines;
      all += of_phase;
      most = std::max(most, of_phase);
    }
    sum += most / std::max((all - most) / (period - 1), kLeastSteps) - 1;
    ++directions;
  }
  return directions > 0 ? sum / directions : 0;
}

Seam ClearestSeam(const Pixels& pixels, const GreyPixels& grey, const Backdrop& backdrop) {
  constexpr int kMostStep = 64;       // levels
  constexpr int kLeastSide = 96;      // pixels: in less, any line is a large part of the picture
  constexpr double kNear = 0.012;     // of the width or height, from the middle
  constexpr double kAround = 0.25;    // of the width or height, from the middle: what the cut is compared with
  constexpr double kFewLines = 0.33;  // of the lines: a cut through fewer is worth less
  const std::vector<std::uint8_t>& luma = grey.levels;
  const std::vector<std::uint8_t> ground = backdrop.product.has_value()
                                               ? BackgroundMap(pixels, backdrop, kBackgroundNoise)
                                               : std::vector<std::uint8_t>(luma.size(), 0);
  Seam clearest;
  for (const bool upright : {true, false}) {
    const int length = upright ? pixels.width : pixels.height, lines = upright ? pixels.height : pixels.width;
    if (length < kLeastSide || lines < kLeastSide) continue;
    const int step = std::max(1, lines / kMaxLines);
    const int middle = length / 2;
    const int near = std::max(1, static_cast<int>(std::lround(kNear * length)));
    const int around = static_cast<int>(kAround * length);
    // Of each cut: the steps over it, of the lines that are not background on both sides.
    struct Cut {
      int used = 0, both = 0, before_only = 0, after_only = 0;
    };
    std::vector<Cut> cuts(static_cast<std::size_t>(2 * around + 1));
    const auto add = [&](Cut& cut, std::size_t before, std::size_t after) {
      if (ground[before] & ground[after]) return;
      const int jump = std::min(std::abs(luma[before] - luma[after]), kMostStep);
      ++cut.used;
      (ground[after] ? cut.before_only : ground[before] ? cut.after_only : cut.both) += jump;
    };
    // In the order in which the pixels lie.
    const std::size_t width = static_cast<std::size_t>(pixels.width);
    int seen = 0;
    if (upright) {
      for (int y = 0; y < lines; y += step, ++seen) {
        std::size_t at = y * width + (middle - around);
        for (Cut& cut : cuts) add(cut, at - 1, at), ++at;
      }
    } else {
      std::size_t row = (middle - around) * width;
      for (Cut& cut : cuts) {
        for (std::size_t at = row; at < row + width; at += step) add(cut, at - width, at);
        row += width;
      }
      seen = (lines + step - 1) / step;
    }
    // A product's own straight side has the background on the same side all along.
    std::vector<double> steps, supports;
    for (const Cut& cut : cuts) {
      steps.push_back(cut.used == 0 ? 0 : double(cut.both + 2 * std::min(cut.before_only, cut.after_only)) / cut.used);
      supports.push_back(double(cut.used) / seen);
    }
    for (int i = around - near; i <= around + near; ++i) {
      std::vector<double> others;
      for (int k = 0; k <= 2 * around; ++k) {
        if (std::abs(k - i) > 3) others.push_back(steps[k]);
      }
      const auto high = others.begin() + static_cast<std::ptrdiff_t>(0.97 * static_cast<double>(others.size()));
      std::nth_element(others.begin(), high, others.end());
      const double clear = std::log((steps[i] + 2) / (*high + 2)) * std::min(1.0, supports[i] / kFewLines);
      if (clear <= clearest.clear) continue;
      clearest = {clear, supports[i], upright};
    }
  }
  return clearest;
}

}  // namespace mannequin
