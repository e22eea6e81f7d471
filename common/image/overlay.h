// Promotional overlays, as sellers paste them over product pictures: slogans, prices,
// badges, ribbons, watermarks, frames. They make the negatives that teach a discriminator
// what does not belong on a picture, and the abusive listings of the sample catalogue.
//
//   absl::BitGen random;
//   OverlaySpec spec = RandomOverlay(random, 128);
//   ASSIGN_OR_RETURN(OverlayPatch patch, RenderOverlay(spec));
//   Box painted = Blend(pixels, patch, spec.x, spec.y, spec.opacity);
//
// Rendering costs milliseconds (text layout): make a bank of patches once and blend
// from it. Thread-safe; letters are drawn one patch at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/image/image.h"

namespace mannequin {

// Pixels; x to the right, y down, from the top left corner.
struct Box {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

struct Color {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
};

enum class OverlayKind {
  kText,       // outlined letters, nothing behind them
  kBanner,     // letters on a bar
  kCircle,     // letters on a disc with a ring
  kStar,       // letters on a burst of sixteen points
  kRibbon,     // letters on a ribbon with notched ends
  kPriceTag,   // letters on a tag with a hole
  kWatermark,  // slanted letters, repeated over the patch
  kBorder,     // a frame with letters on its lower edge
};
constexpr int kOverlayKinds = 8;

struct OverlaySpec {
  OverlayKind kind = OverlayKind::kText;
  std::string text;                  // UTF-8, any script, one line
  std::string font = "DejaVu Sans";  // family, as Fontconfig knows it
  Color text_color{255, 255, 255};
  Color fill_color{220, 20, 40};  // behind the letters; kText: their outline
  int width = 64;                 // pixels of the patch, 8 to 4,096
  int height = 24;
  double angle = 0;  // degrees clockwise, about the patch's middle
  // Where RandomOverlay wants it; only Blend's arguments count.
  int x = 0;
  int y = 0;
  double opacity = 1;  // 0 to 1
};

// Straight (not premultiplied) RGBA. Shape [H, W, 4].
struct OverlayPatch {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgba;
};

// The letters are made as large as they fit. INVALID_ARGUMENT: a size out of range, or
// text that is not UTF-8.
absl::StatusOr<OverlayPatch> RenderOverlay(const OverlaySpec& spec);

// Paints the patch with its top left corner at (x, y), which may lie outside. Returns the
// rectangle that holds every changed pixel; of width 0 when there is none.
Box Blend(Pixels& pixels, const OverlayPatch& patch, int x, int y, double opacity = 1);

// A phrase (English, Korean, Chinese, Japanese, German, French, Spanish, Russian, Arabic,
// a price or a share), kind, colours, size and place as sellers choose them for a
// square picture of `image_size` pixels, 16 or more. The same numbers from `random` give the same spec.
OverlaySpec RandomOverlay(absl::BitGenRef random, int image_size);

// As RandomOverlay, and beyond what sellers like: invented words of eight scripts in many
// fonts, letters from 3 % of the picture's height up, faint single lines, any place. What
// recognises these has no phrase to learn by heart.
OverlaySpec VariedOverlay(absl::BitGenRef random, int image_size);

}  // namespace mannequin
