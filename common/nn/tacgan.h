// Preset "tacgan": a text-conditional generator and discriminator after TAC-GAN (Dash et
// al. 2017, https://arxiv.org/abs/1703.06412), as the prototype had them, with two heads of
// our own on the discriminator: the category of the image alone, and a map of overlays.
#pragma once

#include <memory>
#include <vector>

#include "common/nn/conv_norm.h"
#include "common/nn/networks.h"

namespace mannequin {

// text [N, T] -> 128; with noise [N, Z] -> 4x4x16nf; transposed convolutions double the
// side and halve the maps until the image.
class TacganGenerator : public GeneratorNet {
 public:
  explicit TacganGenerator(const GanShape& shape);
  torch::Tensor Draw(const torch::Tensor& noise, const torch::Tensor& text, int side) override;
  void PrepareToServe(const torch::TensorOptions& weights) override;
  TextInput text() override { return text_; }

 private:
  torch::Tensor FirstUp(const torch::Tensor& x);

  const int resolution_;
  TextInput text_{nullptr};
  torch::nn::Linear first_{nullptr};
  torch::nn::BatchNorm2d norm_{nullptr};
  std::vector<ConvNorm> up_;
  torch::nn::ConvTranspose2d last_{nullptr};
  torch::Tensor product_;  // ProductOf the first of up_, once it serves
};

// Stride-2 convolutions of nf, 2nf, 4nf and 8nf maps, a 1x1 mix with the text, and four
// heads. In training mode Gaussian noise of 0.1 is added to image and text.
// ImageFeatures.map is [N, 8nf, R/16, R/16].
class TacganDiscriminator : public DiscriminatorNet {
 public:
  explicit TacganDiscriminator(const GanShape& shape);
  ImageFeatures See(const torch::Tensor& image) override;
  MatchLogits Match(const torch::Tensor& map, const torch::Tensor& text) override;
  void PrepareToServe(const torch::TensorOptions& weights) override;
  TextInput text() override { return text_; }

 private:
  torch::Tensor Noisy(const torch::Tensor& x);

  TextInput text_{nullptr};
  torch::nn::Linear source_{nullptr}, category_{nullptr}, image_category_{nullptr};
  std::vector<ConvNorm> down_;
  ConvNorm mix_;
  torch::nn::Conv2d overlay_in_{nullptr}, overlay_out_{nullptr};
  torch::Tensor noise_;  // [kNoises], drawn once: to draw them anew took a fourteenth of a step
};

}  // namespace mannequin
