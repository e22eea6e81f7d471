// Draws the products of the sample catalogue: an SVG picture from a handful of choices.
//
//   Look look;
//   look.category = "Mug";
//   look.primary = {198, 40, 50};
//   ASSIGN_OR_RETURN(Pixels pixels, RenderSvg(DrawProduct(look, 256)));
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/image/overlay.h"

namespace mannequin::sample {

enum class Backdrop { kWhite, kGrey, kSoft, kRoom };
constexpr int kBackdrops = 4;

struct Look {
  std::string category;  // a leaf of the sample's categories, e.g. "Mug"
  int style = 0;         // shape, 0 to 2
  Color primary;         // what a buyer calls its colour
  Color secondary;       // soles, straps, panels
  Color accent;          // laces, stripes, logos: the brand's own
  std::string print;     // words on the product itself; only where HasPrint()
  int pattern = 0;       // 0 plain, 1 and 2 the category's decorations
  // Pose and scene.
  double angle = 0;    // degrees clockwise
  double scale = 1;    // 1: fills most of the picture
  double shift_x = 0;  // parts of the picture's side
  double shift_y = 0;
  bool flipped = false;  // mirrored, as seen from the other side
  bool light_from_right = false;
  Backdrop backdrop = Backdrop::kWhite;
  Color wall;  // kSoft and kRoom
};

// Whether the category can carry `print`.
bool HasPrint(absl::string_view category);

// An SVG document of `size` by `size` pixels. `category` must be one of the twenty.
std::string DrawProduct(const Look& look, int size);

}  // namespace mannequin::sample
