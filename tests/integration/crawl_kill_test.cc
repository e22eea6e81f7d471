// A crawl through the command line whose server is killed in the middle, again and again.
#include <signal.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/store/remote_store.h"
#include "gtest/gtest.h"
#include "tests/integration/pictures.h"
#include "tests/integration/process.h"
#include "tests/origin/crawl_origin.h"

namespace mannequin {
namespace {

constexpr int kPictures = 300;
constexpr int kKills = 3;
constexpr int kConnections = 4;

class CrawlKill : public ::testing::Test {
 protected:
  void SetUp() override {
    InitImages();
    folder_ = MakeTemporaryFolder("crawl-kill").value();
    WritePictures(folder_ + "/pictures", kPictures);
    CrawlOriginOptions options;
    options.latency = absl::Milliseconds(20);
    origin_ = CrawlOrigin::Start(folder_ + "/pictures", options).value();
    address_ = absl::StrCat("127.0.0.1:", FreePort());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Process> Up() const {
    auto up = std::make_unique<Process>(
        std::vector<std::string>{Binary("mannequin"), "up", "--data", folder_ + "/data", "--listen", address_,
                                 "--admin-listen", "", "--console-listen", "", "--allow-address", "127.0.0.1/32"},
        folder_);
    EXPECT_TRUE(up->WaitForOutput(address_, absl::Seconds(60))) << up->errors();
    return up;
  }
  std::unique_ptr<Process> StartCrawl() const {
    return std::make_unique<Process>(std::vector<std::string>{Binary("mannequin"), "crawl", "--server", address_,
                                                              "--connections", absl::StrCat(kConnections)},
                                     folder_);
  }
  std::unique_ptr<ProductStore> Store() const { return NewRemoteStore(rpc::NewChannel(address_)); }

  void AddProducts() const {
    v1::UpsertProductsRequest request;
    for (int i = 0; i < kPictures; ++i) {
      v1::Product& product = *request.add_products();
      product.set_id(PictureName(i));
      product.set_image_url(origin_->Url(absl::StrCat("/", PictureName(i))));
    }
    ASSERT_TRUE(Store()->UpsertProducts(request).ok());
  }

  static std::int64_t Stored(ProductStore& store) {
    const absl::StatusOr<v1::GetStatisticsResponse> statistics = store.GetStatistics({});
    if (!statistics.ok()) return 0;
    for (const v1::ImageStateCount& count : statistics->image_states()) {
      if (count.state() == v1::IMAGE_STATE_STORED) return count.products();
    }
    return 0;
  }

  std::string folder_;
  std::string address_;
  std::unique_ptr<CrawlOrigin> origin_;
};

TEST_F(CrawlKill, LosesNothingAndFetchesAgainOnlyWhatWasUnderWay) {
  std::unique_ptr<Process> up = Up();
  AddProducts();
  // Asked for at a kill, and not in the store: open transfers, and what the writer had not
  // synced yet.
  std::int64_t under_way = 0;
  for (int kill = 1; kill <= kKills; ++kill) {
    const std::unique_ptr<Process> crawl = StartCrawl();
    std::unique_ptr<ProductStore> store = Store();
    const std::int64_t enough = std::int64_t{kPictures} * kill / (kKills + 1);
    std::int64_t acknowledged = 0;
    for (const absl::Time end = absl::Now() + absl::Seconds(60); acknowledged < enough && absl::Now() < end;
         absl::SleepFor(absl::Milliseconds(2))) {
      acknowledged = Stored(*store);
    }
    ASSERT_GE(acknowledged, enough) << crawl->errors();
    up->Signal(SIGKILL);
    up->Wait();
    crawl->Wait();
    const auto asked = static_cast<std::int64_t>(origin_->Targets().size());
    up = Up();
    store = Store();
    EXPECT_GE(Stored(*store), acknowledged);
    under_way += asked - Stored(*store);
  }
  const std::unique_ptr<Process> crawl = StartCrawl();
  EXPECT_EQ(crawl->Wait(), 0) << crawl->errors();

  EXPECT_EQ(Stored(*Store()), kPictures);
  // Nothing was asked for again that the store had.
  EXPECT_LE(origin_->Counts().requests, kPictures + under_way);
  EXPECT_EQ(origin_->Targets().size(), std::size_t{kPictures});
}

}  // namespace
}  // namespace mannequin
