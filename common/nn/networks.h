// The networks. Preset "tacgan": a text-conditional generator and discriminator after
// TAC-GAN (Dash et al. 2017, https://arxiv.org/abs/1703.06412), with two heads of our
// own on the discriminator: the category of the image alone, and a map of overlays.
// Preset "mannequin" differs in the generator: after each of its layers' batch norm the
// text scales and shifts the maps (FiLM, Perez et al. 2018, https://arxiv.org/abs/1709.07871),
// so that a colour reaches the pixels without passing through the shape.
//
//   GanShape shape{.resolution = 128, .features = 64, .noise = 100, .text = 100, .categories = 20};
//   RETURN_IF_ERROR(CheckShape(shape));
//   Generator generator(shape);
//   at::Tensor image = generator(noise, text);
//
// Tensors are float32 (bfloat16 under autocast). Text vectors are of unit length. Only
// common/nn and the trainer include this header: it costs what torch costs.
#pragma once

#include <vector>

#include "common/nn/shape.h"
#include "torch/torch.h"

namespace mannequin {

// A (transposed) convolution with its batch norm.
// Holds references to modules that its owner has registered.
struct ConvNorm {
  torch::nn::Conv2d conv{nullptr};
  torch::nn::ConvTranspose2d up{nullptr};  // one of the two is set
  torch::nn::BatchNorm2d norm{nullptr};    // empty once folded
  torch::Tensor operator()(const torch::Tensor& x);
  // Merges the two for inference. The convolution gains a bias, which has the device and
  // type of `weights`: torch's Module::to does not reach it.
  void Fold(const torch::TensorOptions& weights);
};

// A text vector [N, T] as the networks read it: standardised, then projected to 128.
class TextInputImpl : public torch::nn::Module {
 public:
  explicit TextInputImpl(int text);
  // Makes the standardised vectors of texts like `sample` [M, T] uncorrelated, with unit
  // variance in each direction that matters. Products of one category have vectors that
  // differ little, yet all that tells their colour and style lies in that little. Before,
  // vectors are only scaled to unit variance of a component.
  void StandardiseAs(const torch::Tensor& sample);
  torch::Tensor Standardised(const torch::Tensor& text);
  torch::Tensor Project(const torch::Tensor& standardised);

 private:
  torch::Tensor mean_, whiten_;  // [T], [T, T]: kept with the weights
  torch::nn::Linear project_{nullptr};
};
TORCH_MODULE(TextInput);

// text [N, T] -> 128; with noise [N, Z] -> 4x4x16nf; transposed convolutions double the
// side and halve the maps until the image [N, 3, R, R] in [-1, 1].
class GeneratorImpl : public torch::nn::Module {
 public:
  explicit GeneratorImpl(const GanShape& shape);
  torch::Tensor forward(const torch::Tensor& noise, const torch::Tensor& text);
  // Merges batch norm into the layers before it, which are moved to the device and type of
  // `weights`. Evaluation only, and final: the module can no longer be trained or saved.
  void FoldBatchNorm(const torch::TensorOptions& weights);
  TextInput text() { return text_; }

 private:
  TextInput text_{nullptr};
  torch::nn::Linear first_{nullptr};
  torch::nn::BatchNorm2d norm_{nullptr};
  std::vector<ConvNorm> up_;
  std::vector<torch::nn::Linear> steer_;  // scale and shift for each of up_; empty in "tacgan"
  torch::nn::ConvTranspose2d last_{nullptr};
};
TORCH_MODULE(Generator);

// What the discriminator sees in an image before it reads the text.
struct ImageFeatures {
  torch::Tensor map;             // [N, 8nf, R/16, R/16]
  torch::Tensor image_category;  // [N, K] logits, of the image alone
  torch::Tensor overlay;         // [N, 1, R/8, R/8] logits, high where something is laid over
};

// What it says of an image with a text.
struct MatchLogits {
  torch::Tensor source;    // [N], high for a real image that matches
  torch::Tensor category;  // [N, K]
};

// Stride-2 convolutions of nf, 2nf, 4nf and 8nf maps, a 1x1 mix with the text, and four
// heads. In training mode Gaussian noise of 0.1 is added to image and text.
class DiscriminatorImpl : public torch::nn::Module {
 public:
  explicit DiscriminatorImpl(const GanShape& shape);
  // image [N, 3, R, R] in [-1, 1]. The features can be matched with several texts, so
  // that an image is convolved once whatever it is compared with.
  ImageFeatures See(const torch::Tensor& image);
  // map [N, 8nf, R/16, R/16], text [N, T].
  MatchLogits Match(const torch::Tensor& map, const torch::Tensor& text);
  // As GeneratorImpl's.
  void FoldBatchNorm(const torch::TensorOptions& weights);
  TextInput text() { return text_; }

 private:
  torch::Tensor Noisy(const torch::Tensor& x) const;

  TextInput text_{nullptr};
  torch::nn::Linear source_{nullptr}, category_{nullptr}, image_category_{nullptr};
  std::vector<ConvNorm> down_;
  ConvNorm mix_;
  torch::nn::Conv2d overlay_in_{nullptr}, overlay_out_{nullptr};
};
TORCH_MODULE(Discriminator);

}  // namespace mannequin
