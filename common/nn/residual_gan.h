// Preset "mannequin": residual networks without normalisation, after R3GAN (Huang et al.
// 2024, https://arxiv.org/abs/2501.05441), made cheap for a few cores.
//
// Both networks are pyramids over the sides 4, 8, ..., R/2, with max(nf, ...) maps: nf at
// R/2, twice as many at each half of the side, 8nf at most. The image itself is made (and
// read) at R/2 as 12 maps, which a pixel shuffle turns into 3 maps of side R, so that no
// convolution runs at the full side; a small blur takes the mesh out of what was
// shuffled. A picture is the sum of one of each side from 32 to
// R (StyleGAN2's skip connections, Karras et al. 2020): the networks can be trained at a
// lower side first, and what the higher sides add starts at nothing.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "common/nn/networks.h"

namespace mannequin {

// x + second(leaky(first(leaky(x)))), 3x3 convolutions of `maps`; what it adds starts at 0.
class ResidualBlockImpl : public torch::nn::Module {
 public:
  explicit ResidualBlockImpl(int maps);
  // `steer` [N, 2 maps], if given, scales (1 + the first half) and shifts the maps between
  // the two (FiLM, Perez et al. 2018): a colour reaches the pixels without passing
  // through the shape.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& steer = {});

 private:
  torch::nn::Conv2d first_{nullptr}, second_{nullptr};
};
TORCH_MODULE(ResidualBlock);

class ResidualGenerator : public GeneratorNet {
 public:
  explicit ResidualGenerator(const GanShape& shape);
  torch::Tensor Draw(const torch::Tensor& noise, const torch::Tensor& text, int side) override;
  void PrepareToServe(const torch::TensorOptions& weights) override;
  TextInput text() override { return text_; }

 private:
  struct Level {  // of one side of the maps
    int side = 0;
    torch::nn::Conv2d narrow{nullptr};  // to this level's maps, at the side below; empty at 4
    torch::nn::Linear steer{nullptr};
    ResidualBlock block{nullptr};
    torch::nn::Conv2d picture{nullptr};  // 12 maps: a picture of twice the side; empty below 16
  };

  const int resolution_;
  TextInput text_{nullptr};
  torch::nn::Linear style_{nullptr}, first_{nullptr};
  std::vector<Level> levels_;
};

// ImageFeatures.map is [N, 4 x 4 x 8nf].
class ResidualDiscriminator : public DiscriminatorNet {
 public:
  explicit ResidualDiscriminator(const GanShape& shape);
  ImageFeatures See(const torch::Tensor& image) override;
  MatchLogits Match(const torch::Tensor& map, const torch::Tensor& text) override;
  void PrepareToServe(const torch::TensorOptions& weights) override;
  TextInput text() override { return text_; }
  // [N, kProjectedText], unit length: where an image lies, and where a text does. Their dot
  // product is the cosine behind MatchLogits.match.
  torch::Tensor PlaceOfImage(const torch::Tensor& map);
  torch::Tensor PlaceOfText(const torch::Tensor& text);
  // What a cosine is multiplied with, learnt; [1].
  torch::Tensor Sharpness();

 private:
  struct Level {
    int side = 0;
    torch::nn::Conv2d read{nullptr};    // of a picture of twice the side; empty below 16
    torch::nn::Conv2d narrow{nullptr};  // from twice this side; empty at R/2
    ResidualBlock block{nullptr};       // empty at R/2
  };

  torch::Tensor Meaning(const torch::Tensor& text);

  const int resolution_;
  TextInput text_{nullptr};
  std::vector<Level> levels_;  // from R/2 down to 4
  torch::nn::Linear source_in_{nullptr}, source_{nullptr}, source_text_{nullptr};
  torch::nn::Linear place_of_image_{nullptr}, place_of_text_{nullptr}, image_category_{nullptr};
  torch::nn::Conv2d overlay_in_{nullptr}, overlay_out_{nullptr};
  torch::Tensor sharpness_;
};

}  // namespace mannequin
