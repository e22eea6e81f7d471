// The network that judges listings: does the picture show what the text says, and is
// something laid over it? Trained on real pictures alone (services/trainer/judge_training.h),
// after the GAN and apart from it: a discriminator has to keep up with its generator, and a
// generator learns to please the heads that it is trained against. This one it never met, so
// that what it says of a drawn picture counts as well.
//
// It sees pictures finer than the generator draws them: small letters are a few pixels high.
// A pyramid over the sides S/4, S/8, ..., S/64 with 32, 48, 96, 128 and 192 maps: convolutions
// with batch norm, residual blocks from S/16 down (He et al. 2015). 128 million
// multiplications at 224 pixels.
#pragma once

#include <vector>

#include "common/nn/conv_norm.h"
#include "common/nn/shape.h"
#include "common/nn/text_input.h"
#include "torch/torch.h"

namespace mannequin {

struct JudgeShape {
  int side = 0;  // S, pixels; a multiple of kJudgeCell
  int text = 0;  // components of a text vector
  int categories = 0;
  int colors = 0;  // 0: none are told
};

struct JudgeFeatures {
  torch::Tensor place;     // [N, kProjectedText] of unit length, float32: see Match
  torch::Tensor category;  // [N, K] logits
  torch::Tensor color;     // [N, C] logits; not defined without colours
  torch::Tensor overlay;   // [N, 1, S/16, S/16] logits: something is laid over this cell
  torch::Tensor overlaid;  // [N] logits: something is laid over the picture
};

// Thread-safe in evaluation mode; belongs to one thread in training.
class JudgeNet : public torch::nn::Module {
 public:
  explicit JudgeNet(const JudgeShape& shape);
  // image [N, 3, S, S] in [-1, 1].
  JudgeFeatures See(const torch::Tensor& image);
  // The same of pixel_unshuffle(image, 2): [N, 12, S/2, S/2], for who makes that from bytes at once.
  JudgeFeatures SeeBlocks(const torch::Tensor& blocks);
  // [N, kProjectedText] of unit length, float32: where pictures of what the text [N, T] says lie.
  torch::Tensor PlaceOfText(const torch::Tensor& text);
  // What the cosine of two places is multiplied with, learnt; [1].
  torch::Tensor Sharpness();
  // As GeneratorNet::PrepareToServe.
  void PrepareToServe(const torch::TensorOptions& weights);
  TextInput text() { return text_; }

 private:
  struct Level {
    ConvNorm narrow;         // from twice this side
    ConvNorm first, second;  // the residual block; at S/8 the first alone, at S/4 none
  };

  ConvNorm MakeConv(const std::string& name, int in, int out, int stride);

  std::vector<Level> levels_;
  ConvNorm around_, overlay_in_;  // from S/32 up to S/16; both together
  torch::nn::Conv2d overlay_out_{nullptr};
  torch::nn::Linear overlaid_{nullptr}, place_of_image_{nullptr}, place_of_text_{nullptr}, category_{nullptr},
      color_{nullptr};
  TextInput text_{nullptr};
  torch::Tensor sharpness_;
};

}  // namespace mannequin
