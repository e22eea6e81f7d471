#include "common/nn/binomial_blur.h"

#include "gtest/gtest.h"

namespace mannequin {
namespace {

torch::Tensor TwoAverages(const torch::Tensor& picture) {
  return torch::avg_pool2d(torch::avg_pool2d(picture, 2, 1), 2, 1, 1, false, false);
}

// Pictures of several sizes, planes apart or interleaved.
std::vector<torch::Tensor> Pictures() {
  torch::manual_seed(5);
  std::vector<torch::Tensor> pictures;
  for (const int width : {2, 3, 4, 5, 16}) {
    const torch::Tensor picture = torch::randn({2, 3, 7, width});
    pictures.push_back(picture);
    pictures.push_back(picture.contiguous(torch::MemoryFormat::ChannelsLast));
  }
  return pictures;
}

TEST(BinomialBlur, IsTwoAveragesOverTwoByTwoPixels) {
  for (const torch::Tensor& picture : Pictures()) {
    const torch::Tensor blurred = BinomialBlur(picture);
    EXPECT_TRUE(torch::allclose(blurred, TwoAverages(picture), 1e-5, 1e-6)) << picture.sizes();
    EXPECT_EQ(blurred.suggest_memory_format(), picture.suggest_memory_format());
  }
}

TEST(BinomialBlur, HasTheGradientOfThoseAverages) {
  for (const torch::Tensor& picture : Pictures()) {
    const torch::Tensor weights = torch::randn_like(picture);
    const torch::Tensor ours = picture.detach().clone().set_requires_grad(true);
    const torch::Tensor theirs = picture.detach().clone().set_requires_grad(true);
    (BinomialBlur(ours) * weights).sum().backward();
    (TwoAverages(theirs) * weights).sum().backward();
    EXPECT_TRUE(torch::allclose(ours.grad(), theirs.grad(), 1e-5, 1e-6)) << picture.sizes();
  }
}

TEST(BinomialBlur, OfBfloat16DiffersByRoundingOnly) {
  const torch::Tensor picture = Pictures().back();
  const torch::Tensor blurred = BinomialBlur(picture.to(at::kBFloat16));
  EXPECT_EQ(blurred.scalar_type(), at::kBFloat16);
  EXPECT_LT((blurred.to(at::kFloat) - TwoAverages(picture)).abs().max().item<float>(), 0.02);
}

TEST(BinomialBlur, TakesAwayWhatAlternates) {
  const torch::Tensor mesh = torch::tensor({1.0f, -1.0f}).repeat({8}).view({1, 1, 1, 16}).repeat({1, 1, 4, 1});
  const torch::Tensor blurred = BinomialBlur(mesh).slice(3, 1, 15);
  EXPECT_LT(blurred.abs().max().item<float>(), 1e-6);
}

}  // namespace
}  // namespace mannequin
