#include "common/nn/losses.h"

#include <cmath>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(SourceLoss, LsganIsTheMeanSquaredDistance) {
  const torch::Tensor logits = torch::tensor({0.5f, 2.0f});
  EXPECT_NEAR(SourceLoss(GanLossKind::kLsgan, logits, 1).item<double>(), (0.25 + 1) / 2, 1e-6);
  EXPECT_NEAR(SourceLoss(GanLossKind::kLsgan, logits, torch::tensor({0.0f, 1.0f})).item<double>(), (0.25 + 1) / 2,
              1e-6);
  EXPECT_NEAR(SourceLoss(GanLossKind::kLsgan, logits, 0).item<double>(), (0.25 + 4) / 2, 1e-6);
}

TEST(SourceLoss, BceIsTheLogLikelihood) {
  const torch::Tensor logits = torch::tensor({0.0f, static_cast<float>(std::log(3.0))});
  EXPECT_NEAR(SourceLoss(GanLossKind::kBce, logits, 1).item<double>(), -(std::log(0.5) + std::log(0.75)) / 2, 1e-6);
  EXPECT_NEAR(SourceLoss(GanLossKind::kBce, logits, 0).item<double>(), -(std::log(0.5) + std::log(0.25)) / 2, 1e-6);
}

TEST(ParseGanLoss, KnowsWhatEachPresetTakes) {
  EXPECT_EQ(*ParseGanLoss("", "tacgan"), GanLossKind::kLsgan);
  EXPECT_EQ(*ParseGanLoss("bce", "tacgan"), GanLossKind::kBce);
  EXPECT_EQ(*ParseGanLoss("", "mannequin"), GanLossKind::kRelativistic);
  EXPECT_EQ(*ParseGanLoss("relativistic", "mannequin"), GanLossKind::kRelativistic);
  EXPECT_EQ(ParseGanLoss("relativistic", "tacgan").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseGanLoss("lsgan", "mannequin").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseGanLoss("wgan", "tacgan").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PairLoss, IsLogTwoWhenUndecidedAndFallsAsTheWinnerLeads) {
  const torch::Tensor zero = torch::zeros({2});
  EXPECT_NEAR(PairLoss(zero, zero).item<double>(), std::log(2.0), 1e-6);
  EXPECT_NEAR(PairLoss(zero + 3, zero).item<double>(), std::log1p(std::exp(-3.0)), 1e-6);
}

TEST(GradientPenalty, IsTheSquaredGradientOfEachImageAveraged) {
  // logit = weight . image, so the gradient is the weight whatever the image.
  const torch::Tensor weight = torch::tensor({3.0f, 4.0f, 0.0f}).view({1, 3, 1, 1}).set_requires_grad(true);
  const torch::Tensor images = torch::randn({5, 3, 1, 1}).set_requires_grad(true);
  const torch::Tensor penalty = GradientPenalty((weight * images).sum({1, 2, 3}), images);
  EXPECT_NEAR(penalty.item<double>(), 25, 1e-4);
  penalty.backward();  // d |w|^2 / dw = 2 w
  EXPECT_NEAR(weight.grad().flatten()[1].item<double>(), 8, 1e-4);
}

TEST(Ema, FollowsTheLiveWeightsWithItsDecay) {
  torch::nn::Linear live(1, 1), average(1, 1);
  torch::NoGradGuard no_grad;
  live->weight.fill_(1);
  Ema ema(*live, *average, 0.5);
  EXPECT_EQ(average->weight.item<float>(), 1);
  live->weight.fill_(3);
  ema.Update();  // decay min(0.5, 1/10)
  EXPECT_NEAR(average->weight.item<float>(), 0.1 * 1 + 0.9 * 3, 1e-6);
  ema.set_updates(1000);
  live->weight.fill_(0);
  ema.Update();  // decay 0.5
  EXPECT_NEAR(average->weight.item<float>(), 2.8 / 2, 1e-6);
}

}  // namespace
}  // namespace mannequin
