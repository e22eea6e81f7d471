#include "common/nn/text_input.h"

#include <cmath>

namespace mannequin {
namespace {

// Directions in which texts vary less than this share of the widest are not widened to
// unit variance: they hold inference noise.
constexpr double kLeastVariance = 0.01;

}  // namespace

TextInputImpl::TextInputImpl(int text) {
  mean_ = register_buffer("mean", torch::zeros({text}));
  whiten_ = register_buffer("whiten", torch::eye(text) * std::sqrt(static_cast<double>(text)));
  project_ = register_module("project", torch::nn::Linear(text, kProjectedText));
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

torch::Tensor TextInputImpl::Project(const torch::Tensor& standardised) {
  return torch::leaky_relu(project_(standardised), 0.2);
}

}  // namespace mannequin
