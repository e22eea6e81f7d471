#include "common/image/backdrop.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <utility>
#include <vector>

#include "common/image/resize.h"

namespace mannequin {
namespace {

constexpr int kMaskSide = 128;     // the mask's longer side, pixels
constexpr double kMinPlain = 0.5;  // of the border, for a background of one colour
constexpr int kShadow = 70;        // levels: a shadow is no darker than that
constexpr int kColored = 18;       // levels between channels: no shadow is that colourful
constexpr int kSharp = 14;         // levels between neighbours: no shadow has such an edge
constexpr double kSpeck = 0.0008;  // of the mask: dust and noise
constexpr double kApart = 0.12;    // of the largest part: a product of its own
constexpr double kApartOfFrame = 0.01;
constexpr int kInside = 4;          // pixels of the mask from the frame's side
constexpr double kGoesOn = 0.75;    // of what is inside: the side cuts it
constexpr int kTrace = 4;           // levels: less is the noise of a clean background
constexpr int kGap = 2;             // pixels of the mask: nearer parts are one product
constexpr double kPairSize = 1.45;  // ratio of two sides of a pair's boxes at most
constexpr int kPairColor = 40;      // levels between the mean colours of a pair at most

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

struct Part {
  int left = 0, top = 0, right = 0, bottom = 0;  // exclusive
  int area = 0;
  std::array<double, 3> color{};  // mean

  int width() const { return right - left; }
  int height() const { return bottom - top; }
};

// The parts of `mask`, each connected within `gap` pixels, largest first.
std::vector<Part> PartsOf(const std::vector<std::uint8_t>& mask, const Pixels& pixels, int gap) {
  const int width = pixels.width, height = pixels.height;
  std::vector<std::uint8_t> open = mask;
  std::vector<Part> parts;
  std::vector<int> stack;
  for (int start = 0; start < width * height; ++start) {
    if (!open[start]) continue;
    Part part{width, height, 0, 0, 0, {}};
    open[start] = 0;
    stack.assign(1, start);
    while (!stack.empty()) {
      const int at = stack.back();
      stack.pop_back();
      const int x = at % width, y = at / width;
      part.left = std::min(part.left, x);
      part.top = std::min(part.top, y);
      part.right = std::max(part.right, x + 1);
      part.bottom = std::max(part.bottom, y + 1);
      ++part.area;
      for (int c = 0; c < 3; ++c) part.color[c] += pixels.rgb[std::size_t{3} * at + c];
      for (int v = std::max(0, y - gap); v <= std::min(height - 1, y + gap); ++v) {
        for (int u = std::max(0, x - gap); u <= std::min(width - 1, x + gap); ++u) {
          const int next = v * width + u;
          if (!open[next]) continue;
          open[next] = 0;
          stack.push_back(next);
        }
      }
    }
    for (double& channel : part.color) channel /= part.area;
    parts.push_back(part);
  }
  std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.area > b.area; });
  return parts;
}

bool IsPair(const Part& a, const Part& b) {
  const auto near = [](double first, double second) {
    return std::max(first, second) <= kPairSize * std::min(first, second);
  };
  if (!near(a.width(), b.width()) || !near(a.height(), b.height())) return false;
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
      const int middle = upright ? part.left + part.right - width : part.top + part.bottom - height;
      (middle < 0 ? before : after) = true;
    }
    if (filled == 0 && before && after) return true;
  }
  return false;
}

// 1 where the product is: what is no shadow of the background.
std::vector<std::uint8_t> MaskOf(const Pixels& pixels, const Backdrop& backdrop) {
  const int width = pixels.width, height = pixels.height;
  std::vector<std::uint8_t> mask(std::size_t(width) * height, 0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int at = y * width + x;
      const std::uint8_t* pixel = &pixels.rgb[std::size_t{3} * at];
      const int far = FromBackground(pixel, backdrop);
      if (far <= kBackgroundNoise) continue;
      // Darker by the same in all channels, to within what a coloured ground reflects.
      int least = 255, most = -255;
      for (int c = 0; c < 3; ++c) {
        const int darker = backdrop.color[c] - pixel[c];
        least = std::min(least, darker);
        most = std::max(most, darker);
      }
      bool product = far > kShadow || most - least > kColored || least < -kBackgroundNoise;
      for (int v = std::max(0, y - 1); !product && v <= std::min(height - 1, y + 1); ++v) {
        for (int u = std::max(0, x - 1); !product && u <= std::min(width - 1, x + 1); ++u) {
          const std::uint8_t* other = &pixels.rgb[std::size_t{3} * (v * width + u)];
          for (int c = 0; c < 3; ++c) product = product || std::abs(pixel[c] - other[c]) > kSharp;
        }
      }
      mask[at] = product ? 1 : 0;
    }
  }
  return mask;
}

// 1 where anything is, shadows too.
std::vector<std::uint8_t> TracesOf(const Pixels& pixels, const Backdrop& backdrop) {
  std::vector<std::uint8_t> traces(std::size_t(pixels.width) * pixels.height);
  const int least = std::max(kTrace, backdrop.noise + kTrace);
  for (std::size_t i = 0; i < traces.size(); ++i) {
    traces[i] = FromBackground(&pixels.rgb[3 * i], backdrop) > least ? 1 : 0;
  }
  return traces;
}

std::optional<ShownProduct> ReadProduct(const Pixels& pixels, const Backdrop& backdrop) {
  const std::vector<std::uint8_t> mask = MaskOf(pixels, backdrop);
  const double frame = double(pixels.width) * pixels.height;
  std::vector<Part> parts = PartsOf(mask, pixels, kGap);
  while (!parts.empty() && parts.back().area < std::max(3.0, kSpeck * frame)) parts.pop_back();
  if (parts.empty()) return std::nullopt;
  Part box = parts[0];
  for (const Part& part : parts) {
    if (&part != &parts[0]) box.area += part.area;
    box.left = std::min(box.left, part.left);
    box.top = std::min(box.top, part.top);
    box.right = std::max(box.right, part.right);
    box.bottom = std::max(box.bottom, part.bottom);
  }
  ShownProduct product;
  product.frame_share = std::max(double(box.width()) / pixels.width, double(box.height()) / pixels.height);
  // Counted by the least trace: a white shirt on white is more than its print and the head above it.
  const std::vector<std::uint8_t> traces = TracesOf(pixels, backdrop);
  const std::vector<Part> apart = PartsApart(PartsOf(traces, pixels, 1), frame);
  const bool pair = apart.size() == 2 && IsPair(apart[0], apart[1]);
  product.count = pair ? 1 : static_cast<int>(apart.size());
  product.side_by_side = product.count > 1 && HasEmptyMiddle(traces, pixels, apart);

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

int FromBackground(const std::uint8_t* pixel, const Backdrop& backdrop) {
  return std::max({std::abs(pixel[0] - backdrop.color[0]), std::abs(pixel[1] - backdrop.color[1]),
                   std::abs(pixel[2] - backdrop.color[2])});
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
  const int longer = std::max(pixels.width, pixels.height);
  if (longer <= kMaskSide) {
    backdrop.product = ReadProduct(pixels, backdrop);
  } else {
    const auto scaled = [&](int side) {
      return std::max(1, static_cast<int>(std::lround(side * double{kMaskSide} / longer)));
    };
    backdrop.product = ReadProduct(Resize(pixels, scaled(pixels.width), scaled(pixels.height)), backdrop);
  }
  return backdrop;
}

}  // namespace mannequin
