#include "common/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace mannequin {
namespace {

constexpr int kShift = 14;  // weights are fixed point: 1 << kShift is one

// For each output: where its inputs begin, and `taps` weights that add up to one.
struct Filter {
  int taps = 0;
  std::vector<int> first;
  std::vector<std::int16_t> weights;  // [outputs, taps]
};

Filter Triangle(int from, int to) {
  const double scale = static_cast<double>(from) / to;
  const double radius = std::max(1.0, scale);
  Filter filter;
  filter.taps = std::min(from, static_cast<int>(std::ceil(2 * radius)) + 1);
  filter.first.resize(to);
  filter.weights.resize(std::size_t(to) * filter.taps);
  std::vector<double> weights(filter.taps);
  for (int out = 0; out < to; ++out) {
    const double centre = (out + 0.5) * scale - 0.5;
    const int first = std::clamp(static_cast<int>(std::ceil(centre - radius)), 0, from - filter.taps);
    double sum = 0;
    for (int tap = 0; tap < filter.taps; ++tap) {
      weights[tap] = std::max(0.0, 1 - std::abs(first + tap - centre) / radius);
      sum += weights[tap];
    }
    // The remainder of rounding goes to the heaviest tap, so that white stays white.
    std::int16_t* fixed = &filter.weights[std::size_t(out) * filter.taps];
    int rest = 1 << kShift;
    for (int tap = 0; tap < filter.taps; ++tap) {
      fixed[tap] = static_cast<std::int16_t>(std::lround(weights[tap] / sum * (1 << kShift)));
      rest -= fixed[tap];
    }
    *std::max_element(fixed, fixed + filter.taps) += static_cast<std::int16_t>(rest);
    filter.first[out] = first;
  }
  return filter;
}

std::uint8_t Rounded(int sum) { return static_cast<std::uint8_t>((sum + (1 << (kShift - 1))) >> kShift); }

void ResizeRow(const std::uint8_t* in, const Filter& filter, std::uint8_t* out) {
  const int width = static_cast<int>(filter.first.size());
  const std::int16_t* weight = filter.weights.data();
  for (int x = 0; x < width; ++x) {
    const std::uint8_t* p = in + 3 * filter.first[x];
    int red = 0, green = 0, blue = 0;
    for (int tap = 0; tap < filter.taps; ++tap, p += 3, ++weight) {
      red += *weight * p[0];
      green += *weight * p[1];
      blue += *weight * p[2];
    }
    out[3 * x] = Rounded(red);
    out[3 * x + 1] = Rounded(green);
    out[3 * x + 2] = Rounded(blue);
  }
}

}  // namespace

Pixels Resize(const Pixels& pixels, int width, int height) {
  if (pixels.width == width && pixels.height == height) return pixels;
  const Filter across = Triangle(pixels.width, width);
  const Filter down = Triangle(pixels.height, height);
  const std::size_t row_bytes = std::size_t{3} * width;

  // Rows first (the picture is narrower after it), then columns, a whole row at a time.
  std::vector<std::uint8_t> narrow(row_bytes * pixels.height);
  for (int y = 0; y < pixels.height; ++y) {
    ResizeRow(&pixels.rgb[std::size_t{3} * y * pixels.width], across, &narrow[y * row_bytes]);
  }
  Pixels out{width, height, std::vector<std::uint8_t>(row_bytes * height)};
  std::vector<int> sums(row_bytes);
  for (int y = 0; y < height; ++y) {
    std::fill(sums.begin(), sums.end(), 0);
    for (int tap = 0; tap < down.taps; ++tap) {
      const int weight = down.weights[std::size_t(y) * down.taps + tap];
      if (weight == 0) continue;
      const std::uint8_t* in = &narrow[(down.first[y] + tap) * row_bytes];
      for (std::size_t i = 0; i < row_bytes; ++i) sums[i] += weight * in[i];
    }
    std::uint8_t* row = &out.rgb[y * row_bytes];
    for (std::size_t i = 0; i < row_bytes; ++i) row[i] = Rounded(sums[i]);
  }
  return out;
}

Pixels FitSquare(const Pixels& pixels, int side, bool pad) {
  const double across = static_cast<double>(side) / pixels.width;
  const double down = static_cast<double>(side) / pixels.height;
  const double scale = pad ? std::min(across, down) : std::max(across, down);
  // Only the part that stays is scaled: a strip of 1 by 60,000 pixels would not fit.
  Pixels part;
  const Pixels* source = &pixels;
  if (!pad) {
    const int width = std::clamp(static_cast<int>(std::lround(side / scale)), 1, pixels.width);
    const int height = std::clamp(static_cast<int>(std::lround(side / scale)), 1, pixels.height);
    const int left = (pixels.width - width) / 2;
    const int top = (pixels.height - height) / 2;
    if (width != pixels.width || height != pixels.height) {
      part = {width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
      for (int y = 0; y < height; ++y) {
        std::memcpy(&part.rgb[std::size_t{3} * y * width],
                    &pixels.rgb[3 * (std::size_t(top + y) * pixels.width + left)], std::size_t{3} * width);
      }
      source = &part;
    }
    return Resize(*source, side, side);
  }
  const int width = std::clamp(static_cast<int>(std::lround(pixels.width * scale)), 1, side);
  const int height = std::clamp(static_cast<int>(std::lround(pixels.height * scale)), 1, side);
  Pixels scaled = Resize(*source, width, height);
  if (width == side && height == side) return scaled;
  Pixels square{side, side, std::vector<std::uint8_t>(std::size_t{3} * side * side, 255)};
  const int left = (side - width) / 2;
  const int top = (side - height) / 2;
  for (int y = 0; y < height; ++y) {
    std::memcpy(&square.rgb[3 * (std::size_t(top + y) * side + left)], &scaled.rgb[std::size_t{3} * y * width],
                std::size_t{3} * width);
  }
  return square;
}

Pixels Upright(Pixels pixels, int orientation) {
  if (orientation <= 1 || orientation > 8) return pixels;
  const bool transposed = orientation >= 5;
  const int width = transposed ? pixels.height : pixels.width;
  const int height = transposed ? pixels.width : pixels.height;
  const bool mirror_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirror_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Pixels out{width, height, std::vector<std::uint8_t>(pixels.rgb.size())};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      int from_x = transposed ? y : x;
      int from_y = transposed ? x : y;
      // Mirrors are of the stored picture.
      if (mirror_x) from_x = pixels.width - 1 - from_x;
      if (mirror_y) from_y = pixels.height - 1 - from_y;
      std::memcpy(&out.rgb[3 * (std::size_t(y) * width + x)],
                  &pixels.rgb[3 * (std::size_t(from_y) * pixels.width + from_x)], 3);
    }
  }
  return out;
}

}  // namespace mannequin
