// What stands in front of a plain background: where the product is, how much of the frame it takes, whether the
// frame cuts it, and how many products stand apart.
//
//   const Backdrop backdrop = ReadBackdrop(pixels);
//   if (backdrop.product) Use(backdrop.product->frame_share);
//
// The background is the colour of the picture's border. Shadows and the noise of compression count as background.
// Pure functions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "common/image/image.h"

namespace mannequin {

// A channel of at least this is white enough: rounding and the ringing of JPEG next to a product move pure white by
// less.
inline constexpr int kNearlyWhite = 245;

// Levels that a pixel may be off the background's colour and still be background.
inline constexpr int kBackgroundNoise = 14;

struct ShownProduct {
  // Share of the frame's width or height, whichever is greater, that the box around all of it takes [0 to 1].
  double frame_share = 0;
  // Share of the frame's outline that it touches [0 to 1].
  double edge_share = 0;
  // Share of the left or the right side, whichever is greater, beyond which it goes on [0 to 1]. A product that fills
  // the frame only touches its sides: it is wider a little inside. Top and bottom say nothing: models are cut there.
  double cut_share = 0;
  // That stand apart, at least 1: nothing but background between them, not even a shadow. Two of one size and colour
  // are a pair and count as one, as do a product's crumbs.
  int count = 1;
  // The parts are on both sides of an empty line through the middle of the frame, and are no pair: several pictures, or
  // several products, side by side.
  bool side_by_side = false;
};

struct Backdrop {
  // Share of the border that is nearly white, and that is of the background's colour [0 to 1].
  double white = 0;
  double plain = 0;
  std::array<std::uint8_t, 3> color{};  // the border's median
  int noise = 0;                        // levels within which nine tenths of that background lie
  // Nothing when the border is not of one colour, a floor runs along all of the lower edge, or nothing stands out.
  std::optional<ShownProduct> product;
};

// `pixels` not empty.
Backdrop ReadBackdrop(const Pixels& pixels);

// How far a pixel is from the background: the greatest difference of a channel.
inline int FromBackground(const std::uint8_t* pixel, const Backdrop& backdrop) {
  return std::max({std::abs(pixel[0] - backdrop.color[0]), std::abs(pixel[1] - backdrop.color[1]),
                   std::abs(pixel[2] - backdrop.color[2])});
}

// 1 where a pixel is within `levels` of the background, else 0: map[y * width + x].
std::vector<std::uint8_t> BackgroundMap(const Pixels& pixels, const Backdrop& backdrop, int levels);

}  // namespace mannequin
