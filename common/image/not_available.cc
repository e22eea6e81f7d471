#include "common/image/not_available.h"

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "common/image/resize.h"

namespace mannequin {
namespace {

constexpr int kTrackerSide = 16;  // both sides shorter: no picture that a shop shows
// Smaller photos of thin things (chains, laces) look drawn.
constexpr int kMinCardSide = 96;

// Grey levels (of 255) that compression alone may add.
constexpr int kNoise = 8;
constexpr int kFlatRing = 6;
constexpr int kFlatNeighbours = 6;

// What tests/bench/not_available measured: no photo of the catalogue comes near all of
// them, four of five drawn cards meet them all.
constexpr double kMinRing = 0.98;     // of the edge is the background's colour
constexpr double kMaxMarked = 0.2;    // of the picture is anything else
constexpr double kMaxContrast = 300;  // black silhouettes (shoes, glasses) are as flat as icons
constexpr double kMinOneHue = 0.95;   // of that lies between the background and one colour
constexpr double kMaxShaded = 0.13;   // of that changes softly, as light on things does
constexpr double kMinOneLevel = 0.8;  // of what is flat is of one level
constexpr double kSoftChange = 0.3;   // of the contrast, between neighbours
constexpr int kLevels = 33;
constexpr int kBlock = 16;   // pixels
constexpr int kSampled = 7;  // no factor of most widths: every column is seen

using Colour = std::array<int, 3>;

int Distance(const std::uint8_t* pixel, const Colour& colour) {
  return std::max({std::abs(pixel[0] - colour[0]), std::abs(pixel[1] - colour[1]), std::abs(pixel[2] - colour[2])});
}

// The pixels of the two outer rows and columns.
template <typename Visit>
void VisitRing(const Pixels& pixels, const Visit& visit) {
  for (int y = 0; y < pixels.height; ++y) {
    const bool whole = y < 2 || y >= pixels.height - 2;
    for (int x = 0; x < pixels.width; ++x) {
      if (!whole && x == 2) x = std::max(2, pixels.width - 2);
      if (x < pixels.width) visit(&pixels.rgb[3 * (std::size_t(y) * pixels.width + x)]);
    }
  }
}

// The median of the ring, or nothing when the ring is not of one colour.
std::optional<Colour> Background(const Pixels& pixels) {
  std::array<std::array<int, 256>, 3> counts{};
  int all = 0;
  VisitRing(pixels, [&](const std::uint8_t* pixel) {
    ++all;
    for (int c = 0; c < 3; ++c) ++counts[c][pixel[c]];
  });
  Colour colour{};
  for (int c = 0; c < 3; ++c) {
    for (int below = counts[c][0]; below <= all / 2; below += counts[c][colour[c]]) ++colour[c];
  }
  int flat = 0;
  VisitRing(pixels, [&](const std::uint8_t* pixel) { flat += Distance(pixel, colour) <= kFlatRing ? 1 : 0; });
  if (flat < kMinRing * all) return std::nullopt;
  return colour;
}

// How many blocks of kBlock pixels from `first` on hold nothing but the background, which is
// most of a picture that may be a card.
int PlainBlocks(const Pixels& pixels, int first, const Colour& background) {
  std::array<std::uint8_t, std::size_t{3} * kBlock> pattern;
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<std::uint8_t>(background[i % 3]);
  const __m128i noise = _mm_set1_epi8(static_cast<char>(kNoise));
  const std::size_t block = pattern.size();
  int plain = 0;
  for (std::size_t at = std::size_t{3} * first; at + block <= pixels.rgb.size(); at += block, ++plain) {
    __m128i beyond = _mm_setzero_si128();
    for (std::size_t i = 0; i < block; i += sizeof(__m128i)) {
      const __m128i pixel = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&pixels.rgb[at + i]));
      const __m128i ground = _mm_loadu_si128(reinterpret_cast<const __m128i*>(&pattern[i]));
      const __m128i distance = _mm_or_si128(_mm_subs_epu8(pixel, ground), _mm_subs_epu8(ground, pixel));
      beyond = _mm_or_si128(beyond, _mm_subs_epu8(distance, noise));
    }
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(beyond, _mm_setzero_si128())) != 0xffff) break;
  }
  return plain;
}

// The greatest difference to one of the eight neighbours, in any channel.
int Change(const Pixels& pixels, int index) {
  const int x = index % pixels.width;
  const int y = index / pixels.width;
  const std::uint8_t* pixel = &pixels.rgb[std::size_t{3} * index];
  const Colour colour{pixel[0], pixel[1], pixel[2]};
  int change = 0;
  for (int v = std::max(0, y - 1); v <= std::min(pixels.height - 1, y + 1); ++v) {
    for (int u = std::max(0, x - 1); u <= std::min(pixels.width - 1, x + 1); ++u) {
      change = std::max(change, Distance(&pixels.rgb[3 * (std::size_t(v) * pixels.width + u)], colour));
    }
  }
  return change;
}

// Is it a flat background with an icon or letters of one colour? `marks` are the pixels
// that are not background, `distances` how many of them are how far from it.
bool IsCard(const Pixels& pixels, const Colour& background, const std::vector<int>& marks,
            const std::array<int, 256>& distances) {
  // The ink: the mean of the tenth that differs most.
  int least = 255;
  for (int count = distances[255]; count < static_cast<int>(marks.size()) / 10 && least > 0;) {
    count += distances[--least];
  }
  std::array<double, 3> ink{};
  int inked = 0;
  for (const int mark : marks) {
    const std::uint8_t* pixel = &pixels.rgb[std::size_t{3} * mark];
    if (Distance(pixel, background) < least) continue;
    ++inked;
    for (int c = 0; c < 3; ++c) ink[c] += pixel[c] - background[c];
  }
  double square = 0;
  for (double& channel : ink) {
    channel /= inked;
    square += channel * channel;
  }
  const double contrast = std::sqrt(square);
  if (contrast > kMaxContrast) return false;

  const auto all = static_cast<double>(marks.size());
  const double most_other_hue = (1 - kMinOneHue) * all;
  const double most_shaded = kMaxShaded * all;
  int other_hue = 0, flat = 0, shaded = 0;
  std::array<int, kLevels> levels{};
  for (const int mark : marks) {
    const std::uint8_t* pixel = &pixels.rgb[std::size_t{3} * mark];
    double level = 0;
    for (int c = 0; c < 3; ++c) level += (pixel[c] - background[c]) * ink[c];
    level /= square;
    double off = 0;
    for (int c = 0; c < 3; ++c) {
      const double error = pixel[c] - background[c] - level * ink[c];
      off += error * error;
    }
    const double near = 14 + 0.06 * contrast;
    other_hue += off > near * near ? 1 : 0;
    // A photo is found out long before its last pixel.
    if (other_hue > most_other_hue || shaded > most_shaded) return false;
    const int change = Change(pixels, mark);
    if (change <= kFlatNeighbours) {
      ++flat;
      ++levels[std::clamp(static_cast<int>(level * (kLevels - 1)), 0, kLevels - 1)];
    } else if (change < kSoftChange * contrast / std::sqrt(3.0)) {
      ++shaded;
    }
  }
  int most = 0;
  for (int i = 0; i < kLevels; ++i) {
    most = std::max(most, levels[std::max(0, i - 1)] * (i > 0) + levels[i] + (i + 1 < kLevels ? levels[i + 1] : 0));
  }
  return other_hue <= most_other_hue && shaded <= most_shaded && most >= kMinOneLevel * flat;
}

}  // namespace

std::string WhyNotAvailable(const Pixels& pixels, int width, int height) {
  if (width < kTrackerSide && height < kTrackerSide) {
    return "a tracker or spacer: both sides are under 16 pixels";
  }
  if (pixels.width < 1 || pixels.height < 1) return "";
  const int longer = std::max(pixels.width, pixels.height);
  if (longer > kNotAvailableSide) {
    const auto scaled = [&](int side) {
      return std::max(1, static_cast<int>(std::lround(side * double{kNotAvailableSide} / longer)));
    };
    return WhyNotAvailable(Resize(pixels, scaled(pixels.width), scaled(pixels.height)), width, height);
  }
  const std::optional<Colour> background = Background(pixels);
  if (!background.has_value()) return "";
  const int count = pixels.width * pixels.height;
  // Most photos fill the picture by far: one pixel of seven tells.
  int sampled = 0;
  for (int i = 0; i < count; i += kSampled) {
    sampled += Distance(&pixels.rgb[std::size_t{3} * i], *background) > kNoise ? kSampled : 0;
  }
  if (sampled > 1.5 * kMaxMarked * count) return "";
  std::vector<int> marks;
  std::array<int, 256> distances{};
  for (int i = 0; i < count; ++i) {
    if (i % kBlock == 0) i += PlainBlocks(pixels, i, *background) * kBlock;
    if (i >= count) break;
    const int distance = Distance(&pixels.rgb[std::size_t{3} * i], *background);
    if (distance <= kNoise) continue;
    marks.push_back(i);
    ++distances[distance];
    if (static_cast<double>(marks.size()) > kMaxMarked * count) return "";
  }
  if (marks.empty()) return "a picture of one colour";
  if (std::min(width, height) < kMinCardSide || !IsCard(pixels, *background, marks, distances)) return "";
  return "a card that says that there is no picture: letters or an icon of one colour on a plain ground";
}

}  // namespace mannequin
