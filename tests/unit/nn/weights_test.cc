#include "common/nn/weights.h"

#include <filesystem>

#include "common/base/file.h"
#include "common/nn/networks.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

constexpr GanShape kShape{.resolution = 64, .features = 8, .noise = 10, .text = 12, .categories = 5};

class Weights : public testing::Test {
 protected:
  Weights() : folder_(*MakeTemporaryFolder("weights")), path_(folder_ + "/d.safetensors") {}
  ~Weights() override { std::filesystem::remove_all(folder_); }

  const std::string folder_, path_;
};

TEST_F(Weights, ComeBackAsTheyWere) {
  const auto saved = MakeDiscriminator(kShape), loaded = MakeDiscriminator(kShape);
  ASSERT_TRUE(SaveWeights(*saved, path_).ok());
  ASSERT_TRUE(LoadWeights(*loaded, path_).ok());
  const TensorMap a = NamedTensors(*saved), b = NamedTensors(*loaded);
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) EXPECT_TRUE(torch::equal(tensor, b.at(name))) << name;
}

TEST_F(Weights, HalveAsBfloat16) {
  const auto saved = MakeDiscriminator(kShape), loaded = MakeDiscriminator(kShape);
  ASSERT_TRUE(SaveWeights(*saved, path_).ok());
  const auto full = std::filesystem::file_size(path_);
  ASSERT_TRUE(SaveWeights(*saved, path_, /*bf16=*/true).ok());
  EXPECT_LT(std::filesystem::file_size(path_), full * 6 / 10);
  ASSERT_TRUE(LoadWeights(*loaded, path_).ok());
  for (const auto& [name, tensor] : NamedTensors(*saved)) {
    EXPECT_TRUE(torch::allclose(tensor.to(at::kFloat), NamedTensors(*loaded).at(name).to(at::kFloat), 1e-2, 1e-3))
        << name;
  }
}

TEST_F(Weights, MissingExtraAndMisshapenTensorsAreNamedAndNothingIsLoaded) {
  const auto discriminator = MakeDiscriminator(kShape);
  const TensorMap before = NamedTensors(*discriminator);
  const torch::Tensor kept = before.at("source.bias").clone();
  TensorMap changed = before;
  changed.erase("source.bias");
  ASSERT_TRUE(SaveTensors(path_, changed).ok());
  absl::Status status = LoadWeights(*discriminator, path_);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("source.bias"), absl::string_view::npos);

  changed = before;
  changed["stranger"] = torch::zeros({1});
  changed["source.bias"] = kept + 1;
  ASSERT_TRUE(SaveTensors(path_, changed).ok());
  status = LoadWeights(*discriminator, path_);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("stranger"), absl::string_view::npos);

  changed = before;
  changed["source.bias"] = torch::zeros({2});
  ASSERT_TRUE(SaveTensors(path_, changed).ok());
  status = LoadWeights(*discriminator, path_);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("source.bias"), absl::string_view::npos);

  changed["source.bias"] = torch::zeros({1}, at::kLong);
  ASSERT_TRUE(SaveTensors(path_, changed).ok());
  EXPECT_EQ(LoadWeights(*discriminator, path_).code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(torch::equal(NamedTensors(*discriminator).at("source.bias"), kept));
}

TEST_F(Weights, DamagedFileIsRefused) {
  const auto discriminator = MakeDiscriminator(kShape);
  ASSERT_TRUE(SaveWeights(*discriminator, path_).ok());
  std::string bytes = *ReadFile(path_);
  ASSERT_TRUE(WriteFileAtomically(path_, absl::string_view(bytes).substr(0, bytes.size() - 10)).ok());
  EXPECT_EQ(LoadWeights(*discriminator, path_).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(LoadWeights(*discriminator, folder_ + "/none").code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace mannequin
