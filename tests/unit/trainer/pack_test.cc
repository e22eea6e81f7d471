#include "services/trainer/pack.h"

#include <filesystem>

#include "common/text/text_encoder.h"
#include "gmock/gmock.h"
#include "tests/unit/trainer/catalogue.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PackTest : public CatalogueTest {
 protected:
  void SetUp() override {
    AddProducts(3, 20);
    AddEmbedding();
    encoder_ = *TextEncoder::Load(bundles_.FolderOf(*bundles_.CurrentVersion()));
    options_.folder = folder_ + "/pack";
    options_.resolution = 64;
    options_.threads = 2;
  }

  absl::StatusOr<std::unique_ptr<Pack>> Build() {
    return BuildPack(
        *store_, *encoder_, options_, [] { return false; }, [](double) {});
  }

  static std::size_t Count(const Pack& pack) { return pack.training.size() + pack.held_out.size(); }

  std::unique_ptr<TextEncoder> encoder_;
  PackOptions options_;
};

TEST_F(PackTest, AnotherProcessOpensWhatWasBuilt) {
  const auto built = Build();
  ASSERT_TRUE(built.ok()) << built.status();
  const auto opened = Pack::Open(options_.folder);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const Pack &a = **built, &b = **opened;
  EXPECT_EQ(Count(b), 60u);
  EXPECT_THAT(b.categories, ElementsAre("Kind0", "Kind1", "Kind2"));
  EXPECT_THAT(b.colors, ElementsAre("amber", "navy"));
  ASSERT_EQ(a.training.size(), b.training.size());
  for (std::size_t i = 0; i < a.training.size(); ++i) {
    const PackedProduct& product = b.training[i];
    EXPECT_EQ(a.training[i].id, product.id);
    EXPECT_EQ(a.ImageOf(a.training[i]).rgb, b.ImageOf(product).rgb);
    EXPECT_EQ(a.text(product.slot, 3)[15], b.text(product.slot, 3)[15]);
    EXPECT_TRUE(product.id.back() % 2 == 0 ? product.brand == "Brand0" : product.brand == "Brand1") << product.id;
  }
  EXPECT_GE(b.held_out.size(), 1u);
  for (const PackedProduct& product : b.training) {
    if (product.id == "p-0-1") {
      EXPECT_EQ(b.colors[static_cast<std::size_t>(product.color)], "navy");
    } else if (product.id == "p-0-3") {
      EXPECT_EQ(product.color, -1);
    }
  }
  // Red is 30 within, and all is 255 outside.
  const Pixels image = b.ImageOf(b.training[0]);
  EXPECT_NEAR(image.rgb[(32 * 64 + 32) * 3], 30, 3);
  EXPECT_EQ(image.rgb[0], 255);
}

TEST_F(PackTest, AsStoredItGivesWhatWouldBeServedToTheLastLevel) {
  const auto pixels = Build();
  ASSERT_TRUE(pixels.ok());
  options_.folder += "-stored";
  options_.as_stored = true;
  const auto stored = Build();
  ASSERT_TRUE(stored.ok()) << stored.status();
  ASSERT_EQ((*stored)->training.size(), (*pixels)->training.size());
  for (std::size_t i = 0; i < (*stored)->training.size(); ++i) {
    EXPECT_EQ((*stored)->ImageOf((*stored)->training[i]).rgb, (*pixels)->ImageOf((*pixels)->training[i]).rgb);
  }
}

TEST_F(PackTest, LikeAnotherItHasTheSameProductsWhateverTheCatalogueHasByNow) {
  const auto built = Build();
  ASSERT_TRUE(built.ok()) << built.status();
  AddProducts(5, 20);
  options_.folder += "/larger";
  options_.resolution = 112;
  options_.like = built->get();
  const auto larger = Build();
  ASSERT_TRUE(larger.ok()) << larger.status();
  EXPECT_EQ((*larger)->categories, (*built)->categories);
  EXPECT_EQ((*larger)->colors, (*built)->colors);
  ASSERT_EQ((*larger)->training.size(), (*built)->training.size());
  ASSERT_EQ((*larger)->held_out.size(), (*built)->held_out.size());
  for (std::size_t i = 0; i < (*built)->training.size(); ++i) {
    const PackedProduct &a = (*built)->training[i], &b = (*larger)->training[i];
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.category, b.category);
    EXPECT_EQ(a.color, b.color);
    EXPECT_EQ(a.category_path, b.category_path);
    EXPECT_FALSE(a.small);
    EXPECT_TRUE(b.small) << "48 pixels are not 3/4 of 112";
  }
  EXPECT_EQ((*larger)->ImageOf((*larger)->training[0]).width, 112);
}

TEST_F(PackTest, OfTooManyProductsAFairSampleIsPackedAndNotTheHeldOutOnesFirst) {
  AddProducts(3, 120);
  const auto all = Build();
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(Count(**all), 360u);
  ASSERT_GT((*all)->held_out.size(), 20u);
  options_.max_products = 60;
  const auto some = Build();
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ(Count(**some), 60u);
  EXPECT_GE((*some)->held_out.size(), 2u);
  EXPECT_LE((*some)->held_out.size(), 12u) << "a tenth of 60";
  const auto again = Build();
  ASSERT_TRUE(again.ok());
  for (std::size_t i = 0; i < (*some)->training.size(); ++i) {
    EXPECT_EQ((*some)->training[i].id, (*again)->training[i].id);
  }
}

TEST_F(PackTest, PicturesThatWereBlownUpAreMarked) {
  options_.resolution = 64;  // of 48 pixels: exactly 3/4
  EXPECT_FALSE((*Build())->training[0].small);
  options_.resolution = 128;
  EXPECT_TRUE((*Build())->training[0].small);
}

TEST_F(PackTest, KeepsJpegWherePixelsWouldNotFit) {
  const auto pixels = Build();
  ASSERT_TRUE(pixels.ok());
  options_.folder += "-jpeg";
  options_.max_bytes = 59 * 64 * 64 * 3;
  ASSERT_TRUE(Build().ok());
  const auto jpeg = Pack::Open(options_.folder);
  ASSERT_TRUE(jpeg.ok()) << jpeg.status();
  EXPECT_TRUE((*jpeg)->jpeg());
  EXPECT_LT(std::filesystem::file_size(options_.folder + "/pack.jpeg"), 59u * 64 * 64 * 3 / 2);
  const PackedProduct& product = (*jpeg)->training[5];
  const Pixels a = (*pixels)->ImageOf((*pixels)->training[5]), b = (*jpeg)->ImageOf(product);
  ASSERT_EQ(a.rgb.size(), b.rgb.size());
  double difference = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) difference += std::abs(int{a.rgb[i]} - int{b.rgb[i]});
  EXPECT_LT(difference / static_cast<double>(a.rgb.size()), 3);
}

TEST_F(PackTest, TheFilterTakesCategoriesAnywhereInThePathBrandsAndAttributes) {
  options_.filter.add_categories("Kind1");
  options_.filter.add_categories("Kind2");
  EXPECT_THAT((*Build())->categories, ElementsAre("Kind1", "Kind2"));
  options_.filter.add_categories("Everything");
  EXPECT_EQ(Count(**Build()), 60u);
  options_.filter.add_brands("Brand1");
  EXPECT_EQ(Count(**Build()), 30u);
  options_.min_category_images = 2;
  (*options_.filter.mutable_attributes())["color"] = "Navy";
  const auto navy = Build();
  ASSERT_FALSE(navy.ok()) << "12 are left";
  EXPECT_EQ(navy.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(navy.status().message()), HasSubstr("48 outside of the filter"));
  options_.filter.clear_brands();
  EXPECT_EQ(Count(**Build()), 21u);
}

TEST_F(PackTest, ProductsThatOptedOutAreLeftOutAndCounted) {
  options_.opt_out = folder_ + "/opt-out.txt";
  ASSERT_TRUE(WriteFileAtomically(options_.opt_out, "# asked in May\np-0-0\n\n  p-2-7  # by phone\nunknown\n").ok());
  const auto pack = Build();
  ASSERT_TRUE(pack.ok()) << pack.status();
  EXPECT_EQ((*pack)->opted_out, 2);
  EXPECT_EQ(Count(**pack), 58u);
  for (const auto* part : {&(*pack)->training, &(*pack)->held_out}) {
    for (const PackedProduct& product : *part) EXPECT_TRUE(product.id != "p-0-0" && product.id != "p-2-7");
  }
  options_.opt_out = folder_ + "/none.txt";
  const auto without = Build();
  EXPECT_EQ(without.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(without.status().message()), HasSubstr("none.txt"));
}

TEST_F(PackTest, AnUnreadableImageIsCountedAndLeftOut) {
  PutImage("p-1-3", "no picture");
  const auto pack = Build();
  ASSERT_TRUE(pack.ok()) << pack.status();
  EXPECT_EQ((*pack)->unreadable, 1);
  EXPECT_EQ(Count(**pack), 59u);
}

TEST_F(PackTest, ACategoryOfThreeImagesIsCountedAndLeftOut) {
  AddProducts(4, 3);  // three more of a fourth; of the others they are there already
  const auto pack = Build();
  ASSERT_TRUE(pack.ok()) << pack.status();
  EXPECT_EQ((*pack)->rare, 3);
  EXPECT_EQ((*pack)->categories.size(), 3u);
}

TEST_F(PackTest, AFlippedByteOrAFileOfAnotherPackIsDataLoss) {
  ASSERT_TRUE(Build().ok());
  for (const char* file : {"pack.u8", "texts.f32", "index.pb"}) {
    const std::string path = options_.folder + "/" + file;
    const std::string whole = *ReadFile(path);
    std::string flipped = whole;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
    ASSERT_TRUE(WriteFileAtomically(path, flipped).ok());
    EXPECT_EQ(Pack::Open(options_.folder).status().code(), absl::StatusCode::kDataLoss) << file;
    ASSERT_TRUE(WriteFileAtomically(path, whole.substr(0, whole.size() - 1)).ok());
    EXPECT_EQ(Pack::Open(options_.folder).status().code(), absl::StatusCode::kDataLoss) << file;
    ASSERT_TRUE(WriteFileAtomically(path, whole).ok());
    EXPECT_TRUE(Pack::Open(options_.folder).ok()) << file;
  }
  std::filesystem::remove(options_.folder + "/pack.u8");
  EXPECT_EQ(Pack::Open(options_.folder).status().code(), absl::StatusCode::kDataLoss);
  ASSERT_TRUE(RemovePack(options_.folder).ok());
  EXPECT_EQ(Pack::Open(options_.folder).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(RemovePack(options_.folder).ok());
}

}  // namespace
}  // namespace mannequin
