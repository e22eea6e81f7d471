#include "services/trainer/quality_meter.h"

#include <cmath>

#include "common/nn/device.h"
#include "common/text/text_encoder.h"
#include "services/trainer/evaluate.h"
#include "tests/unit/trainer/catalogue.h"

namespace mannequin {
namespace {

bool Never() { return false; }

class Meter : public CatalogueTest {
 protected:
  Meter() { SetCpuThreads(1); }

  // Adds products of two categories, of which so many are held out, by their ids; the first
  // of those is alone in a third category.
  void AddSplit(int training, int held_out, bool colors) {
    std::vector<std::string> ids;
    for (int i = 0; training > 0 || held_out > 0; ++i) {
      const std::string id = absl::StrCat("s-", i);
      int& wanted = SplitPosition(id) < kHeldOutShare ? held_out : training;
      if (wanted > 0) {
        ids.push_back(id);
        --wanted;
      }
    }
    v1::UpsertProductsRequest upsert;
    bool alone = false;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      v1::Product& product = *upsert.add_products();
      product.set_id(ids[i]);
      product.set_title(absl::StrCat("product alpha", i % 7, " of kind beta", i % 2));
      const bool first = !alone && SplitPosition(ids[i]) < kHeldOutShare;
      alone = alone || first;
      product.add_category_path(first ? std::string("Lonely") : absl::StrCat("Kind", i % 2));
      product.set_image_url("http://127.0.0.1/x.png");
      if (!colors) continue;
      v1::Attribute& color = *product.add_attributes();
      color.set_name("color");
      color.set_value(i % 2 == 0 ? "Cyan" : "Magenta");
    }
    ASSERT_TRUE(store_->UpsertProducts(upsert).ok());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      v1::PutImageRequest put;
      put.set_product_id(ids[i]);
      put.mutable_image()->set_data(*EncodeImage(Varied(static_cast<int>(i % 2), static_cast<int>(i)), "image/png"));
      put.mutable_image()->set_media_type("image/png");
      ASSERT_TRUE(store_->PutImage(put).ok());
    }
    AddEmbedding();
    const auto encoder = TextEncoder::Load(bundles_.FolderOf(*bundles_.CurrentVersion()));
    ASSERT_TRUE(encoder.ok()) << encoder.status();
    PackOptions options;
    options.folder = folder_ + "/pack";
    options.resolution = 64;
    options.min_category_images = 1;
    auto pack = BuildPack(*store_, **encoder, options, Never, [](double) {});
    ASSERT_TRUE(pack.ok()) << pack.status();
    pack_ = *std::move(pack);
  }

  // No two are alike.
  static Pixels Varied(int category, int number) {
    Pixels pixels = Picture(category, number);
    for (int y = number % 40; y < number % 40 + 8; ++y) {
      for (int x = number / 40 * 3; x < number / 40 * 3 + 8; ++x) {
        pixels.rgb[static_cast<std::size_t>(y * 48 + x) * 3 + 2] = static_cast<std::uint8_t>(number * 29);
      }
    }
    return pixels;
  }

  std::unique_ptr<QualityMeter> Make(std::uint64_t seed = 0, std::int64_t steps = 6) const {
    auto meter = QualityMeter::Create(*pack_, {seed, "cpu", steps}, Never);
    EXPECT_TRUE(meter.ok()) << meter.status();
    return *std::move(meter);
  }

  // The i-th text, by its seed, gets the i-th of these images.
  static DrawFunction Draw(std::vector<Pixels> images) {
    return [images](const std::vector<std::vector<float>>& texts,
                    const std::vector<std::uint64_t>& seeds) -> absl::StatusOr<std::vector<Pixels>> {
      std::vector<Pixels> drawn;
      for (std::size_t i = 0; i < texts.size(); ++i) drawn.push_back(images[seeds[i] % images.size()]);
      return drawn;
    };
  }

  std::vector<Pixels> ImagesOf(const std::vector<PackedProduct>& products) const {
    std::vector<Pixels> images;
    for (const PackedProduct& product : products) images.push_back(pack_->ImageOf(product));
    return images;
  }

  static absl::StatusOr<std::vector<Judgement>> Indifferent(const std::vector<Pixels>& images,
                                                            const std::vector<std::vector<float>>&) {
    return std::vector<Judgement>(images.size());
  }

  std::unique_ptr<Pack> pack_;
};

TEST_F(Meter, FindsTheHeldOutImagesThemselvesPerfect) {
  AddSplit(60, 44, true);
  const auto meter = Make(0, 30);
  ASSERT_EQ(meter->products().size(), 44u);
  const auto quality = meter->Measure(Draw(ImagesOf(meter->products())), Indifferent);
  ASSERT_TRUE(quality.ok()) << quality.status();
  EXPECT_EQ(quality->products(), 44);
  EXPECT_FALSE(quality->from_training());
  EXPECT_NEAR(quality->frechet_distance(), 0, 1e-4);
  EXPECT_EQ(quality->precision(), 1);
  EXPECT_EQ(quality->recall(), 1);
  EXPECT_GT(quality->category_accuracy(), 0.9);
  EXPECT_EQ(quality->category_agreement(), quality->category_accuracy());
  EXPECT_GT(quality->color_accuracy(), 0.9);
  EXPECT_EQ(quality->color_agreement(), quality->color_accuracy());
  EXPECT_GT(quality->diversity(), 0);
  EXPECT_EQ(quality->diversity(), quality->real_diversity());
  EXPECT_LT(quality->memorized(), 0.1);
  EXPECT_EQ(quality->match_auc(), 0.5);
  EXPECT_FALSE(quality->measured_with().empty());
}

TEST_F(Meter, CallsTrainingImagesMemorized) {
  AddSplit(60, 44, true);
  const auto meter = Make();
  const auto quality = meter->Measure(Draw(ImagesOf(pack_->training)), Indifferent);
  ASSERT_TRUE(quality.ok()) << quality.status();
  EXPECT_EQ(quality->memorized(), 1);
}

TEST_F(Meter, FindsNoRecallOrDiversityInAGeneratorThatDrawsOneImage) {
  AddSplit(60, 44, true);
  const auto meter = Make();
  const Pixels grey{64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 128)};
  const auto quality = meter->Measure(Draw({grey}), Indifferent);
  ASSERT_TRUE(quality.ok()) << quality.status();
  EXPECT_TRUE(std::isfinite(quality->frechet_distance()));
  EXPECT_GT(quality->frechet_distance(), 0);
  EXPECT_EQ(quality->recall(), 0);
  EXPECT_NEAR(quality->diversity(), 0, 1e-6);
  EXPECT_LE(quality->category_agreement(), 0.6);
}

TEST_F(Meter, MeasuresHowWellADiscriminatorTellsMatchingTexts) {
  AddSplit(60, 44, true);
  const auto meter = Make();
  // Knows which text belongs to which category, and sees the colour.
  std::map<std::vector<float>, int> category_of;
  for (const PackedProduct& product : meter->products()) {
    const float* text = pack_->text(product.slot, 0);
    category_of[std::vector<float>(text, text + pack_->text_dimension())] = product.category;
  }
  const auto judge = [&](double sign) {
    return
        [&category_of, sign](const std::vector<Pixels>& images,
                             const std::vector<std::vector<float>>& texts) -> absl::StatusOr<std::vector<Judgement>> {
          std::vector<Judgement> judgements(images.size());
          for (std::size_t i = 0; i < images.size(); ++i) {
            const std::uint8_t* middle = images[i].rgb.data() + (32 * 64 + 32) * 3;
            const int seen = middle[0] < middle[1] ? 0 : 1;
            judgements[i].match = static_cast<float>(sign * (seen == category_of.at(texts[i]) ? 1 : -1));
          }
          return judgements;
        };
  };
  const DrawFunction draw = Draw(ImagesOf(meter->products()));
  EXPECT_GT(meter->Measure(draw, judge(1))->match_auc(), 0.95);
  EXPECT_LT(meter->Measure(draw, judge(-1))->match_auc(), 0.05);
}

TEST_F(Meter, SaysWhetherTwoFiguresCompare) {
  AddSplit(60, 44, false);
  const auto measured_with = [&](std::uint64_t seed) {
    const auto meter = Make(seed, 2);
    return meter->Measure(Draw(ImagesOf(meter->products())), Indifferent)->measured_with();
  };
  EXPECT_EQ(measured_with(1), measured_with(1));
  EXPECT_NE(measured_with(1), measured_with(2));
}

TEST_F(Meter, MeasuresOnTrainingProductsWhenTooFewAreHeldOutAndWithoutColours) {
  AddSplit(60, 1, false);
  const auto meter = Make();
  const auto quality = meter->Measure(Draw(ImagesOf(meter->products())), Indifferent);
  ASSERT_TRUE(quality.ok()) << quality.status();
  EXPECT_TRUE(quality->from_training());
  EXPECT_EQ(quality->products(), static_cast<std::int64_t>(kMinHeldOut));
  EXPECT_EQ(quality->color_agreement(), 0);
  EXPECT_EQ(quality->color_accuracy(), 0);
}

TEST_F(Meter, RefusesWhatDoesNotFitAndHearsAStop) {
  AddSplit(60, 44, false);
  const auto meter = Make(0, 2);
  const DrawFunction draw = Draw(ImagesOf(meter->products()));
  EXPECT_TRUE(absl::IsInvalidArgument(meter->Measure(draw, Indifferent, 48).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(meter->Measure(draw, Indifferent, 128).status()));
  EXPECT_TRUE(meter->Measure(draw, Indifferent, 32).ok());
  const std::vector<std::vector<float>> too_few(3);
  EXPECT_TRUE(absl::IsInvalidArgument(meter->Measure(draw, Indifferent, 64, &too_few).status()));
  const DrawFunction nothing = [](const auto&, const auto&) { return std::vector<Pixels>(); };
  EXPECT_TRUE(absl::IsInternal(meter->Measure(nothing, Indifferent).status()));
  const DrawFunction fails = [](const auto&, const auto&) { return absl::DataLossError("broken weights"); };
  EXPECT_TRUE(absl::IsDataLoss(meter->Measure(fails, Indifferent).status()));
  EXPECT_TRUE(absl::IsCancelled(QualityMeter::Create(*pack_, {0, "cpu", 2}, [] { return true; }).status()));
}

}  // namespace
}  // namespace mannequin
