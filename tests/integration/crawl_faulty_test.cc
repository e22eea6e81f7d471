// The real crawler and the real store against an origin that fails three requests of ten.
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/fetcher/crawler.h"
#include "services/store/rocks/rocks_store.h"
#include "tests/integration/pictures.h"
#include "tests/origin/crawl_origin.h"

namespace mannequin {
namespace {

constexpr int kPictures = 300;

class CrawlFaulty : public ::testing::Test {
 protected:
  void SetUp() override {
    InitImages();
    folder_ = MakeTemporaryFolder("crawl-faulty").value();
    WritePictures(folder_ + "/pictures", kPictures);
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Starts the origin, and a store with a product for each picture.
  void Start(const CrawlOriginOptions& options) {
    origin_ = CrawlOrigin::Start(folder_ + "/pictures", options).value();
    config::v1::StoreConfig config;
    config.set_data(folder_ + "/store");
    store_ = RocksStore::Open(config, Clock::Real()).value();
    v1::UpsertProductsRequest request;
    for (int i = 0; i < kPictures; ++i) {
      v1::Product& product = *request.add_products();
      product.set_id(PictureName(i));
      product.set_image_url(origin_->Url(absl::StrCat("/", PictureName(i))));
    }
    ASSERT_TRUE(store_->UpsertProducts(request).ok());
  }

  // Patient, and in a hurry.
  static CrawlOptions Options() {
    CrawlOptions options;
    options.worker = "test";
    options.transfer.connections = 50;
    options.max_attempts = 20;
    options.timeout = absl::Milliseconds(500);
    options.retry_delay = absl::Milliseconds(5);
    return options;
  }

  v1::CrawlProgress Crawl(const CrawlOptions& options) {
    const AddressFilter filter = AddressFilter::Create({"127.0.0.1/32"}).value();
    Crawler crawler(*store_, filter, options);
    v1::CrawlProgress end;
    const absl::Status status = crawler.Run(
        {}, [] { return false; }, [&](const v1::CrawlProgress& progress, double) { end = progress; });
    EXPECT_TRUE(status.ok()) << status;
    return end;
  }

  // The stored picture shows what the origin's file shows.
  void ExpectStoredWhole(int i) {
    v1::GetImageRequest request;
    request.set_product_id(PictureName(i));
    const auto stored = store_->GetImage(request);
    ASSERT_TRUE(stored.ok()) << PictureName(i) << ": " << stored.status();
    const std::string original = ReadFile(absl::StrCat(folder_, "/pictures/", PictureName(i))).value();
    EXPECT_EQ(DecodeImage(stored->image().data()).value().rgb, DecodeImage(original).value().rgb) << PictureName(i);
  }

  std::string folder_;
  std::unique_ptr<CrawlOrigin> origin_;
  std::unique_ptr<RocksStore> store_;
};

TEST_F(CrawlFaulty, StoresEverythingThatExistsAndCountsEachFailureOnce) {
  CrawlOriginOptions options;
  options.faults = {.share = 0.3, .seed = 7};
  options.retry_after_s = 0;
  Start(options);

  const v1::CrawlProgress progress = Crawl(Options());

  EXPECT_EQ(progress.stored(), kPictures);
  EXPECT_TRUE(progress.failed().empty()) << progress.DebugString();
  const OriginCounts counts = origin_->Counts();
  for (int kind = 1; kind < kFaults; ++kind) {
    EXPECT_GT(counts.faults[kind], 0) << FaultName(static_cast<Fault>(kind)) << " was not dealt: nothing is shown";
  }
  // What libcurl repeats by itself is no failure (crawl_origin.h).
  EXPECT_EQ(progress.retried(), counts.AllFaults() - counts.resets_of_used);
  // Each spoilt answer led to another request and the good one to none: a body that was
  // cut, lied about or stalled was never taken.
  for (const auto& [target, of] : origin_->Targets()) EXPECT_EQ(of.requests, of.faults + 1) << target;
  for (int i = 0; i < kPictures; ++i) ExpectStoredWhole(i);
}

TEST_F(CrawlFaulty, FailsWhatIsNotThereAtOnceAndFollowsWhatHasMoved) {
  CrawlOriginOptions options;
  options.faults.missing = 0.2;
  options.faults.redirected = 0.3;
  Start(options);

  const v1::CrawlProgress progress = Crawl(Options());

  const OriginCounts counts = origin_->Counts();
  const std::int64_t missing = counts.statuses.at(404);
  EXPECT_GT(missing, 0);
  EXPECT_GT(counts.statuses.at(302), 0);
  EXPECT_EQ(progress.stored(), kPictures - missing);
  ASSERT_EQ(progress.failed_size(), 1) << progress.DebugString();
  EXPECT_EQ(progress.failed(0).failure(), v1::FETCH_FAILURE_NOT_FOUND);
  EXPECT_EQ(progress.failed(0).products(), missing);
  EXPECT_EQ(progress.retried(), 0);
  for (const auto& [target, of] : origin_->Targets()) EXPECT_EQ(of.requests, 1) << target;
}

TEST_F(CrawlFaulty, StoresNothingOfAnOriginThatOnlyLiesCutsAndStalls) {
  CrawlOriginOptions options;
  options.faults = {.share = 1, .seed = 7, .kinds = {Fault::kCut, Fault::kLie, Fault::kStall}};
  Start(options);
  CrawlOptions crawl = Options();
  crawl.max_attempts = 2;
  crawl.transfer.connections = kPictures;

  const v1::CrawlProgress progress = Crawl(crawl);

  EXPECT_EQ(progress.stored(), 0);
  std::int64_t failed = 0;
  for (const v1::FetchFailureCrawlCount& count : progress.failed()) failed += count.products();
  EXPECT_EQ(failed, kPictures) << progress.DebugString();
}

}  // namespace
}  // namespace mannequin
