#include "common/image/resize.h"

#include <tmmintrin.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

namespace mannequin {
namespace {

constexpr int kShift = 14;  // weights are fixed point: 1 << kShift is one

// For each output: where its inputs begin, and `taps` weights that add up to one. `taps` is
// a multiple of what is applied at once; what that adds weighs 0 and may lie outside.
struct Filter {
  int taps = 0;
  std::vector<int> first;
  std::vector<std::int16_t> weights;  // [outputs, taps]
};

Filter Triangle(int from, int to, int at_once) {
  const double scale = static_cast<double>(from) / to;
  const double radius = std::max(1.0, scale);
  Filter filter;
  // Of the inputs nearer than `radius` there are so many at most.
  const int used = std::min(from, static_cast<int>(std::ceil(2 * radius)));
  filter.taps = (used + at_once - 1) / at_once * at_once;
  filter.first.resize(to);
  filter.weights.resize(std::size_t(to) * filter.taps);
  std::vector<double> weights(used);
  for (int out = 0; out < to; ++out) {
    const double centre = (out + 0.5) * scale - 0.5;
    const int first = std::clamp(static_cast<int>(std::ceil(centre - radius)), 0, from - used);
    double sum = 0;
    for (int tap = 0; tap < used; ++tap) {
      weights[tap] = std::max(0.0, 1 - std::abs(first + tap - centre) / radius);
      sum += weights[tap];
    }
    // The remainder of rounding goes to the heaviest tap, so that white stays white.
    std::int16_t* fixed = &filter.weights[std::size_t(out) * filter.taps];
    int rest = 1 << kShift;
    for (int tap = 0; tap < used; ++tap) {
      fixed[tap] = static_cast<std::int16_t>(std::lround(weights[tap] / sum * (1 << kShift)));
      rest -= fixed[tap];
    }
    *std::max_element(fixed, fixed + used) += static_cast<std::int16_t>(rest);
    filter.first[out] = first;
  }
  return filter;
}

// A crawl asks for few pairs of sizes, thousands of times a second. Good until this thread
// asks for another with the same `at_once`.
template <int at_once>
const Filter& CachedTriangle(int from, int to) {
  struct Entry {
    int from = 0;
    int to = 0;
    Filter filter;
  };
  thread_local std::array<Entry, 4> entries;
  thread_local std::size_t next = 0;
  for (const Entry& entry : entries) {
    if (entry.from == from && entry.to == to) return entry.filter;
  }
  Entry& entry = entries[next++ % entries.size()];
  entry = {from, to, Triangle(from, to, at_once)};
  return entry.filter;
}

constexpr std::size_t kLane = 16;  // bytes that are read and written at once

// Two weights, for two inputs side by side.
__m128i WeightPair(const std::int16_t* weights) {
  std::int32_t both;
  std::memcpy(&both, weights, sizeof(both));
  return _mm_set1_epi32(both);
}

__m128i Rounded(__m128i sum) { return _mm_srai_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (kShift - 1))), kShift); }

// One output row out of `taps` (even) rows of `stride` bytes that begin at `in`; the last
// may lie outside when it weighs 0. `stride` is rounded up to lanes in `out`; of the
// inputs no byte behind a row is read.
void MixRows(const std::uint8_t* in, std::size_t stride, const std::int16_t* weights, int taps, std::uint8_t* out) {
  const __m128i zero = _mm_setzero_si128();
  for (std::size_t at = 0; at < stride; at += kLane) {
    __m128i sum[4] = {zero, zero, zero, zero};
    for (int tap = 0; tap < taps; tap += 2) {
      const std::uint8_t* row = in + tap * stride;
      const std::uint8_t* next = weights[tap + 1] == 0 ? row : row + stride;
      __m128i a, b;
      if (stride - at >= kLane) {
        a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + at));
        b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(next + at));
      } else {
        alignas(kLane) std::uint8_t ends[2][kLane] = {};
        std::memcpy(ends[0], row + at, stride - at);
        std::memcpy(ends[1], next + at, stride - at);
        a = _mm_load_si128(reinterpret_cast<const __m128i*>(ends[0]));
        b = _mm_load_si128(reinterpret_cast<const __m128i*>(ends[1]));
      }
      const __m128i pair = WeightPair(weights + tap);
      const __m128i low = _mm_unpacklo_epi8(a, b);
      const __m128i high = _mm_unpackhi_epi8(a, b);
      sum[0] = _mm_add_epi32(sum[0], _mm_madd_epi16(_mm_unpacklo_epi8(low, zero), pair));
      sum[1] = _mm_add_epi32(sum[1], _mm_madd_epi16(_mm_unpackhi_epi8(low, zero), pair));
      sum[2] = _mm_add_epi32(sum[2], _mm_madd_epi16(_mm_unpacklo_epi8(high, zero), pair));
      sum[3] = _mm_add_epi32(sum[3], _mm_madd_epi16(_mm_unpackhi_epi8(high, zero), pair));
    }
    const __m128i low = _mm_packs_epi32(Rounded(sum[0]), Rounded(sum[1]));
    const __m128i high = _mm_packs_epi32(Rounded(sum[2]), Rounded(sum[3]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at), _mm_packus_epi16(low, high));
  }
}

// As MixPixels, with the processor's byte shuffle: four inputs at once, a third of the time.
__attribute__((target("ssse3"))) void MixPixelsBySsse3(const std::uint8_t* in, const Filter& filter,
                                                       std::uint8_t* out) {
  const __m128i zero = _mm_setzero_si128();
  const __m128i red_green = _mm_setr_epi8(0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10, -1);
  const __m128i blue = _mm_setr_epi8(2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const int width = static_cast<int>(filter.first.size());
  const std::int16_t* weights = filter.weights.data();
  for (int x = 0; x < width; ++x, weights += filter.taps) {
    const std::uint8_t* p = in + 3 * filter.first[x];
    __m128i red_green_sums = zero, blue_sums = zero;
    for (int tap = 0; tap < filter.taps; tap += 4, p += 12) {
      const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
      const __m128i weight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights + tap));
      const __m128i twice = _mm_unpacklo_epi64(weight, weight);
      red_green_sums = _mm_add_epi32(red_green_sums, _mm_madd_epi16(_mm_shuffle_epi8(four, red_green), twice));
      blue_sums = _mm_add_epi32(blue_sums, _mm_madd_epi16(_mm_shuffle_epi8(four, blue), weight));
    }
    const __m128i words = _mm_packs_epi32(Rounded(_mm_hadd_epi32(red_green_sums, blue_sums)), zero);
    const std::uint32_t rgb = static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(words, zero)));
    if (x + 1 < width) {
      std::memcpy(out + 3 * x, &rgb, 4);  // the fourth byte is the next pixel's, which comes after
    } else {
      std::memcpy(out + 3 * x, &rgb, 3);
    }
  }
}

// `in` is padded by two lanes; two pixels are read at once.
void MixPixels(const std::uint8_t* in, const Filter& filter, std::uint8_t* out) {
  const __m128i zero = _mm_setzero_si128();
  const int width = static_cast<int>(filter.first.size());
  const std::int16_t* weights = filter.weights.data();
  for (int x = 0; x < width; ++x, weights += filter.taps) {
    const std::uint8_t* p = in + 3 * filter.first[x];
    __m128i sum = zero;
    for (int tap = 0; tap < filter.taps; tap += 2, p += 6) {
      const __m128i two = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
      const __m128i channels = _mm_unpacklo_epi8(two, _mm_srli_si128(two, 3));
      sum = _mm_add_epi32(sum, _mm_madd_epi16(_mm_unpacklo_epi8(channels, zero), WeightPair(weights + tap)));
    }
    const __m128i words = _mm_packs_epi32(Rounded(sum), zero);
    const std::uint32_t rgb = static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(words, zero)));
    out[3 * x] = static_cast<std::uint8_t>(rgb);
    out[3 * x + 1] = static_cast<std::uint8_t>(rgb >> 8);
    out[3 * x + 2] = static_cast<std::uint8_t>(rgb >> 16);
  }
}

}  // namespace

Pixels Resize(const Pixels& pixels, int width, int height) {
  if (pixels.width == width && pixels.height == height) return pixels;
  static const bool has_ssse3 = __builtin_cpu_supports("ssse3") != 0;
  const auto mix_pixels = has_ssse3 ? &MixPixelsBySsse3 : &MixPixels;
  const Filter& across = CachedTriangle<4>(pixels.width, width);
  const Filter& down = CachedTriangle<2>(pixels.height, height);
  const std::size_t stride = std::size_t{3} * pixels.width;
  // Columns first: whole rows are mixed fastest, and only one mixed row is held.
  std::vector<std::uint8_t> mixed(stride + 2 * kLane);
  Pixels out{width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
  for (int y = 0; y < height; ++y) {
    MixRows(&pixels.rgb[down.first[y] * stride], stride, &down.weights[std::size_t(y) * down.taps], down.taps,
            mixed.data());
    mix_pixels(mixed.data(), across, &out.rgb[std::size_t{3} * y * width]);
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
