// A generator and a discriminator as training and serving use them, whatever their
// architecture: preset "tacgan" is tacgan.h, preset "mannequin" residual_gan.h.
//
//   GanShape shape{.resolution = 128, .features = 64, .noise = 100, .text = 100, .categories = 20};
//   RETURN_IF_ERROR(CheckShape(shape));
//   std::shared_ptr<GeneratorNet> generator = MakeGenerator(shape);
//   at::Tensor image = generator->Draw(noise, text);
//
// Tensors are float32 (bfloat16 under autocast). Text vectors are of unit length. Only
// common/nn and the trainer include this header: it costs what torch costs.
#pragma once

#include <memory>

#include "common/nn/shape.h"
#include "common/nn/text_input.h"
#include "torch/torch.h"

namespace mannequin {

// Both are thread-safe in evaluation mode and belong to one thread in training.
class GeneratorNet : public torch::nn::Module {
 public:
  // noise [N, Z], text [N, T] -> image [N, 3, side, side] in [-1, 1] (in training mode
  // perhaps a little outside). `side` is the
  // resolution (also as 0), or, by preset "mannequin" only, a power of two from 32 to it.
  virtual torch::Tensor Draw(const torch::Tensor& noise, const torch::Tensor& text, int side = 0) = 0;
  // Evaluation only, and final: merges what can be merged and moves the weights to the
  // device and type of `weights`. The module can no longer be trained or saved.
  virtual void PrepareToServe(const torch::TensorOptions& weights) = 0;
  virtual TextInput text() = 0;
};

// What the discriminator sees in an image before it reads the text.
struct ImageFeatures {
  torch::Tensor map;             // for Match, of the same network
  torch::Tensor image_category;  // [N, K] logits, of the image alone
  // [N, 1, R/8, R/8] logits, high where something is laid over.
  torch::Tensor overlay;
};

// What it says of an image with a text.
struct MatchLogits {
  torch::Tensor source;    // [N], high for a real image (of "tacgan": that matches, too)
  torch::Tensor match;     // [N], high when image and text belong together
  torch::Tensor category;  // [N, K], of "tacgan" only
};

class DiscriminatorNet : public torch::nn::Module {
 public:
  // image [N, 3, side, side] in [-1, 1], `side` as GeneratorNet draws. The features can be
  // matched with several texts, so that an image is convolved once whatever it is compared
  // with.
  virtual ImageFeatures See(const torch::Tensor& image) = 0;
  // As many rows of `map` as of text [N, T].
  virtual MatchLogits Match(const torch::Tensor& map, const torch::Tensor& text) = 0;
  // As GeneratorNet's.
  virtual void PrepareToServe(const torch::TensorOptions& weights) = 0;
  virtual TextInput text() = 0;
};

// `shape` must have passed CheckShape. Weights are at random, as the preset's training
// begins with them (torch's default generator).
std::shared_ptr<GeneratorNet> MakeGenerator(const GanShape& shape);
std::shared_ptr<DiscriminatorNet> MakeDiscriminator(const GanShape& shape);

}  // namespace mannequin
