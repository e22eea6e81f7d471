// Pictures that say that there is none: trackers, pictures of one colour, and the cards
// that shops show for what they have no photo of.
#pragma once

#include <string>

#include "common/image/image.h"

namespace mannequin {

// A longer picture is scaled down to this first, so a decoder need give no more.
inline constexpr int kNotAvailableSide = 128;

// Empty for a product's picture, else the reason for a person. `width` and `height` are
// of the picture as stored; `pixels` may be smaller. Judged by statistics, made so
// that no photograph is taken for a card rather than that every card is found.
std::string WhyNotAvailable(const Pixels& pixels, int width, int height);

}  // namespace mannequin
