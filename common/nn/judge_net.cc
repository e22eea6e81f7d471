#include "common/nn/judge_net.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

namespace nn = torch::nn;
namespace F = torch::nn::functional;

constexpr int kMaps[] = {32, 48, 96, 128, 192};  // at S/4, S/8, ...
constexpr std::size_t kOverlayLevel = 2;         // S/16
static_assert(kJudgeCell == 4 << kOverlayLevel);
constexpr int kOverlayMaps = 64;
constexpr double kMaxSharpness = 30;  // as ResidualDiscriminator's

torch::Tensor Relu(const torch::Tensor& x) { return torch::relu(x); }

torch::Tensor UnitLength(const torch::Tensor& x) {
  return F::normalize(x.to(at::kFloat), F::NormalizeFuncOptions().dim(1).eps(1e-6));
}

// Largest and mean of each map: [N, 2 maps].
torch::Tensor Pooled(const torch::Tensor& maps) { return torch::cat({maps.amax({2, 3}), maps.mean({2, 3})}, 1); }

// He et al. 2015. A block's second norm starts at 0: the block adds nothing at first.
void Initialize(nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (const auto& item : module.named_parameters()) {
    torch::Tensor weight = item.value();
    if (weight.dim() > 1) {
      weight.normal_(0, std::sqrt(2.0 * static_cast<double>(weight.size(0)) / static_cast<double>(weight.numel())));
    } else if (item.key().find("bias") != std::string::npos) {
      weight.zero_();
    } else if (item.key().find("second") != std::string::npos) {
      weight.zero_();
    }
  }
}

}  // namespace

ConvNorm JudgeNet::MakeConv(const std::string& name, int in, int out, int stride) {
  ConvNorm layer;
  layer.conv = register_module(name, nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)));
  layer.norm = register_module(absl::StrCat("norm_", name), nn::BatchNorm2d(out));
  return layer;
}

JudgeNet::JudgeNet(const JudgeShape& shape) {
  int in = 12;  // of two by two pixels
  for (const int maps : kMaps) {
    Level level;
    const std::size_t number = levels_.size();
    level.narrow = MakeConv(absl::StrCat("narrow", number), in, maps, 2);
    if (number > 0) level.first = MakeConv(absl::StrCat("first", number), maps, maps, 1);
    if (number > 1) level.second = MakeConv(absl::StrCat("second", number), maps, maps, 1);
    levels_.push_back(level);
    in = maps;
  }
  around_ = MakeConv("around", kMaps[kOverlayLevel + 1], kMaps[kOverlayLevel], 1);
  overlay_in_ = MakeConv("overlay_in", kMaps[kOverlayLevel], kOverlayMaps, 1);
  overlay_out_ = register_module("overlay_out", nn::Conv2d(nn::Conv2dOptions(kOverlayMaps, 1, 1)));
  overlaid_ = register_module("overlaid", nn::Linear(2 * kOverlayMaps, 1));
  place_of_image_ = register_module("place_of_image", nn::Linear(2 * in, kProjectedText));
  category_ = register_module("category", nn::Linear(2 * in, shape.categories));
  if (shape.colors > 0) color_ = register_module("color", nn::Linear(2 * in, shape.colors));
  place_of_text_ = register_module("place_of_text", nn::Linear(kProjectedText, kProjectedText));
  Initialize(*this);
  text_ = register_module("text", TextInput(shape.text));
  sharpness_ = register_parameter("sharpness", torch::full({1}, 10.0f));
}

JudgeFeatures JudgeNet::See(const torch::Tensor& image) { return SeeBlocks(torch::pixel_unshuffle(image, 2)); }

JudgeFeatures JudgeNet::SeeBlocks(const torch::Tensor& blocks) {
  JudgeFeatures seen;
  torch::Tensor h = blocks, at_overlay, below;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    Level& level = levels_[i];
    h = Relu(level.narrow(h));
    if (level.second.conv) {
      h = Relu(h + level.second(Relu(level.first(h))));
    } else if (level.first.conv) {
      h = Relu(level.first(h));
    }
    if (i == kOverlayLevel) at_overlay = h;
    if (i == kOverlayLevel + 1) below = h;
  }
  const std::vector<std::int64_t> cells = {at_overlay.size(2), at_overlay.size(3)};
  const torch::Tensor around =
      F::interpolate(around_(below), F::InterpolateFuncOptions().size(cells).mode(torch::kNearest));
  const torch::Tensor overlay = Relu(overlay_in_(Relu(at_overlay + around)));
  seen.overlay = overlay_out_(overlay);
  seen.overlaid = overlaid_(Pooled(overlay)).squeeze(1);
  const torch::Tensor whole = Pooled(h);
  seen.place = UnitLength(place_of_image_(whole));
  seen.category = category_(whole);
  if (color_) seen.color = color_(whole);
  return seen;
}

torch::Tensor JudgeNet::PlaceOfText(const torch::Tensor& text) {
  const torch::Tensor meaning = text_->Project(text_->Standardised(text));
  return UnitLength(place_of_text_(meaning.to(place_of_text_->weight.dtype())));
}

torch::Tensor JudgeNet::Sharpness() { return sharpness_.to(at::kFloat).clamp(1, kMaxSharpness); }

void JudgeNet::PrepareToServe(const torch::TensorOptions& weights) {
  for (Level& level : levels_) {
    for (ConvNorm* layer : {&level.narrow, &level.first, &level.second}) {
      if (layer->conv) layer->Fold(weights);
    }
  }
  around_.Fold(weights);
  overlay_in_.Fold(weights);
  to(weights.device(), weights.dtype().toScalarType());
}

}  // namespace mannequin
