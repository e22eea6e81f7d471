// A suite in its own process, an origin of pictures, and products whose images lie there.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/store/remote_store.h"
#include "gtest/gtest.h"
#include "tests/integration/pictures.h"
#include "tests/integration/process.h"
#include "tests/origin/crawl_origin.h"

namespace mannequin {

class CrawlSuite : public ::testing::Test {
 protected:
  // Of `pictures` pictures and as many products.
  explicit CrawlSuite(int pictures) : pictures_(pictures) {}

  void SetUp() override {
    InitImages();
    folder_ = MakeTemporaryFolder("crawl-suite").value();
    WritePictures(folder_ + "/pictures", pictures_);
    address_ = absl::StrCat("127.0.0.1:", FreePort());
    Up();
  }
  void TearDown() override {
    up_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Starts the suite, also after it was killed.
  void Up() {
    up_ = std::make_unique<Process>(
        std::vector<std::string>{Binary("mannequin"), "up", "--data", folder_ + "/data", "--listen", address_,
                                 "--admin-listen", "", "--console-listen", "", "--allow-address", "127.0.0.1/32"},
        folder_);
    ASSERT_TRUE(up_->WaitForOutput(address_, absl::Seconds(60))) << up_->errors();
  }
  // In place of an origin that was there before.
  void Serve(const CrawlOriginOptions& options) {
    origin_.reset();
    origin_ = CrawlOrigin::Start(folder_ + "/pictures", options).value();
  }
  std::unique_ptr<ProductStore> Store() const { return NewRemoteStore(rpc::NewChannel(address_)); }
  void AddProducts() const {
    v1::UpsertProductsRequest request;
    for (int i = 0; i < pictures_; ++i) {
      v1::Product& product = *request.add_products();
      product.set_id(PictureName(i));
      product.set_image_url(origin_->Url(absl::StrCat("/", PictureName(i))));
    }
    ASSERT_TRUE(Store()->UpsertProducts(request).ok());
  }
  std::unique_ptr<Process> Crawl(std::vector<std::string> words) const {
    words.insert(words.begin(), {Binary("mannequin"), "crawl", "--server", address_});
    return std::make_unique<Process>(words, folder_);
  }

  const int pictures_;
  std::string folder_;
  std::string address_;
  std::unique_ptr<Process> up_;
  std::unique_ptr<CrawlOrigin> origin_;
};

}  // namespace mannequin
