#include "common/nn/networks.h"

#include "gtest/gtest.h"

namespace mannequin {
namespace {

using Sizes = std::vector<std::int64_t>;

Sizes SizesOf(const torch::Tensor& tensor) { return tensor.sizes().vec(); }

class NetworksAt : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(NetworksAt, GiveTheDocumentedShapes) {
  const auto& [preset, resolution] = GetParam();
  const GanShape shape{
      .preset = preset, .resolution = resolution, .features = 8, .noise = 10, .text = 12, .categories = 5};
  torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  const auto generator = MakeGenerator(shape);
  const auto discriminator = MakeDiscriminator(shape);
  generator->eval();
  const torch::Tensor text = torch::randn({3, 12});
  const torch::Tensor image = generator->Draw(torch::randn({3, 10}), text);
  EXPECT_EQ(SizesOf(image), (Sizes{3, 3, resolution, resolution}));
  EXPECT_LE(image.abs().max().item<float>(), 1);
  const ImageFeatures seen = discriminator->See(image);
  EXPECT_EQ(seen.map.size(0), 3);
  EXPECT_EQ(SizesOf(seen.image_category), (Sizes{3, 5}));
  EXPECT_EQ(SizesOf(seen.overlay), (Sizes{3, 1, resolution / 8, resolution / 8}));
  const MatchLogits match = discriminator->Match(seen.map, text);
  EXPECT_EQ(SizesOf(match.source), (Sizes{3}));
  EXPECT_EQ(SizesOf(match.match), (Sizes{3}));
}

INSTANTIATE_TEST_SUITE_P(Resolution, NetworksAt,
                         testing::Combine(testing::Values("tacgan", "mannequin"), testing::Values(64, 128, 256)));

// Batch norm with statistics that are not the initial ones.
void Disturb(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : module.parameters()) {
    parameter.add_((parameter.dim() == 1 ? 0.3 : 0.02) * torch::randn_like(parameter));
  }
  for (torch::Tensor& buffer : module.buffers()) {
    if (buffer.is_floating_point()) buffer.add_(0.5 * torch::rand_like(buffer));
  }
}

class NetworksOf : public testing::TestWithParam<const char*> {};

// Both networks with weights of all kinds, and what they say before anything is folded.
struct Disturbed {
  explicit Disturbed(const char* preset)
      : shape{.preset = preset, .resolution = 64, .features = 8, .noise = 10, .text = 12, .categories = 5},
        generator(MakeGenerator(shape)),
        discriminator(MakeDiscriminator(shape)) {
    torch::manual_seed(2);
    Disturb(*generator);
    Disturb(*discriminator);
    generator->eval();
    discriminator->eval();
    noise = torch::randn({2, 10});
    text = torch::randn({2, 12});
    image = generator->Draw(noise, text);
    seen = discriminator->See(image);
    match = discriminator->Match(seen.map, text);
  }

  torch::NoGradGuard no_grad;
  GanShape shape;
  std::shared_ptr<GeneratorNet> generator;
  std::shared_ptr<DiscriminatorNet> discriminator;
  torch::Tensor noise, text, image;
  ImageFeatures seen;
  MatchLogits match;
};

TEST_P(NetworksOf, PreparingToServeChangesNoAnswer) {
  Disturbed nets(GetParam());
  nets.generator->PrepareToServe(at::kFloat);
  nets.discriminator->PrepareToServe(at::kFloat);
  EXPECT_TRUE(torch::allclose(nets.generator->Draw(nets.noise, nets.text), nets.image, 1e-3, 1e-4));
  const ImageFeatures folded = nets.discriminator->See(nets.image);
  EXPECT_TRUE(torch::allclose(folded.image_category, nets.seen.image_category, 1e-3, 1e-3));
  EXPECT_TRUE(torch::allclose(folded.overlay, nets.seen.overlay, 1e-3, 1e-3));
  EXPECT_TRUE(torch::allclose(nets.discriminator->Match(folded.map, nets.text).source, nets.match.source, 1e-3, 1e-3));
}

TEST_P(NetworksOf, InHalfPrecisionTheyAnswerNearlyTheSame) {
  Disturbed nets(GetParam());
  nets.generator->PrepareToServe(at::kBFloat16);
  nets.discriminator->PrepareToServe(at::kBFloat16);
  const auto near = [](const torch::Tensor& half, const torch::Tensor& exact) {
    return (half.to(at::kFloat) - exact).abs().mean().item<float>() < 0.03 * exact.abs().max().item<float>();
  };
  EXPECT_TRUE(near(nets.discriminator->See(nets.image.to(at::kBFloat16)).map, nets.seen.map));
  nets.generator->text()->to(at::kFloat);
  EXPECT_TRUE(near(nets.generator->Draw(nets.noise.to(at::kBFloat16), nets.text), nets.image));
}

TEST_P(NetworksOf, TextChangesTheImage) {
  const GanShape shape{.preset = GetParam(), .resolution = 64, .features = 8, .noise = 10, .text = 12, .categories = 5};
  torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  const auto generator = MakeGenerator(shape);
  Disturb(*generator);  // a new one of preset "mannequin" draws nothing yet
  generator->eval();
  const torch::Tensor noise = torch::randn({1, 10});
  EXPECT_FALSE(
      torch::equal(generator->Draw(noise, torch::randn({1, 12})), generator->Draw(noise, torch::randn({1, 12}))));
}

INSTANTIATE_TEST_SUITE_P(Preset, NetworksOf, testing::Values("tacgan", "mannequin"));

TEST(TextInput, MakesSmallDifferencesAsWideAsLargeOnes) {
  torch::NoGradGuard no_grad;
  torch::manual_seed(4);
  // Components of deviations 1, 0.3, 0.3, then correlated.
  const torch::Tensor rotation = std::get<0>(torch::linalg_qr(torch::randn({3, 3})));
  const torch::Tensor texts = torch::matmul(torch::randn({2000, 3}) * torch::tensor({1.0f, 0.3f, 0.3f}), rotation) + 5;
  TextInput input(3);
  input->StandardiseAs(texts);
  const torch::Tensor standard = input->Standardised(texts);
  const torch::Tensor covariance = torch::matmul(standard.t(), standard) / 2000;
  EXPECT_TRUE(torch::allclose(standard.mean(0), torch::zeros({3}), 0, 1e-3));
  EXPECT_TRUE(torch::allclose(covariance - torch::diag(covariance.diag()), torch::zeros({3, 3}), 0, 0.15))
      << covariance;
  EXPECT_GT(covariance.diag().min().item<float>(), 0.5) << covariance;
}

TEST(Networks, DiscriminatorIsNoisyOnlyWhileTraining) {
  const GanShape shape{.resolution = 64, .features = 8, .noise = 10, .text = 12, .categories = 5};
  torch::NoGradGuard no_grad;
  const auto discriminator = MakeDiscriminator(shape);
  const torch::Tensor image = torch::randn({2, 3, 64, 64});
  EXPECT_FALSE(torch::equal(discriminator->See(image).map, discriminator->See(image).map));
  discriminator->eval();
  EXPECT_TRUE(torch::equal(discriminator->See(image).map, discriminator->See(image).map));
}

TEST(ResidualGan, WhatHigherSidesAddStartsAtNothing) {
  const GanShape shape{
      .preset = "mannequin", .resolution = 128, .features = 8, .noise = 10, .text = 12, .categories = 5};
  torch::NoGradGuard no_grad;
  torch::manual_seed(5);
  const auto generator = MakeGenerator(shape);
  const auto discriminator = MakeDiscriminator(shape);
  for (const auto& item : generator->named_parameters()) {
    // As after a training at 64 pixels.
    if (item.key() == "picture32.weight" || item.key() == "picture64.weight") item.value().normal_(0, 0.01);
  }
  const torch::Tensor noise = torch::randn({2, 10}), text = torch::randn({2, 12});
  const torch::Tensor small = generator->Draw(noise, text, 64), large = generator->Draw(noise, text, 128);
  const auto doubled = torch::nn::functional::InterpolateFuncOptions()
                           .scale_factor(std::vector<double>{2, 2})
                           .mode(torch::kBilinear)
                           .align_corners(false);
  EXPECT_TRUE(torch::allclose(torch::nn::functional::interpolate(small, doubled), large, 0, 1e-4));
  const torch::Tensor halved = torch::avg_pool2d(large, 2);
  const torch::Tensor of_large = discriminator->Match(discriminator->See(large).map, text).source;
  const torch::Tensor of_small = discriminator->Match(discriminator->See(halved).map, text).source;
  EXPECT_TRUE(torch::allclose(of_large, of_small, 1e-4, 1e-4)) << of_large << of_small;
}

TEST(CheckShape, NamesWhatIsWrong) {
  const GanShape good{.resolution = 64, .features = 8, .noise = 10, .text = 12, .categories = 5};
  EXPECT_TRUE(CheckShape(good).ok());
  GanShape bad = good;
  bad.preset = "stylegan";
  EXPECT_EQ(CheckShape(bad).code(), absl::StatusCode::kInvalidArgument);
  bad = good;
  bad.resolution = 100;
  EXPECT_NE(CheckShape(bad).message().find("resolution: 100"), absl::string_view::npos);
  bad = good;
  bad.features = 4;
  EXPECT_NE(CheckShape(bad).message().find("features: 4"), absl::string_view::npos);
  bad = good;
  bad.categories = 1;
  EXPECT_EQ(CheckShape(bad).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin
