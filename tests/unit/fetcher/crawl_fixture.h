// A real store in a temporary folder, an origin, and crawls between them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "common/image/stored_picture.h"
#include "gtest/gtest.h"
#include "services/fetcher/crawler.h"
#include "services/store/rocks/rocks_store.h"
#include "tests/unit/fetcher/test_origin.h"

namespace mannequin {

// A JPEG whose bytes depend on `shade`.
inline std::string Jpeg(int shade = 0) {
  Pixels pixels;
  pixels.width = 40;
  pixels.height = 30;
  for (int i = 0; i < 40 * 30 * 3; ++i) pixels.rgb.push_back(static_cast<std::uint8_t>(i * 7 + shade * 13));
  return *EncodeImage(pixels, "image/jpeg");
}

// What is stored of a picture.
inline std::string Kept(const std::string& bytes) { return MakeStoredPicture(bytes, {})->data; }

class CrawlFixture : public testing::Test {
 protected:
  CrawlFixture() : folder_(*MakeTemporaryFolder("fetcher-test")) {
    InitImages();
    config::v1::StoreConfig config;
    config.set_data(folder_ + "/store");
    absl::StatusOr<std::unique_ptr<RocksStore>> store = RocksStore::Open(config, clock_);
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    filter_ = *AddressFilter::Create({origin_.AllowEntry()});
  }
  ~CrawlFixture() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void AddProduct(const std::string& id, const std::string& url) {
    v1::UpsertProductsRequest request;
    v1::Product& product = *request.add_products();
    product.set_id(id);
    product.set_image_url(url);
    ASSERT_TRUE(store_->UpsertProducts(request).ok());
  }
  // Products p0, p1, ... whose images are /0, /1, ...
  void AddProducts(int count) {
    for (int i = 0; i < count; ++i) AddProduct(absl::StrCat("p", i), origin_.Url(absl::StrCat("/", i)));
  }

  v1::ImageInfo Image(const std::string& id) {
    v1::GetProductRequest request;
    request.set_id(id);
    return store_->GetProduct(request)->product().image();
  }
  // "STORED image/jpeg 40x30", "PENDING" or "FAILED TIMEOUT".
  std::string State(const std::string& id) {
    const v1::ImageInfo image = Image(id);
    std::string text = v1::ImageState_Name(image.state()).substr(12);
    if (image.state() == v1::IMAGE_STATE_STORED) {
      absl::StrAppend(&text, " ", image.media_type(), " ", image.width(), "x", image.height());
    }
    if (image.state() == v1::IMAGE_STATE_FAILED) {
      absl::StrAppend(&text, " ", v1::FetchFailure_Name(image.failure()).substr(14));
    }
    return text;
  }
  std::int64_t Count(v1::ImageState state) {
    const absl::StatusOr<v1::GetStatisticsResponse> statistics = store_->GetStatistics({});
    for (const v1::ImageStateCount& count : statistics->image_states()) {
      if (count.state() == state) return count.products();
    }
    return 0;
  }

  CrawlOptions Options(std::string worker = "test") {
    CrawlOptions options;
    options.worker = std::move(worker);
    options.transfer.connections = 8;
    options.retry_delay = absl::Milliseconds(1);
    options.max_attempts = 3;
    options.timeout = absl::Seconds(20);
    return options;
  }
  absl::Status Crawl(
      const CrawlOptions& options, const Crawler::Stopping& stopping = [] { return false; }) {
    Crawler crawler(*store_, filter_, options);
    return crawler.Run(before_, stopping, [this](const v1::CrawlProgress& progress, double done) {
      absl::MutexLock lock(&mutex_);
      progress_ = progress;
      done_ = done;
    });
  }
  v1::CrawlProgress Progress() {
    absl::MutexLock lock(&mutex_);
    return progress_;
  }

  std::int64_t MarkForRefresh() {
    const v1::RefreshFetchesRequest all;
    return store_->RefreshFetches(all)->products();
  }

  // False when `condition` does not become true within 20 s.
  template <typename Condition>
  static bool Eventually(Condition condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (absl::Now() < deadline) {
      if (condition()) return true;
      absl::SleepFor(absl::Milliseconds(2));
    }
    return false;
  }

  const std::string folder_;
  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::unique_ptr<RocksStore> store_;
  TestOrigin origin_;
  AddressFilter filter_;
  v1::CrawlProgress before_;
  absl::Mutex mutex_;
  v1::CrawlProgress progress_ ABSL_GUARDED_BY(mutex_);
  double done_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mannequin
