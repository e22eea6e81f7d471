// Differentiable augmentation of what the discriminator sees (Zhao et al. 2020,
// https://arxiv.org/abs/2006.10738): with few images it would else learn them by heart.
#pragma once

#include "torch/torch.h"

namespace mannequin {

// image [N, 3, S, S] in [-1, 1]: shifted by up to an eighth of the side, white coming in,
// and a square of a quarter of the side set to grey; each of eight parts of the batch in
// its own way. Colours stay: a text names them. Random by torch's default generator.
torch::Tensor DiffAugment(const torch::Tensor& image);

}  // namespace mannequin
