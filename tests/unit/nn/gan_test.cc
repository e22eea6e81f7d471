#include "common/nn/gan.h"

#include <filesystem>

#include "common/base/file.h"
#include "common/nn/judge_net.h"
#include "common/nn/networks.h"
#include "common/nn/weights.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

class Gan : public testing::Test {
 protected:
  Gan() : folder_(*MakeTemporaryFolder("gan")) {
    manifest_.set_version("b-test");
    manifest_.mutable_embedding()->set_dimension(12);
    v1::GanInfo& gan = *manifest_.mutable_gan();
    gan.set_preset("tacgan");
    gan.set_resolution(64);
    gan.set_features(8);
    gan.set_noise_dimension(10);
    for (const char* name : {"Boots", "Caps", "Hats"}) gan.add_categories(name);
    torch::manual_seed(3);
    const GanShape shape{.resolution = 64, .features = 8, .noise = 10, .text = 12, .categories = 3};
    EXPECT_TRUE(SaveWeights(*MakeGenerator(shape), folder_ + "/generator.safetensors").ok());
    EXPECT_TRUE(SaveWeights(*MakeDiscriminator(shape), folder_ + "/discriminator.safetensors").ok());
  }
  ~Gan() override { std::filesystem::remove_all(folder_); }

  const std::string folder_;
  v1::BundleManifest manifest_;
  const std::vector<float> text_ = std::vector<float>(12, 0.288f);
};

TEST_F(Gan, DrawsAndJudges) {
  const auto gan = LoadGan(manifest_, folder_, "cpu");
  ASSERT_TRUE(gan.ok()) << gan.status();
  EXPECT_EQ(gan->resolution(), 64);
  EXPECT_EQ(gan->text_dimension(), 12);
  EXPECT_EQ(gan->CategoryIndex("Hats"), 2);
  EXPECT_EQ(gan->CategoryIndex("Boats"), -1);
  const auto images = Generate(*gan, {text_, text_}, {1, 2});
  ASSERT_TRUE(images.ok()) << images.status();
  ASSERT_EQ(images->size(), 2u);
  EXPECT_EQ((*images)[0].rgb.size(), 64u * 64 * 3);
  EXPECT_NE((*images)[0].rgb, (*images)[1].rgb);
  const auto judgements = Discriminate(*gan, *images, {text_, text_});
  ASSERT_TRUE(judgements.ok()) << judgements.status();
  ASSERT_EQ(judgements->size(), 2u);
  EXPECT_EQ((*judgements)[1].image_category.size(), 3u);
  EXPECT_EQ((*judgements)[1].overlay.size(), 64u);
  EXPECT_TRUE(MismatchFeatures((*judgements)[0], {2}).ok());
}

TEST_F(Gan, SameSeedGivesTheSameBytes) {
  const auto gan = LoadGan(manifest_, folder_, "cpu");
  ASSERT_TRUE(gan.ok()) << gan.status();
  const auto once = Generate(*gan, {text_, text_}, {7, 8}), again = Generate(*gan, {text_, text_}, {7, 8});
  EXPECT_EQ((*once)[0].rgb, (*again)[0].rgb);
  EXPECT_EQ((*once)[1].rgb, (*again)[1].rgb);
}

TEST_F(Gan, PartsThatWereNotLoadedSaySo) {
  const auto gan = LoadGan(manifest_, folder_, "cpu", {.generator = false});
  ASSERT_TRUE(gan.ok()) << gan.status();
  EXPECT_EQ(Generate(*gan, {text_}, {1}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Discriminate(*gan, {}, {})->empty());
}

TEST_F(Gan, WrongSizesAreRefused) {
  const auto gan = LoadGan(manifest_, folder_, "cpu");
  ASSERT_TRUE(gan.ok()) << gan.status();
  EXPECT_EQ(Generate(*gan, {{1, 2}}, {1}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Generate(*gan, {text_}, {1, 2}).status().code(), absl::StatusCode::kInvalidArgument);
  const Pixels small{2, 2, std::vector<std::uint8_t>(12)};
  EXPECT_EQ(Discriminate(*gan, {small}, {text_}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(Gan, BundleThatDoesNotFitIsRefused) {
  v1::BundleManifest other = manifest_;
  other.clear_gan();
  EXPECT_EQ(LoadGan(other, folder_, "cpu").status().code(), absl::StatusCode::kFailedPrecondition);
  other = manifest_;
  other.mutable_gan()->set_preset("stylegan");
  EXPECT_EQ(LoadGan(other, folder_, "cpu").status().code(), absl::StatusCode::kFailedPrecondition);
  other = manifest_;
  other.mutable_gan()->add_categories("Gloves");
  EXPECT_EQ(LoadGan(other, folder_, "cpu").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Gan, AJudgeAnswersInTheDiscriminatorsPlace) {
  v1::JudgeInfo& info = *manifest_.mutable_gan()->mutable_judge();
  for (const char* name : {"navy", "red"}) info.add_colors(name);
  EXPECT_EQ(LoadGan(manifest_, folder_, "cpu").status().code(), absl::StatusCode::kFailedPrecondition) << "no side";
  info.set_resolution(JudgeSide(64));
  EXPECT_EQ(LoadGan(manifest_, folder_, "cpu").status().code(), absl::StatusCode::kNotFound) << "no weights";
  const JudgeShape shape{.side = 112, .text = 12, .categories = 3, .colors = 2};
  ASSERT_TRUE(SaveWeights(JudgeNet(shape), folder_ + "/judge.safetensors").ok());
  const auto gan = LoadGan(manifest_, folder_, "cpu", {.generator = false});
  ASSERT_TRUE(gan.ok()) << gan.status();
  EXPECT_EQ(gan->ColorIndex("Navy"), 0);
  EXPECT_EQ(gan->ColorIndex("blue"), -1);
  EXPECT_EQ(gan->judged_side(), 112);
  const Pixels grey{112, 112, std::vector<std::uint8_t>(112 * 112 * 3, 128)};
  const Pixels white{112, 112, std::vector<std::uint8_t>(112 * 112 * 3, 255)};
  const auto alone = Discriminate(*gan, {white}, {text_});
  const auto judgements = Discriminate(*gan, {grey, white}, {text_, text_});
  ASSERT_TRUE(judgements.ok() && alone.ok()) << judgements.status();
  const Judgement& judgement = (*judgements)[1];
  EXPECT_EQ(judgement.image_color.size(), 2u);
  EXPECT_EQ(judgement.overlay.size(), 49u);
  double length = 0;
  for (const float x : judgement.place) length += x * x;
  EXPECT_NEAR(length, 1, 1e-3);
  ASSERT_TRUE(judgement.overlaid.has_value());
  EXPECT_EQ(OverlayFeatures(judgement)->size(), 3u);
  // What it says of a picture does not depend on the pictures beside it.
  EXPECT_NEAR(judgement.match, (*alone)[0].match, 0.1);
  // A drawn picture is enlarged.
  const Pixels drawn{64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 255)};
  EXPECT_NEAR((*Discriminate(*gan, {drawn}, {text_}))[0].match, (*alone)[0].match, 0.1);

  const auto discriminator = LoadGan(manifest_, folder_, "cpu", {.generator = false, .judge = false});
  ASSERT_TRUE(discriminator.ok()) << discriminator.status();
  EXPECT_FALSE((*Discriminate(*discriminator, {drawn}, {text_}))[0].overlaid.has_value());
}

}  // namespace
}  // namespace mannequin
