// What a preset changes in how its networks are trained, beside the losses of a step.
#pragma once

#include <string>

namespace mannequin {

struct Recipe {
  double beta1 = 0.5, beta2 = 0.999;  // Adam's
  double rate = 1;                    // learning rate, of the options'
  double ema_decay = 0.999;           // of the average of G's weights, from step to step
  bool standardise_texts = false;
  bool mirror = true;    // half of the images
  bool balance = false;  // categories, see BatchOptions
  bool grows = false;    // its networks can begin at half the resolution
};

inline Recipe RecipeOf(const std::string& preset) {
  if (preset == "tacgan") return {};
  // Adam as R3GAN has it. Products face one way in a shop: mirrored ones would only blur.
  return {.beta1 = 0,
          .beta2 = 0.99,
          .rate = 3,
          .ema_decay = 0.998,
          .standardise_texts = true,
          .mirror = false,
          .balance = true,
          .grows = true};
}

}  // namespace mannequin
