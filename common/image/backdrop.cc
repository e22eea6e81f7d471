#include "common/image/backdrop.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <vector>

namespace mannequin {
namespace {

constexpr int kMaskSide = 128;     // the mask's longer side, pixels: fits PartsOf's 16 bits
constexpr double kMinPlain = 0.5;  // of the border, for a background of one colour
constexpr int kShadow = 70;        // levels: a shadow is no darker than that
constexpr int kColored = 18;       // levels between channels: no shadow is that colourful
constexpr int kSharp = 14;         // levels between neighbours: no shadow has such an edge
constexpr double kSpeck = 0.0008;  // of the mask: dust and noise
constexpr double kApart = 0.12;    // of the largest part: a product of its own
constexpr double kApartOfFrame = 0.01;
constexpr int kInside = 4;           // pixels of the mask from the frame's side
constexpr double kGoesOn = 0.75;     // of what is inside: the side cuts it
constexpr double kFloorEdge = 0.9;   // of the lower edge
constexpr double kFloorRise = 0.06;  // of both sides, from below
constexpr int kTrace = 4;            // levels: less is the noise of a clean background
constexpr double kPairSize = 1.45;   // ratio of two sides of a pair's boxes at most
constexpr int kPairColor = 40;       // levels between the mean colours of a pair at most

// Visits the outermost pixels, `depth` of them from each side.
template <typename Visit>
void VisitBorder(const Pixels& pixels, int depth, const Visit& visit) {
  for (int y = 0; y < pixels.height; ++y) {
    const bool whole = y < depth || y >= pixels.height - depth;
    for (int x = 0; x < pixels.width; ++x) {
      if (!whole && x == depth) x = std::max(depth, pixels.width - depth);
      if (x < pixels.width) visit(&pixels.rgb[3 * (std::size_t(y) * pixels.width + x)]);
    }
  }
}

// Means of `factor` by `factor` pixels; what is left over at the right and the bottom goes. A tenth of Resize's time.
Pixels Shrunk(const Pixels& pixels, int factor) {
  Pixels small{std::max(1, pixels.width / factor), std::max(1, pixels.height / factor), {}};
  small.rgb.resize(std::size_t{3} * small.width * small.height);
  const int rows = std::min(factor, pixels.height), columns = std::min(factor, pixels.width);
  // A multiplication instead of a division a value: exact, since the sums and `count` together have under 32 bits.
  const std::uint64_t count = static_cast<std::uint64_t>(rows) * columns;
  const std::uint64_t inverse = ((std::uint64_t{1} << 40) + count - 1) / count;
  std::vector<std::uint32_t> sums(std::size_t{3} * small.width * columns);
  // Of one row; `across` is `columns`, as a constant where that is common.
  const auto divide = [&](std::uint8_t* to, auto across) {
    const std::uint32_t* of = sums.data();
    for (int x = 0; x < small.width; ++x, to += 3, of += 3 * across) {
      for (int c = 0; c < 3; ++c) {
        std::uint64_t sum = 0;
        for (int i = 0; i < across; ++i) sum += of[3 * i + c];
        to[c] = static_cast<std::uint8_t>((sum * inverse) >> 40);
      }
    }
  };
  for (int y = 0; y < small.height; ++y) {
    std::fill(sums.begin(), sums.end(), 0);
    for (int row = 0; row < rows; ++row) {
      const std::uint8_t* from = &pixels.rgb[std::size_t{3} * (std::size_t(y) * factor + row) * pixels.width];
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += from[i];
    }
    std::uint8_t* to = &small.rgb[std::size_t{3} * y * small.width];
    if (columns == 2) {
      divide(to, std::integral_constant<int, 2>());
    } else {
      divide(to, columns);
    }
  }
  return small;
}

struct Bounds {
  int left = 1 << 30, top = 1 << 30, right = 0, bottom = 0;  // exclusive

  void Add(int x, int y) {
    left = std::min(left, x);
    top = std::min(top, y);
    right = std::max(right, x + 1);
    bottom = std::max(bottom, y + 1);
  }
  int width() const { return right - left; }
  int height() const { return bottom - top; }
};

// Touching pixels that are not background.
struct Part {
  Bounds bounds;
  int area = 0;
  std::array<double, 3> color{};  // mean
  Bounds core;                    // without its shadow
  int core_area = 0;
};

// Of a picture: what is no background, and what of it is no shadow either.
struct Masks {
  std::vector<std::uint8_t> traces;
  std::vector<std::uint8_t> core;
};

// Largest first, without specks.
std::vector<Part> PartsOf(const Masks& masks, const Pixels& pixels) {
  const int width = pixels.width, height = pixels.height;
  const double speck = std::max(3.0, kSpeck * width * height);
  // With a frame of background around it, so that every pixel has eight neighbours.
  const int stride = width + 2;
  std::vector<std::uint8_t> open(std::size_t(stride) * (height + 2), 0);
  for (int y = 0; y < height; ++y) {
    std::copy_n(&masks.traces[std::size_t(y) * width], width, &open[std::size_t(y + 1) * stride + 1]);
  }
  const std::array<int, 8> around = {-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1};
  std::vector<Part> parts;
  struct At {
    int framed;
    std::int16_t x, y;
  };
  std::vector<At> stack;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int start = (y + 1) * stride + x + 1;
      if (!open[start]) continue;
      Part part;
      std::array<int, 3> color{};
      open[start] = 0;
      stack.assign(1, {start, static_cast<std::int16_t>(x), static_cast<std::int16_t>(y)});
      while (!stack.empty()) {
        const At at = stack.back();
        stack.pop_back();
        const std::size_t pixel = std::size_t(at.y) * width + at.x;
        part.bounds.Add(at.x, at.y);
        ++part.area;
        for (int c = 0; c < 3; ++c) color[c] += pixels.rgb[3 * pixel + c];
        if (masks.core[pixel]) {
          part.core.Add(at.x, at.y);
          ++part.core_area;
        }
        for (int i = 0; i < 8; ++i) {
          const int next = at.framed + around[i];
          if (!open[next]) continue;
          open[next] = 0;
          const int down = i < 3 ? -1 : i < 5 ? 0 : 1;
          stack.push_back({next, static_cast<std::int16_t>(at.x + around[i] - down * stride),
                           static_cast<std::int16_t>(at.y + down)});
        }
      }
      if (part.area < speck || part.core_area == 0) continue;
      for (int c = 0; c < 3; ++c) part.color[c] = double(color[c]) / part.area;
      parts.push_back(part);
    }
  }
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.area > b.area; });
  return parts;
}

bool IsPair(const Part& a, const Part& b) {
  const auto near = [](double first, double second) {
    return std::max(first, second) <= kPairSize * std::min(first, second);
  };
  if (!near(a.bounds.width(), b.bounds.width()) || !near(a.bounds.height(), b.bounds.height())) return false;
  for (int c = 0; c < 3; ++c) {
    if (std::abs(a.color[c] - b.color[c]) > kPairColor) return false;
  }
  return true;
}

// The parts, largest first, that are no crumbs of others; at least one.
std::vector<Part> PartsApart(const std::vector<Part>& parts, double frame) {
  std::vector<Part> apart{parts[0]};
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].area >= kApart * parts[0].area && parts[i].area >= kApartOfFrame * frame) apart.push_back(parts[i]);
  }
  return apart;
}

// Are the parts on both sides of the upright or level line through the middle, and nothing on it?
bool HasEmptyMiddle(const std::vector<std::uint8_t>& traces, const Pixels& pixels, const std::vector<Part>& parts) {
  const int width = pixels.width, height = pixels.height;
  for (const bool upright : {true, false}) {
    int filled = 0;
    for (int i = 0; i < (upright ? height : width); ++i) {
      filled += traces[upright ? std::size_t(i) * width + width / 2 : std::size_t(height / 2) * width + i];
    }
    bool before = false, after = false;
    for (const Part& part : parts) {
      const int middle =
          upright ? part.bounds.left + part.bounds.right - width : part.bounds.top + part.bounds.bottom - height;
      (middle < 0 ? before : after) = true;
    }
    if (filled == 0 && before && after) return true;
  }
  return false;
}

// Is a pixel that is not background more than a shadow?
bool IsCore(const Pixels& pixels, int x, int y, const Backdrop& backdrop) {
  const std::uint8_t* pixel = &pixels.rgb[std::size_t{3} * (std::size_t(y) * pixels.width + x)];
  const int far = FromBackground(pixel, backdrop);
  if (far <= kBackgroundNoise) return false;
  if (far > kShadow) return true;
  // A shadow is darker by the same in all channels, to within what a coloured ground reflects.
  int least = 255, most = -255;
  for (int c = 0; c < 3; ++c) {
    const int darker = backdrop.color[c] - pixel[c];
    least = std::min(least, darker);
    most = std::max(most, darker);
  }
  if (most - least > kColored || least < -kBackgroundNoise) return true;
  for (int v = std::max(0, y - 1); v <= std::min(pixels.height - 1, y + 1); ++v) {
    for (int u = std::max(0, x - 1); u <= std::min(pixels.width - 1, x + 1); ++u) {
      const std::uint8_t* other = &pixels.rgb[std::size_t{3} * (std::size_t(v) * pixels.width + u)];
      for (int c = 0; c < 3; ++c) {
        if (std::abs(pixel[c] - other[c]) > kSharp) return true;
      }
    }
  }
  return false;
}

Masks MasksOf(const Pixels& pixels, const Backdrop& backdrop) {
  Masks masks{BackgroundMap(pixels, backdrop, std::min(backdrop.noise + kTrace, kBackgroundNoise)), {}};
  for (std::uint8_t& trace : masks.traces) trace = trace ? 0 : 1;
  masks.core.resize(masks.traces.size());
  for (int y = 0, i = 0; y < pixels.height; ++y) {
    for (int x = 0; x < pixels.width; ++x, ++i) {
      if (masks.traces[i]) masks.core[i] = IsCore(pixels, x, y, backdrop) ? 1 : 0;
    }
  }
  return masks;
}

// A floor or a table on which the product stands: all along the lower edge, and as high on the left as on the right.
bool HasFloor(const std::vector<std::uint8_t>& mask, const Pixels& pixels) {
  const std::size_t width = static_cast<std::size_t>(pixels.width), height = static_cast<std::size_t>(pixels.height);
  std::size_t lowest = 0;
  for (std::size_t x = 0; x < width; ++x) lowest += mask[(height - 1) * width + x];
  if (static_cast<double>(lowest) < kFloorEdge * static_cast<double>(width)) return false;
  const auto rise = [&](std::size_t x) {
    std::size_t rows = 0;
    while (rows < height && mask[(height - 1 - rows) * width + x]) ++rows;
    return static_cast<double>(rows) / static_cast<double>(height);
  };
  return std::min(rise(0), rise(width - 1)) >= kFloorRise;
}

std::optional<ShownProduct> ReadProduct(const Pixels& pixels, const Backdrop& backdrop) {
  const Masks masks = MasksOf(pixels, backdrop);
  const std::vector<std::uint8_t>& mask = masks.core;
  if (HasFloor(mask, pixels)) return std::nullopt;
  const std::vector<Part> parts = PartsOf(masks, pixels);
  if (parts.empty()) return std::nullopt;
  Bounds box;
  for (const Part& part : parts) {
    box.Add(part.core.left, part.core.top);
    box.Add(part.core.right - 1, part.core.bottom - 1);
  }
  ShownProduct product;
  product.frame_share = std::max(double(box.width()) / pixels.width, double(box.height()) / pixels.height);
  // Counted with every trace: a white shirt on white is more than its print and the head above it.
  const std::vector<Part> apart = PartsApart(parts, double(pixels.width) * pixels.height);
  const bool pair = apart.size() == 2 && IsPair(apart[0], apart[1]);
  product.count = pair ? 1 : static_cast<int>(apart.size());
  product.side_by_side = product.count > 1 && HasEmptyMiddle(masks.traces, pixels, apart);

  const auto column = [&](int x) {
    int filled = 0;
    for (int y = 0; y < pixels.height; ++y) filled += mask[std::size_t(y) * pixels.width + x];
    return filled;
  };
  const int last = pixels.width - 1;
  int touched = column(0) + column(last);
  for (int x = 0; x < pixels.width; ++x) touched += mask[x] + mask[std::size_t(pixels.height - 1) * pixels.width + x];
  product.edge_share = touched / (2.0 * (pixels.width + pixels.height));
  const int inside = std::min(kInside, last / 2);
  for (const auto& [outer, inner] :
       {std::pair(column(0), column(inside)), std::pair(column(last), column(last - inside))}) {
    if (outer < kGoesOn * inner) continue;
    product.cut_share = std::max(product.cut_share, double(outer) / pixels.height);
  }
  return product;
}

}  // namespace

std::vector<std::uint8_t> BackgroundMap(const Pixels& pixels, const Backdrop& backdrop, int levels) {
  // Bytes are compared in runs, whichever channel they are of, so that the compiler takes many at once.
  constexpr std::size_t kRun = 64;  // pixels
  std::array<std::uint8_t, 3 * kRun> low, high, inside;
  for (std::size_t i = 0; i < low.size(); ++i) {
    low[i] = static_cast<std::uint8_t>(std::max(0, backdrop.color[i % 3] - levels));
    high[i] = static_cast<std::uint8_t>(std::min(255, backdrop.color[i % 3] + levels));
  }
  const std::size_t count = std::size_t(pixels.width) * pixels.height;
  std::vector<std::uint8_t> map(count);
  for (std::size_t first = 0; first < count; first += kRun) {
    const std::uint8_t* bytes = &pixels.rgb[3 * first];
    const std::size_t run = std::min(kRun, count - first);
    for (std::size_t i = 0; i < 3 * run; ++i) {
      inside[i] = std::clamp(bytes[i], low[i], high[i]) == bytes[i] ? 1 : 0;
    }
    for (std::size_t i = 0; i < run; ++i) map[first + i] = inside[3 * i] & inside[3 * i + 1] & inside[3 * i + 2];
  }
  return map;
}

Backdrop ReadBackdrop(const Pixels& pixels) {
  Backdrop backdrop;
  const int depth = std::max(1, std::min(pixels.width, pixels.height) / 100);
  std::array<std::array<int, 256>, 3> counts{};
  int all = 0, white = 0;
  VisitBorder(pixels, depth, [&](const std::uint8_t* pixel) {
    ++all;
    white += std::min({pixel[0], pixel[1], pixel[2]}) >= kNearlyWhite ? 1 : 0;
    for (int c = 0; c < 3; ++c) ++counts[c][pixel[c]];
  });
  for (int c = 0; c < 3; ++c) {
    int level = 0;
    for (int below = counts[c][0]; below <= all / 2; below += counts[c][level]) ++level;
    backdrop.color[c] = static_cast<std::uint8_t>(level);
  }
  int plain = 0;
  std::array<int, kBackgroundNoise + 1> offs{};
  VisitBorder(pixels, depth, [&](const std::uint8_t* pixel) {
    const int off = FromBackground(pixel, backdrop);
    if (off > kBackgroundNoise) return;
    ++plain;
    ++offs[off];
  });
  for (int below = offs[0]; below < 0.9 * plain; below += offs[++backdrop.noise]) {
  }
  backdrop.white = double(white) / all;
  backdrop.plain = double(plain) / all;
  if (backdrop.plain < kMinPlain) return backdrop;
  const int factor = (std::max(pixels.width, pixels.height) + kMaskSide - 1) / kMaskSide;
  backdrop.product = ReadProduct(factor > 1 ? Shrunk(pixels, factor) : pixels, backdrop);
  return backdrop;
}

}  // namespace mannequin
