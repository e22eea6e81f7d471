#include "services/mannequin/placeholder_sheet.h"

#include <filesystem>
#include <memory>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "gtest/gtest.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {
namespace {

class PlaceholderSheet : public testing::Test {
 protected:
  PlaceholderSheet() : folder_(*MakeTemporaryFolder("placeholder-sheet")) {
    config::v1::StoreConfig config;
    config.set_data(folder_ + "/store");
    store_ = std::move(*RocksStore::Open(config, Clock::Real()));
  }
  ~PlaceholderSheet() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // A product whose placeholder is one grey all over.
  void Propose(const std::string& id, const std::string& category, std::uint8_t grey, double confidence) {
    v1::UpsertProductsRequest products;
    v1::Product& product = *products.add_products();
    product.set_id(id);
    product.set_title("Navy shirt");
    product.add_category_path(category);
    ASSERT_TRUE(store_->UpsertProducts(products).ok());
    v1::PutPlaceholderRequest request;
    request.mutable_placeholder()->set_product_id(id);
    request.mutable_placeholder()->set_state(v1::PLACEHOLDER_STATE_PROPOSED);
    request.mutable_placeholder()->set_confidence(confidence);
    const Pixels pixels{8, 8, std::vector<std::uint8_t>(8 * 8 * 3, grey)};
    request.mutable_image()->set_data(*EncodeImage(pixels, "image/png"));
    request.mutable_image()->set_media_type("image/png");
    const auto put = store_->PutPlaceholder(request);
    ASSERT_TRUE(put.ok()) << put.status();
  }

  // The grey of the sheet's picture in that column of the first row.
  static int GreyOf(const Pixels& sheet, int column) {
    const int x = 12 + column * 156 + 72, y = 12 + 72;
    return sheet.rgb[static_cast<std::size_t>(y * sheet.width + x) * 3];
  }

  const std::string folder_;
  std::unique_ptr<RocksStore> store_;
};

TEST_F(PlaceholderSheet, ShowsTheBestOfEachCategoryBeforeTheSecondOfAny) {
  Propose("shirt-1", "Shirts", 10, 0.9);
  Propose("shirt-2", "Shirts", 60, 0.8);
  Propose("watch-1", "Watches", 120, 0.3);
  const auto exported = ExportPlaceholders(*store_, v1::PLACEHOLDER_STATE_PROPOSED, folder_ + "/out", false);
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ(exported->images, 3);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/out/watch-1.png"));
  const Pixels sheet = *DecodeImage(*ReadFile(exported->sheet_path));
  EXPECT_EQ(GreyOf(sheet, 0), 10);
  EXPECT_EQ(GreyOf(sheet, 1), 120);
  EXPECT_EQ(GreyOf(sheet, 2), 60);
}

TEST_F(PlaceholderSheet, AnApprovedOneIsWrittenWithItsBadgeUnderANameThatNoOtherHas) {
  for (const char* id : {"a/b", "a_b"}) {
    Propose(id, "Shirts", 10, 0.9);
    v1::PutPlaceholderRequest approve;
    approve.mutable_placeholder()->set_product_id(id);
    approve.mutable_placeholder()->set_state(v1::PLACEHOLDER_STATE_APPROVED);
    const Pixels badged{8, 8, std::vector<std::uint8_t>(8 * 8 * 3, 200)};
    approve.mutable_badged_image()->set_data(*EncodeImage(badged, "image/png"));
    ASSERT_TRUE(store_->PutPlaceholder(approve).ok());
  }
  const auto exported = ExportPlaceholders(*store_, v1::PLACEHOLDER_STATE_APPROVED, folder_ + "/out", false);
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ(exported->images, 2);
  for (const char* name : {"/out/a%2Fb.png", "/out/a_b.png"}) {
    EXPECT_EQ(DecodeImage(*ReadFile(folder_ + name))->rgb[0], 200) << name;
  }
  EXPECT_EQ(GreyOf(*DecodeImage(*ReadFile(exported->sheet_path)), 0), 200);
}

TEST_F(PlaceholderSheet, OfNoPlaceholdersSaysHowToMakeSome) {
  const auto exported = ExportPlaceholders(*store_, v1::PLACEHOLDER_STATE_APPROVED, folder_ + "/out", true);
  EXPECT_EQ(exported.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(exported.status().message().find("placeholders make"), absl::string_view::npos);
}

}  // namespace
}  // namespace mannequin
