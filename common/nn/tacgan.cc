#include "common/nn/tacgan.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

namespace nn = torch::nn;

constexpr double kSlope = 0.2;  // of LeakyReLU
constexpr std::int64_t kNoises = std::int64_t{1} << 23;
constexpr std::uint64_t kNoiseSeed = 1;
constexpr double kNoise = 0.1;    // standard deviation added to D's inputs
constexpr double kWeight = 0.02;  // standard deviation of DCGAN's initial weights

// In place: what comes in is a layer's fresh output, which its backward pass does not need.
torch::Tensor Leaky(torch::Tensor x) { return torch::leaky_relu_(x, kSlope); }

nn::Conv2d Conv(int in, int out, int kernel, int stride, int padding, bool bias) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding).bias(bias));
}

nn::ConvTranspose2d Up(int in, int out, bool bias) {
  return nn::ConvTranspose2d(nn::ConvTranspose2dOptions(in, out, 4).stride(2).padding(1).bias(bias));
}

// Of a transposed convolution [in, out, 4, 4]: what makes its columns of an image, [out 4 4, in].
torch::Tensor ProductOf(const torch::Tensor& up) { return up.permute({1, 2, 3, 0}).reshape({-1, up.size(0)}); }

// Batch norm's scale starts at N(1, 0.02), biases at 0.
void Initialize(nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (const auto& item : module.named_parameters()) {
    torch::Tensor weight = item.value();
    const bool scale = item.key().rfind("norm", 0) == 0 && item.key().find("weight") != std::string::npos;
    if (weight.dim() > 1 || scale) {
      weight.normal_(scale ? 1 : 0, kWeight);
    } else {
      weight.zero_();
    }
  }
}

}  // namespace

TacganGenerator::TacganGenerator(const GanShape& shape) : resolution_(shape.resolution) {
  int maps = 16 * shape.features;
  text_ = register_module("text", TextInput(shape.text));
  first_ = register_module("first", nn::Linear(shape.noise + kProjectedText, maps * 16));
  norm_ = register_module("norm", nn::BatchNorm2d(maps));
  for (int side = 8; side < shape.resolution; side *= 2, maps /= 2) {
    ConvNorm layer;
    layer.up = register_module(absl::StrCat("up", side), Up(maps, maps / 2, false));
    layer.norm = register_module(absl::StrCat("norm", side), nn::BatchNorm2d(maps / 2));
    up_.push_back(layer);
  }
  last_ = register_module("last", Up(maps, 3, true));
  Initialize(*this);
}

torch::Tensor TacganGenerator::Draw(const torch::Tensor& noise, const torch::Tensor& text, int side) {
  TORCH_CHECK(side == 0 || side == resolution_, "preset tacgan draws at its resolution only");
  const torch::Tensor meaning = text_->Project(text_->Standardised(text)).to(noise.dtype());
  torch::Tensor h = first_(torch::cat({noise, meaning}, 1)).view({noise.size(0), -1, 4, 4});
  h = h.contiguous(torch::MemoryFormat::ChannelsLast);
  h = norm_ ? norm_(h) : h;
  torch::relu_(h);
  for (std::size_t i = 0; i < up_.size(); ++i) {
    h = i == 0 && h.device().is_cpu() ? FirstUp(h) : up_[i](h);
    torch::relu_(h);
  }
  return torch::tanh(last_(h));
}

// The first transposed convolution as a product of matrices: with 16 places and many maps the
// library's own takes three times as long for one image, and its backward pass twice as long.
torch::Tensor TacganGenerator::FirstUp(const torch::Tensor& x) {
  const std::int64_t count = x.size(0), maps = x.size(1), places = x.size(2) * x.size(3);
  const torch::Tensor columns = torch::linear(x.permute({0, 2, 3, 1}).reshape({count * places, maps}),
                                              product_.defined() ? product_ : ProductOf(up_[0].up->weight));
  torch::Tensor up =
      nn::functional::fold(columns.view({count, places, -1}).transpose(1, 2),
                           nn::functional::FoldFuncOptions({2 * x.size(2), 2 * x.size(3)}, {4, 4}).padding(1).stride(2))
          .contiguous(torch::MemoryFormat::ChannelsLast);
  if (up_[0].up->bias.defined()) up = up + up_[0].up->bias.view({1, -1, 1, 1});
  return up_[0].norm ? up_[0].norm(up) : up;
}

void TacganGenerator::PrepareToServe(const torch::TensorOptions& weights) {
  torch::NoGradGuard no_grad;
  // A channel of the first map is 16 consecutive outputs of the linear layer.
  const Affine affine = AffineOf(norm_);
  const torch::Tensor scale = affine.scale.repeat_interleave(16);
  first_->weight.mul_(scale.unsqueeze(1));
  first_->bias.mul_(scale).add_(affine.shift.repeat_interleave(16));
  norm_ = nn::BatchNorm2d(nullptr);
  for (ConvNorm& layer : up_) layer.Fold(weights);
  to(weights.device(), weights.dtype().toScalarType());
  product_ = ProductOf(up_[0].up->weight).contiguous();
}

TacganDiscriminator::TacganDiscriminator(const GanShape& shape) {
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
  mix_.conv = register_module("mix", Conv(in + kProjectedText, in, 1, 1, 0, false));
  mix_.norm = register_module("norm_mix", nn::BatchNorm2d(in));
  const int side = shape.resolution / 16;
  source_ = register_module("source", nn::Linear(in * side * side, 1));
  category_ = register_module("category", nn::Linear(in * side * side, shape.categories));
  image_category_ = register_module("image_category", nn::Linear(in, shape.categories));
  overlay_in_ = register_module("overlay_in", Conv(4 * nf, nf, 1, 1, 0, true));
  overlay_out_ = register_module("overlay_out", Conv(nf, 1, 3, 1, 1, true));
  Initialize(*this);
}

torch::Tensor TacganDiscriminator::Noisy(const torch::Tensor& x) {
  if (!is_training()) return x;
  if (!noise_.defined() || noise_.device() != x.device()) {
    noise_ = torch::randn({kNoises}, at::make_generator<at::CPUGeneratorImpl>(kNoiseSeed)).to(x.device());
  }
  TORCH_CHECK(x.is_non_overlapping_and_dense(), "noise is laid over memory without gaps");
  // A part that begins at random, in the order that memory has, repeated where it is too short.
  const std::int64_t first = torch::randint(kNoises / 2, {1}, at::kLong).item<std::int64_t>();
  const std::int64_t count = x.numel(), length = std::min(count, kNoises - first);
  torch::Tensor part = noise_.narrow(0, first, length);
  if (length < count) part = part.repeat({(count + length - 1) / length}).narrow(0, 0, count);
  return torch::add(x, torch::as_strided(part, x.sizes(), x.strides()), kNoise);
}

ImageFeatures TacganDiscriminator::See(const torch::Tensor& image) {
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

MatchLogits TacganDiscriminator::Match(const torch::Tensor& map, const torch::Tensor& text) {
  const torch::Tensor meaning = text_->Project(Noisy(text_->Standardised(text)));
  const torch::Tensor tiled =
      meaning.view({meaning.size(0), meaning.size(1), 1, 1}).expand({-1, -1, map.size(2), map.size(3)});
  const torch::Tensor mixed = Leaky(mix_(torch::cat({map, tiled.to(map.dtype())}, 1)));
  const torch::Tensor flat = mixed.flatten(1);
  const torch::Tensor source = source_(flat).squeeze(1);
  return {source, source, category_(flat)};
}

void TacganDiscriminator::PrepareToServe(const torch::TensorOptions& weights) {
  for (ConvNorm& layer : down_) layer.Fold(weights);
  mix_.Fold(weights);
  to(weights.device(), weights.dtype().toScalarType());
}

}  // namespace mannequin
