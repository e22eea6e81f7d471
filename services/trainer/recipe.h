// What a preset changes in how its networks are trained.
#pragma once

#include <cstdint>
#include <string>

namespace mannequin {

// As it stands: preset "tacgan", the prototype's.
struct Recipe {
  // Steps in which G first learns from pixels, fast, and more and more from D.
  std::int64_t warm_up = 0;
  double first_rate = 1;          // G's learning rate at step 0, of the options'; falls to 1
  double discriminator_rate = 1;  // D's learning rate, of the options'
  double overlay_weight = 1;      // of the map of overlays in D's loss
  double category_weight = 1;     // of the category terms in G's loss
  double pixel_weight = 0;        // of the distance to the text's own image in G's loss
  bool keep_variance = false;     // initial weights that keep activations' variance, instead of DCGAN's N(0, 0.02)
  bool standardise_texts = false;
  bool mirror = true;  // half of the images; not where G learns pixels: they teach which way products face

  double WarmthAt(std::int64_t step) const {
    return step >= warm_up ? 1 : static_cast<double>(step) / static_cast<double>(warm_up);
  }
  double RateAt(std::int64_t step) const { return first_rate + (1 - first_rate) * WarmthAt(step); }
};

inline Recipe RecipeOf(const std::string& preset) {
  if (preset == "tacgan") return {};
  return {.warm_up = 4'000,
          .first_rate = 7.5,
          .discriminator_rate = 2,
          .overlay_weight = 5,
          .category_weight = 0.3,
          .pixel_weight = 5,
          .keep_variance = true,
          .standardise_texts = true,
          .mirror = false};
}

}  // namespace mannequin
