#include "services/trainer/judge_training.h"

#include "common/base/file.h"
#include "common/base/roc.h"
#include "common/nn/gan.h"
#include "services/trainer/judge_batches.h"
#include "tests/unit/trainer/catalogue.h"

namespace mannequin {
namespace {

// Three kinds of product that differ by their colour alone; every picture is of 48 pixels, too
// small for 64 to be sharp only above 3/4 of it.
class JudgeTraining : public CatalogueTest {
 protected:
  void SetUp() override {
    AddProducts(3, 40);
    AddEmbedding();
    encoder_ = *TextEncoder::Load(bundles_.FolderOf(*bundles_.CurrentVersion()));
    PackOptions options;
    options.folder = folder_ + "/pack";
    options.resolution = 64;
    auto pack = BuildPack(
        *store_, *encoder_, options, [] { return false; }, [](double) {});
    ASSERT_TRUE(pack.ok()) << pack.status();
    pack_ = *std::move(pack);
  }

  absl::StatusOr<v1::JudgeInfo> Train(std::int64_t steps, std::uint64_t seed = 1) {
    return TrainJudge(*pack_, {seed, "cpu", steps, ""}, folder_ + "/judge.safetensors",
                      [this](const JudgeProgress& now) {
                        losses_.push_back(now.loss);
                        return !stop_;
                      });
  }

  v1::BundleManifest ManifestWith(const v1::JudgeInfo& info) const {
    v1::BundleManifest manifest;
    manifest.set_version("b-test");
    manifest.mutable_embedding()->set_dimension(pack_->text_dimension());
    v1::GanInfo& gan = *manifest.mutable_gan();
    gan.set_preset("mannequin");
    gan.set_resolution(64);
    gan.set_features(8);
    gan.set_noise_dimension(8);
    for (const std::string& category : pack_->categories) gan.add_categories(category);
    *gan.mutable_judge() = info;
    return manifest;
  }

  std::vector<float> TextOf(const PackedProduct& product) const {
    const float* text = pack_->text(product.slot, 0);
    return {text, text + pack_->text_dimension()};
  }

  std::unique_ptr<TextEncoder> encoder_;
  std::unique_ptr<Pack> pack_;
  std::vector<double> losses_;
  bool stop_ = false;
};

TEST_F(JudgeTraining, ABatchDependsOnItsSeedAndStepAlone) {
  const OverlayBank bank = *RenderOverlayBank(8, 64, 1, VariedOverlay);
  const std::vector<int> color_of = {1, -1};
  const JudgeBatches batches(*pack_, bank, color_of, 5);
  const JudgeBatch first = batches.Make(3), second = batches.Make(3);
  EXPECT_TRUE(first.images == second.images);
  EXPECT_FALSE(first.images == batches.Make(4).images);
  EXPECT_EQ(first.images.size(), JudgeBatches::kBatch * 64 * 64 * 3);
  EXPECT_EQ(first.texts.size(), JudgeBatches::kBatch * static_cast<std::size_t>(pack_->text_dimension()));
  for (std::size_t i = 0; i < JudgeBatches::kBatch; ++i) {
    EXPECT_EQ(first.categories[i], first.categories[i / 4 * 4]) << "groups of one category";
    const auto cells = first.overlay_cells.begin() + static_cast<std::ptrdiff_t>(i * 16);
    EXPECT_EQ(std::count(cells, cells + 16, 1.0f) > 0, first.overlaid[i] == 1) << i;
  }
  EXPECT_GT(std::count(first.overlaid.begin(), first.overlaid.end(), 1.0f), 5);
  EXPECT_EQ(std::count(first.colors.begin(), first.colors.end(), 0), 0) << "a colour is told as color_of says";
}

TEST_F(JudgeTraining, OfTheGanEveryOtherBatchStaysAtHalfTheResolution) {
  const OverlayBank none;
  BatchSource source(*pack_, pack_->training, none, {.batch = 4, .balance = true, .half_size_steps = 2}, 0);
  std::vector<int> sides;
  std::vector<bool> grown;
  for (int step = 0; step < 6; ++step) {
    const Batch batch = source.Next();
    EXPECT_EQ(batch.images.size(), static_cast<std::size_t>(4 * 3 * batch.side * batch.side));
    sides.push_back(batch.side);
    grown.push_back(batch.grown);
  }
  EXPECT_EQ(sides, (std::vector<int>{32, 32, 64, 32, 64, 32}));
  EXPECT_EQ(grown, (std::vector<bool>{false, false, true, true, true, true}));
}

TEST_F(JudgeTraining, LearnsToTellCategoriesAndOverlaysInMoments) {
  const auto info = Train(60);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->steps(), 60);
  EXPECT_EQ(info->images(), 60 * 64);
  EXPECT_EQ(std::vector<std::string>(info->colors().begin(), info->colors().end()),
            (std::vector<std::string>{"amber", "navy"}));
  EXPECT_LT(losses_.back(), 0.75 * losses_.front());
  const auto gan = LoadGan(ManifestWith(*info), folder_, "cpu", {.generator = false});
  ASSERT_TRUE(gan.ok()) << gan.status();

  const OverlayBank bank = *RenderOverlayBank(20, 64, 99);
  std::mt19937_64 random(1);
  std::vector<Pixels> clean, overlaid;
  std::vector<std::vector<float>> texts;
  std::vector<float> cells(64);
  for (const PackedProduct& product : pack_->training) {
    clean.push_back(pack_->ImageOf(product));
    overlaid.push_back(clean.back());
    BlendRandomOverlay(overlaid.back(), bank, random, cells.data());
    texts.push_back(TextOf(product));
  }
  const auto on_clean = Discriminate(*gan, clean, texts), on_overlaid = Discriminate(*gan, overlaid, texts);
  ASSERT_TRUE(on_clean.ok() && on_overlaid.ok());
  std::vector<double> clean_scores, overlaid_scores;
  std::size_t right = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const std::vector<float>& logits = (*on_clean)[i].image_category;
    right += std::max_element(logits.begin(), logits.end()) - logits.begin() == pack_->training[i].category ? 1 : 0;
    clean_scores.push_back(*(*on_clean)[i].overlaid);
    overlaid_scores.push_back(*(*on_overlaid)[i].overlaid);
  }
  EXPECT_GT(static_cast<double>(right), 0.9 * static_cast<double>(clean.size()));
  EXPECT_GT(AreaUnderRoc(clean_scores, overlaid_scores), 0.9);
}

TEST_F(JudgeTraining, GoesOnFromItsCheckpointAsIfItHadNotBeenStopped) {
  const auto train = [&](const std::string& name, std::int64_t stop_after, const std::string& checkpoint) {
    std::vector<double> losses;
    const auto trained = TrainJudge(*pack_, {3, "cpu", 40, checkpoint}, folder_ + name, [&](const JudgeProgress& now) {
      losses.push_back(now.loss);
      return now.step < stop_after;
    });
    EXPECT_EQ(trained.status().code(), stop_after <= 40 ? absl::StatusCode::kCancelled : absl::StatusCode::kOk);
    return losses;
  };
  const std::string checkpoint = folder_ + "/judge.checkpoint";
  const std::vector<double> whole = train("/whole.safetensors", 100, "");
  const std::vector<double> before = train("/stopped.safetensors", 20, checkpoint);
  ASSERT_TRUE(std::filesystem::exists(checkpoint));
  const std::vector<double> after = train("/stopped.safetensors", 100, checkpoint);
  ASSERT_EQ(whole.size(), 4u);
  ASSERT_EQ(before.size(), 2u);
  ASSERT_EQ(after.size(), 2u);
  EXPECT_NEAR(after[0], whole[2], 1e-3 * whole[2]);
  EXPECT_NEAR(after[1], whole[3], 1e-3 * whole[3]);

  ASSERT_TRUE(WriteFileAtomically(checkpoint, "no archive").ok());
  EXPECT_EQ(TrainJudge(*pack_, {3, "cpu", 40, checkpoint}, folder_ + "/damaged.safetensors",
                       [](const JudgeProgress&) { return true; })
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(JudgeTraining, StopsWhenItIsTold) {
  stop_ = true;
  EXPECT_EQ(Train(30).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(losses_.size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/judge.safetensors"));
}

TEST_F(JudgeTraining, ADeviceThatIsNotThereIsAnError) {
  EXPECT_FALSE(TrainJudge(*pack_, {1, "cuda:99", 1, ""}, folder_ + "/judge.safetensors", [](const JudgeProgress&) {
                 return true;
               }).ok());
}

}  // namespace
}  // namespace mannequin
