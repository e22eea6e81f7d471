#include "services/generator/badge.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/overlay.h"
#include "services/generator/generated_image.h"

namespace mannequin {
namespace {

constexpr int kSmallest = 32;
// From this side on the long words have letters that can be read.
constexpr int kLongWords = 256;

// Its size as a share of the picture's shorter side: 2.4 and 3.3 % of a square picture.
struct Label {
  const char* text;
  double width, height;
};
constexpr Label kShort{"AI", 0.17, 0.14};
constexpr Label kLong{"AI-generated", 0.48, 0.068};

int PixelsOf(double share, int side) { return std::max(1, static_cast<int>(std::lround(share * side))); }

}  // namespace

absl::StatusOr<Pixels> WithBadge(Pixels pixels) {
  const int side = std::min(pixels.width, pixels.height);
  if (side < kSmallest) {
    return absl::InvalidArgumentError(absl::StrCat("a picture of ", pixels.width, "x", pixels.height,
                                                   " has no room for a badge, expected at least ", kSmallest,
                                                   " pixels a side"));
  }
  const Label& label = side < kLongWords ? kShort : kLong;
  OverlaySpec spec;
  spec.kind = OverlayKind::kBanner;
  spec.text = label.text;
  spec.fill_color = {38, 40, 44};
  // RenderOverlay draws none that is smaller.
  spec.width = std::max(8, PixelsOf(label.width, side));
  spec.height = std::max(8, PixelsOf(label.height, side));
  ASSIGN_OR_RETURN(const OverlayPatch patch, RenderOverlay(spec));
  const int margin = PixelsOf(0.02, side);
  Blend(pixels, patch, pixels.width - margin - patch.width, pixels.height - margin - patch.height);
  return pixels;
}

absl::StatusOr<v1::Image> BadgedImage(const v1::Image& plain, const Provenance& provenance) {
  ASSIGN_OR_RETURN(Pixels pixels, DecodeImage(plain.data()));
  ASSIGN_OR_RETURN(pixels, WithBadge(std::move(pixels)));
  return EncodeGenerated(pixels, {}, provenance);
}

}  // namespace mannequin
