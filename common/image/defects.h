// What spoils a picture, measured on its pixels: blur, the blocks of too much compression, seams between pictures
// pasted side by side. Pure functions; pixels not empty.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/image/backdrop.h"
#include "common/image/image.h"

namespace mannequin {

// Brightness, 0 to 255: levels[y * width + x].
struct GreyPixels {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> levels;
};
GreyPixels ToGrey(const Pixels& pixels);

// How many pixels the sharp edges of a picture take from dark to light: 1 is a step, what a lens and a good scaling
// leave is under 2, and a Gaussian blur of s pixels makes 2.5 s of a step. A quarter of the clear edges is sharper:
// what a photographer leaves soft does not count, a blur spares no edge. Nothing where there are few clear edges. (The
// edge width of Marziliano et al. 2002, by steepest slope rather than by extremes.)
std::optional<double> EdgeWidth(const GreyPixels& grey);

// How much greater the steps between neighbours are on a grid of `period` pixels than elsewhere: 0 without blocks, 1
// where they are twice as great. The grid's offset is found. `period` 2 or more.
double Blockiness(const GreyPixels& grey, int period);

// A straight cut through the middle of the picture, where two pictures are joined.
struct Seam {
  // How much more the content changes across the cut than across nearly all others of the picture's middle half, as a
  // natural logarithm: 0 for no clear one.
  double clear = 0;
  double support = 0;   // share of the lines across it that are not background on both sides [0 to 1]
  bool upright = true;  // else level
};

// The clearer one of the upright and the level cut.
Seam ClearestSeam(const Pixels& pixels, const GreyPixels& grey, const Backdrop& backdrop);

}  // namespace mannequin
