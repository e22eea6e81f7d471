// The binomial filter [1 2 1] / 4 along both sides of pictures, with its gradient: what
// alternates from pixel to pixel is gone, all else stays nearly as it is.
//
//   picture = BinomialBlur(torch::pixel_shuffle(maps, 2));
#pragma once

#include "torch/torch.h"

namespace mannequin {

// picture [N, C, H, W], float32 or bfloat16, H and W at least 2; the result likewise, in the
// same memory layout. At an edge the two pixels there are averaged. The same as two averages over 2 x 2
// pixels, which is what it does on a GPU; on a CPU one pass that costs a tenth of those.
torch::Tensor BinomialBlur(const torch::Tensor& picture);

}  // namespace mannequin
