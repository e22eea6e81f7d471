#include "common/nn/residual_gan.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/nn/binomial_blur.h"

namespace mannequin {
namespace {

namespace nn = torch::nn;
namespace F = torch::nn::functional;

constexpr double kSlope = 0.2;      // of LeakyReLU
constexpr int kLowest = 4;          // side of the smallest maps
constexpr int kLowestPicture = 32;  // side of the smallest picture
constexpr int kStyle = 256;         // components of what steers the generator's layers
// A cosine that is multiplied with more than this tells texts apart that mean the same.
constexpr double kMaxSharpness = 30;

torch::Tensor Leaky(const torch::Tensor& x) { return torch::leaky_relu(x, kSlope); }

int MapsAt(const GanShape& shape, int side) { return shape.features * std::min(8, shape.resolution / 2 / side); }

// He's deviation for LeakyReLU, times `gain`; biases at 0.
template <typename Layer>
Layer Initialized(Layer layer, double gain) {
  torch::NoGradGuard no_grad;
  const double fan_in = static_cast<double>(layer->weight[0].numel());
  layer->weight.normal_(0, gain * std::sqrt(2 / (1 + kSlope * kSlope) / fan_in));
  if (layer->bias.defined()) layer->bias.zero_();
  return layer;
}

nn::Conv2d Conv(int in, int out, int kernel, int stride, bool bias, double gain) {
  const int padding = kernel == 3 ? 1 : 0;
  return Initialized(nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding).bias(bias)), gain);
}

nn::Linear Dense(std::int64_t in, std::int64_t out, double gain) { return Initialized(nn::Linear(in, out), gain); }

torch::Tensor Doubled(const torch::Tensor& maps) {
  return F::interpolate(
      maps,
      F::InterpolateFuncOptions().scale_factor(std::vector<double>{2, 2}).mode(torch::kBilinear).align_corners(false));
}

torch::Tensor UnitLength(const torch::Tensor& x) {
  return F::normalize(x.to(at::kFloat), F::NormalizeFuncOptions().dim(1).eps(1e-6));
}

}  // namespace

ResidualBlockImpl::ResidualBlockImpl(int maps) {
  first_ = register_module("first", Conv(maps, maps, 3, 1, true, 1));
  second_ = register_module("second", Conv(maps, maps, 3, 1, true, 0));
}

torch::Tensor ResidualBlockImpl::forward(const torch::Tensor& x, const torch::Tensor& steer) {
  torch::Tensor h = first_(Leaky(x));
  if (steer.defined()) {
    const std::vector<torch::Tensor> halves = steer.view({h.size(0), -1, 1, 1}).chunk(2, 1);
    h = torch::addcmul(halves[1], h, 1 + halves[0]);
  }
  return x + second_(Leaky(h));
}

ResidualGenerator::ResidualGenerator(const GanShape& shape) : resolution_(shape.resolution) {
  text_ = register_module("text", TextInput(shape.text));
  style_ = register_module("style", Dense(shape.noise + kProjectedText, kStyle, 1));
  int below = MapsAt(shape, kLowest);
  first_ = register_module("first", Dense(kStyle, std::int64_t{below} * kLowest * kLowest, 1));
  for (int side = kLowest; side <= resolution_ / 2; side *= 2) {
    const int maps = MapsAt(shape, side);
    Level level;
    level.side = side;
    if (side > kLowest) level.narrow = register_module(absl::StrCat("narrow", side), Conv(below, maps, 1, 1, true, 1));
    level.steer = register_module(absl::StrCat("steer", side), Dense(kStyle, 2 * maps, 0.2));
    level.block = register_module(absl::StrCat("block", side), ResidualBlock(maps));
    if (2 * side >= kLowestPicture) {
      level.picture = register_module(absl::StrCat("picture", 2 * side), Conv(maps, 12, 3, 1, true, 0));
    }
    levels_.push_back(level);
    below = maps;
  }
}

torch::Tensor ResidualGenerator::Draw(const torch::Tensor& noise, const torch::Tensor& text, int side) {
  if (side == 0) side = resolution_;
  const torch::Tensor meaning = text_->Project(text_->Standardised(text)).to(noise.dtype());
  const torch::Tensor style = Leaky(style_(torch::cat({noise, meaning}, 1)));
  torch::Tensor h =
      first_(style).view({noise.size(0), -1, kLowest, kLowest}).contiguous(torch::MemoryFormat::ChannelsLast);
  torch::Tensor picture;
  for (Level& level : levels_) {
    if (level.narrow) h = Doubled(level.narrow(h));
    h = level.block(h, level.steer(style));
    if (level.picture) {
      // A pixel shuffle alternates from pixel to pixel by itself; left alone, the mesh stays for thousands of steps.
      const torch::Tensor detail = BinomialBlur(torch::pixel_shuffle(level.picture(Leaky(h)), 2));
      picture = picture.defined() ? Doubled(picture) + detail : detail;
    }
    if (2 * level.side == side) break;
  }
  // No tanh: most products lie on white, and there it would let no gradient through.
  return is_training() ? picture : picture.clamp(-1, 1);
}

void ResidualGenerator::PrepareToServe(const torch::TensorOptions& weights) {
  to(weights.device(), weights.dtype().toScalarType());
}

ResidualDiscriminator::ResidualDiscriminator(const GanShape& shape) : resolution_(shape.resolution) {
  const int nf = shape.features, lowest = MapsAt(shape, kLowest);
  for (int side = resolution_ / 2; side >= kLowest; side /= 2) {
    const int maps = MapsAt(shape, side);
    Level level;
    level.side = side;
    if (side < resolution_ / 2) {
      // Above the lowest picture's side a level starts as nothing: what it reads is added
      // to what the levels below read themselves.
      const double gain = 2 * side >= kLowestPicture ? 0 : 1;
      level.narrow =
          register_module(absl::StrCat("narrow", side), Conv(MapsAt(shape, 2 * side), maps, 2, 2, true, gain));
    }
    level.block = register_module(absl::StrCat("block", side), ResidualBlock(maps));
    if (2 * side >= kLowestPicture) {
      level.read = register_module(absl::StrCat("read", 2 * side), Conv(12, maps, 3, 1, true, 1));
    }
    levels_.push_back(level);
  }
  text_ = register_module("text", TextInput(shape.text));
  const std::int64_t seen = std::int64_t{lowest} * kLowest * kLowest;
  source_in_ = register_module("source_in", Dense(seen, kProjectedText, 1));
  source_ = register_module("source", Dense(kProjectedText, 1, 0.3));
  source_text_ = register_module("source_text", Dense(kProjectedText, kProjectedText, 0.3));
  place_of_image_ = register_module("place_of_image", Dense(seen, kProjectedText, 1));
  place_of_text_ = register_module("place_of_text", Dense(kProjectedText, kProjectedText, 1));
  image_category_ = register_module("image_category", Dense(kProjectedText, shape.categories, 0.3));
  const int overlay_maps = MapsAt(shape, resolution_ / 8);
  overlay_in_ = register_module("overlay_in", Conv(overlay_maps, nf, 1, 1, true, 1));
  overlay_out_ = register_module("overlay_out", Conv(nf, 1, 3, 1, true, 0.3));
  sharpness_ = register_parameter("sharpness", torch::full({1}, 10.0f));
}

ImageFeatures ResidualDiscriminator::See(const torch::Tensor& image) {
  ImageFeatures seen;
  torch::Tensor h;
  // The picture at each side that has a layer to read it.
  torch::Tensor picture = image;
  for (Level& level : levels_) {
    if (2 * level.side > image.size(2)) continue;
    if (h.defined()) h = level.narrow(h);
    if (level.read) {
      if (picture.size(2) > 2 * level.side) picture = torch::avg_pool2d(picture, 2);
      const torch::Tensor read = level.read(torch::pixel_unshuffle(picture, 2));
      h = h.defined() ? h + read : read;
    }
    h = level.block(h);
    if (level.side == resolution_ / 8) seen.overlay = overlay_out_(Leaky(overlay_in_(Leaky(h))));
  }
  seen.map = Leaky(h).flatten(1);
  seen.image_category = image_category_(Leaky(place_of_image_(seen.map)));
  return seen;
}

torch::Tensor ResidualDiscriminator::Meaning(const torch::Tensor& text) {
  return text_->Project(text_->Standardised(text));
}

torch::Tensor ResidualDiscriminator::PlaceOfImage(const torch::Tensor& map) { return UnitLength(place_of_image_(map)); }

torch::Tensor ResidualDiscriminator::PlaceOfText(const torch::Tensor& text) {
  return UnitLength(place_of_text_(Meaning(text).to(place_of_text_->weight.dtype())));
}

torch::Tensor ResidualDiscriminator::Sharpness() { return sharpness_.to(at::kFloat).clamp(1, kMaxSharpness); }

MatchLogits ResidualDiscriminator::Match(const torch::Tensor& map, const torch::Tensor& text) {
  const torch::Tensor h = Leaky(source_in_(map));
  // Projection (Miyato and Koyama 2018, https://arxiv.org/abs/1802.05637).
  const torch::Tensor meant = source_text_(Meaning(text).to(source_text_->weight.dtype()));
  MatchLogits logits;
  logits.source = source_(h).squeeze(1) + (h * meant).sum(1) / std::sqrt(static_cast<double>(kProjectedText));
  logits.match = Sharpness() * (PlaceOfImage(map) * PlaceOfText(text)).sum(1);
  return logits;
}

void ResidualDiscriminator::PrepareToServe(const torch::TensorOptions& weights) {
  to(weights.device(), weights.dtype().toScalarType());
}

}  // namespace mannequin
