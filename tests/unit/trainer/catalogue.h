// A small catalogue in a real store, and an embedding trained on it, for tests.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "common/model/bundle.h"
#include "common/text/text_model.h"
#include "gtest/gtest.h"
#include "services/store/rocks/rocks_store.h"
#include "tests/unit/text/titles.h"

namespace mannequin {

// Products of some leaf categories, each of its own colour.
class CatalogueTest : public testing::Test {
 protected:
  CatalogueTest() : folder_(*MakeTemporaryFolder("trainer")), bundles_(folder_ + "/bundles") {
    InitImages();
    config::v1::StoreConfig config;
    config.set_data(folder_ + "/data");
    store_ = *RocksStore::Open(config, Clock::Real());
  }
  ~CatalogueTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void PutImage(const std::string& id, const std::string& bytes) {
    v1::PutImageRequest put;
    put.set_product_id(id);
    put.mutable_image()->set_data(bytes);
    put.mutable_image()->set_media_type("image/png");
    put.mutable_image()->set_width(48);
    put.mutable_image()->set_height(48);
    ASSERT_TRUE(store_->PutImage(put).ok());
  }

  static Pixels Picture(int category, int number) {
    Pixels pixels{48, 48, std::vector<std::uint8_t>(48 * 48 * 3, 255)};
    for (int y = 8; y < 40; ++y) {
      for (int x = 8 + number % 8; x < 40; ++x) {
        pixels.rgb[static_cast<std::size_t>(y * 48 + x) * 3 + static_cast<std::size_t>(category % 3)] = 30;
      }
    }
    return pixels;
  }

  void AddProducts(int categories, int each) {
    for (int category = 0; category < categories; ++category) {
      v1::UpsertProductsRequest upsert;
      for (int i = 0; i < each; ++i) {
        v1::Product& product = *upsert.add_products();
        product.set_id(absl::StrCat("p-", category, "-", i));
        product.set_title(absl::StrCat("product alpha", i % 7, " of kind beta", category));
        product.add_category_path("Everything");
        product.add_category_path(absl::StrCat("Kind", category));
        product.set_brand(absl::StrCat("Brand", i % 2));
        if (i % 3 != 0) {
          v1::Attribute& color = *product.add_attributes();
          color.set_name("color");
          color.set_value(i % 3 == 1 ? "Navy" : "Amber");
        }
        product.set_image_url("http://127.0.0.1/x.png");
      }
      ASSERT_TRUE(store_->UpsertProducts(upsert).ok());
      for (int i = 0; i < each; ++i) {
        PutImage(absl::StrCat("p-", category, "-", i), *EncodeImage(Picture(category, i), "image/png"));
      }
    }
  }

  void AddEmbedding() {
    TextModelOptions options;
    options.doc2vec.dimension = 16;
    options.doc2vec.epochs = 2;
    options.doc2vec.threads = 1;
    options.tokenizer.vocabulary_size = 300;
    std::vector<std::string> titles;
    for (int i = 0; i < 200; ++i) {
      titles.push_back(absl::StrCat("kind", i % 3, " product alpha", i % 7, " of kind beta", i % 3));
    }
    const auto model = TextModel::Train(ScanTitles(titles), options, nullptr);
    ASSERT_TRUE(model.ok()) << model.status();
    const std::string staging = *bundles_.Stage();
    ASSERT_TRUE(model->Save(staging).ok());
    v1::BundleManifest manifest;
    manifest.mutable_embedding()->set_dimension(16);
    const auto published = bundles_.Publish(staging, manifest);
    ASSERT_TRUE(published.ok()) << published.status();
    ASSERT_TRUE(bundles_.Promote(published->version()).ok());
  }

  const std::string folder_;
  const BundleFolder bundles_;
  std::unique_ptr<RocksStore> store_;
};

}  // namespace mannequin
