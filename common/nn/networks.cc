#include "common/nn/networks.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/check_range.h"

namespace mannequin {
namespace {

namespace nn = torch::nn;

constexpr int kProjected = 128;  // components of the projected text
constexpr double kSlope = 0.2;   // of LeakyReLU
constexpr double kNoise = 0.1;   // standard deviation added to D's inputs
// Directions in which texts vary less than this share of the widest are not widened to
// unit variance: they hold inference noise.
constexpr double kLeastVariance = 0.01;

torch::Tensor Leaky(const torch::Tensor& x) { return torch::leaky_relu(x, kSlope); }

nn::Conv2d Conv(int in, int out, int kernel, int stride, int padding, bool bias) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding).bias(bias));
}

nn::ConvTranspose2d Up(int in, int out, bool bias) {
  return nn::ConvTranspose2d(nn::ConvTranspose2dOptions(in, out, 4).stride(2).padding(1).bias(bias));
}

// Batch norm in evaluation is x * scale + shift, one of each for a channel.
struct Affine {
  torch::Tensor scale, shift;
};

Affine AffineOf(const nn::BatchNorm2d& norm) {
  const torch::Tensor scale = norm->weight / torch::sqrt(norm->running_var + norm->options.eps());
  return {scale, norm->bias - norm->running_mean * scale};
}

}  // namespace

absl::Status CheckShape(const GanShape& shape) {
  if (shape.preset != "tacgan" && shape.preset != "mannequin") {
    return absl::InvalidArgumentError(
        absl::StrCat("preset: \"", shape.preset, "\" is not known; there are \"mannequin\" and \"tacgan\""));
  }
  if (shape.resolution != 64 && shape.resolution != 128) {
    return absl::InvalidArgumentError(absl::StrCat("resolution: ", shape.resolution, " is not 64 or 128"));
  }
  for (const absl::Status& status :
       {CheckRange("features", shape.features, 8, 256), CheckRange("noise_dimension", shape.noise, 1, 1024),
        CheckRange("text dimension", shape.text, 1, 4096), CheckRange("categories", shape.categories, 2, 100'000)}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

torch::Tensor ConvNorm::operator()(const torch::Tensor& x) {
  const torch::Tensor y = conv ? conv(x) : up(x);
  return norm ? norm(y) : y;
}

void ConvNorm::Fold(const torch::TensorOptions& weights) {
  torch::NoGradGuard no_grad;
  const Affine affine = AffineOf(norm);
  if (conv) {  // weight [out, in, h, w]
    conv->weight.mul_(affine.scale.view({-1, 1, 1, 1}));
    conv->bias = affine.shift.to(weights);
  } else {  // weight [in, out, h, w]
    up->weight.mul_(affine.scale.view({1, -1, 1, 1}));
    up->bias = affine.shift.to(weights);
  }
  norm = nn::BatchNorm2d(nullptr);
}

TextInputImpl::TextInputImpl(int text) {
  mean_ = register_buffer("mean", torch::zeros({text}));
  whiten_ = register_buffer("whiten", torch::eye(text) * std::sqrt(static_cast<double>(text)));
  project_ = register_module("project", nn::Linear(text, kProjected));
}

void TextInputImpl::StandardiseAs(const torch::Tensor& sample) {
  torch::NoGradGuard no_grad;
  const torch::Tensor texts = sample.to(at::kDouble);
  const torch::Tensor mean = texts.mean(0), centred = texts - mean;
  const auto [variances, directions] =
      torch::linalg_eigh(torch::matmul(centred.t(), centred) / static_cast<double>(texts.size(0)));
  const torch::Tensor widened = torch::rsqrt(variances.clamp_min(0) + kLeastVariance * variances.max() + 1e-12);
  mean_.copy_(mean);
  whiten_.copy_(torch::matmul(directions * widened, directions.t()));
}

torch::Tensor TextInputImpl::Standardised(const torch::Tensor& text) { return torch::matmul(text - mean_, whiten_); }

torch::Tensor TextInputImpl::Project(const torch::Tensor& standardised) { return Leaky(project_(standardised)); }

GeneratorImpl::GeneratorImpl(const GanShape& shape) {
  int maps = 16 * shape.features;
  text_ = register_module("text", TextInput(shape.text));
  first_ = register_module("first", nn::Linear(shape.noise + kProjected, maps * 16));
  norm_ = register_module("norm", nn::BatchNorm2d(maps));
  for (int side = 8; side < shape.resolution; side *= 2, maps /= 2) {
    ConvNorm layer;
    layer.up = register_module(absl::StrCat("up", side), Up(maps, maps / 2, false));
    layer.norm = register_module(absl::StrCat("norm", side), nn::BatchNorm2d(maps / 2));
    up_.push_back(layer);
    if (shape.preset == "mannequin") {
      steer_.push_back(register_module(absl::StrCat("steer", side), nn::Linear(kProjected, maps)));
    }
  }
  last_ = register_module("last", Up(maps, 3, true));
}

torch::Tensor GeneratorImpl::forward(const torch::Tensor& noise, const torch::Tensor& text) {
  const torch::Tensor meaning = text_->Project(text_->Standardised(text)).to(noise.dtype());
  torch::Tensor h = first_(torch::cat({noise, meaning}, 1)).view({noise.size(0), -1, 4, 4});
  h = h.contiguous(torch::MemoryFormat::ChannelsLast);
  h = torch::relu(norm_ ? norm_(h) : h);
  for (std::size_t i = 0; i < up_.size(); ++i) {
    h = up_[i](h);
    if (!steer_.empty()) {
      const std::vector<torch::Tensor> steered = steer_[i](meaning).view({h.size(0), -1, 1, 1}).chunk(2, 1);
      h = torch::addcmul(steered[1], h, 1 + steered[0]);
    }
    h = torch::relu(h);
  }
  return torch::tanh(last_(h));
}

void GeneratorImpl::FoldBatchNorm(const torch::TensorOptions& weights) {
  torch::NoGradGuard no_grad;
  // A channel of the first map is 16 consecutive outputs of the linear layer.
  const Affine affine = AffineOf(norm_);
  const torch::Tensor scale = affine.scale.repeat_interleave(16);
  first_->weight.mul_(scale.unsqueeze(1));
  first_->bias.mul_(scale).add_(affine.shift.repeat_interleave(16));
  norm_ = nn::BatchNorm2d(nullptr);
  for (ConvNorm& layer : up_) layer.Fold(weights);
  to(weights.device(), weights.dtype().toScalarType());
}

DiscriminatorImpl::DiscriminatorImpl(const GanShape& shape) {
  const int nf = shape.features;
  int in = 3;
  for (int maps = nf; maps <= 8 * nf; maps *= 2) {
    ConvNorm layer;
    layer.conv = register_module(absl::StrCat("down", maps / nf), Conv(in, maps, 4, 2, 1, false));
    layer.norm = register_module(absl::StrCat("norm", maps / nf), nn::BatchNorm2d(maps));
    down_.push_back(layer);
    in = maps;
  }
  text_ = register_module("text", TextInput(shape.text));
  mix_.conv = register_module("mix", Conv(in + kProjected, in, 1, 1, 0, false));
  mix_.norm = register_module("norm_mix", nn::BatchNorm2d(in));
  const int side = shape.resolution / 16;
  source_ = register_module("source", nn::Linear(in * side * side, 1));
  category_ = register_module("category", nn::Linear(in * side * side, shape.categories));
  image_category_ = register_module("image_category", nn::Linear(in, shape.categories));
  overlay_in_ = register_module("overlay_in", Conv(4 * nf, nf, 1, 1, 0, true));
  overlay_out_ = register_module("overlay_out", Conv(nf, 1, 3, 1, 1, true));
}

torch::Tensor DiscriminatorImpl::Noisy(const torch::Tensor& x) const {
  return is_training() ? x + kNoise * torch::randn_like(x) : x;
}

ImageFeatures DiscriminatorImpl::See(const torch::Tensor& image) {
  ImageFeatures seen;
  torch::Tensor h = Noisy(image);
  for (std::size_t i = 0; i < down_.size(); ++i) {
    h = Leaky(down_[i](h));
    if (i == 2) seen.overlay = overlay_out_(Leaky(overlay_in_(h)));
  }
  seen.map = h;
  seen.image_category = image_category_(h.mean({2, 3}));
  return seen;
}

MatchLogits DiscriminatorImpl::Match(const torch::Tensor& map, const torch::Tensor& text) {
  const torch::Tensor meaning = text_->Project(Noisy(text_->Standardised(text)));
  const torch::Tensor tiled =
      meaning.view({meaning.size(0), meaning.size(1), 1, 1}).expand({-1, -1, map.size(2), map.size(3)});
  const torch::Tensor mixed = Leaky(mix_(torch::cat({map, tiled.to(map.dtype())}, 1)));
  const torch::Tensor flat = mixed.flatten(1);
  return {source_(flat).squeeze(1), category_(flat)};
}

void DiscriminatorImpl::FoldBatchNorm(const torch::TensorOptions& weights) {
  for (ConvNorm& layer : down_) layer.Fold(weights);
  mix_.Fold(weights);
  to(weights.device(), weights.dtype().toScalarType());
}

}  // namespace mannequin
