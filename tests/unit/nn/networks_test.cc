#include "common/nn/networks.h"

#include "gtest/gtest.h"

namespace mannequin {
namespace {

using Sizes = std::vector<std::int64_t>;

Sizes SizesOf(const torch::Tensor& tensor) { return tensor.sizes().vec(); }

class NetworksAt : public testing::TestWithParam<int> {};

TEST_P(NetworksAt, GiveTheDocumentedShapes) {
  const GanShape shape{.resolution = GetParam(), .features = 8, .noise = 10, .text = 12, .categories = 5};
  torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  Generator generator(shape);
  Discriminator discriminator(shape);
  const torch::Tensor text = torch::randn({3, 12});
  const torch::Tensor image = generator(torch::randn({3, 10}), text);
  EXPECT_EQ(SizesOf(image), (Sizes{3, 3, shape.resolution, shape.resolution}));
  EXPECT_LE(image.abs().max().item<float>(), 1);
  const ImageFeatures seen = discriminator->See(image);
  EXPECT_EQ(SizesOf(seen.map), (Sizes{3, 64, shape.resolution / 16, shape.resolution / 16}));
  EXPECT_EQ(SizesOf(seen.image_category), (Sizes{3, 5}));
  EXPECT_EQ(SizesOf(seen.overlay), (Sizes{3, 1, shape.resolution / 8, shape.resolution / 8}));
  const MatchLogits match = discriminator->Match(seen.map, text);
  EXPECT_EQ(SizesOf(match.source), (Sizes{3}));
  EXPECT_EQ(SizesOf(match.category), (Sizes{3, 5}));
}

INSTANTIATE_TEST_SUITE_P(Resolution, NetworksAt, testing::Values(64, 128));

// Batch norm with statistics that are not the initial ones.
void Disturb(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : module.parameters()) {
    if (parameter.dim() == 1) parameter.add_(0.3 * torch::randn_like(parameter));
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
        generator(shape),
        discriminator(shape) {
    torch::manual_seed(2);
    Disturb(*generator);
    Disturb(*discriminator);
    generator->eval();
    discriminator->eval();
    noise = torch::randn({2, 10});
    text = torch::randn({2, 12});
    image = generator(noise, text);
    seen = discriminator->See(image);
    match = discriminator->Match(seen.map, text);
  }

  torch::NoGradGuard no_grad;
  GanShape shape;
  Generator generator;
  Discriminator discriminator;
  torch::Tensor noise, text, image;
  ImageFeatures seen;
  MatchLogits match;
};

TEST_P(NetworksOf, FoldingBatchNormChangesNoAnswer) {
  Disturbed nets(GetParam());
  nets.generator->FoldBatchNorm(at::kFloat);
  nets.discriminator->FoldBatchNorm(at::kFloat);
  EXPECT_TRUE(torch::allclose(nets.generator(nets.noise, nets.text), nets.image, 1e-3, 1e-4));
  const ImageFeatures folded = nets.discriminator->See(nets.image);
  EXPECT_TRUE(torch::allclose(folded.image_category, nets.seen.image_category, 1e-3, 1e-3));
  EXPECT_TRUE(torch::allclose(folded.overlay, nets.seen.overlay, 1e-3, 1e-3));
  EXPECT_TRUE(torch::allclose(nets.discriminator->Match(folded.map, nets.text).source, nets.match.source, 1e-3, 1e-3));
}

TEST_P(NetworksOf, FoldedInHalfPrecisionAnswerNearlyTheSame) {
  Disturbed nets(GetParam());
  nets.generator->FoldBatchNorm(at::kBFloat16);
  nets.discriminator->FoldBatchNorm(at::kBFloat16);
  const auto near = [](const torch::Tensor& half, const torch::Tensor& exact) {
    return (half.to(at::kFloat) - exact).abs().mean().item<float>() < 0.03 * exact.abs().max().item<float>();
  };
  EXPECT_TRUE(near(nets.discriminator->See(nets.image.to(at::kBFloat16)).map, nets.seen.map));
  nets.generator->text()->to(at::kFloat);
  EXPECT_TRUE(near(nets.generator(nets.noise.to(at::kBFloat16), nets.text), nets.image));
}

TEST_P(NetworksOf, TextChangesTheImage) {
  const GanShape shape{.preset = GetParam(), .resolution = 64, .features = 8, .noise = 10, .text = 12, .categories = 5};
  torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  Generator generator(shape);
  generator->eval();
  const torch::Tensor noise = torch::randn({1, 10});
  EXPECT_FALSE(torch::equal(generator(noise, torch::randn({1, 12})), generator(noise, torch::randn({1, 12}))));
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
  Discriminator discriminator(shape);
  const torch::Tensor image = torch::randn({2, 3, 64, 64});
  EXPECT_FALSE(torch::equal(discriminator->See(image).map, discriminator->See(image).map));
  discriminator->eval();
  EXPECT_TRUE(torch::equal(discriminator->See(image).map, discriminator->See(image).map));
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
