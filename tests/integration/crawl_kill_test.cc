// A crawl through the command line whose server is killed in the middle, again and again.
#include <signal.h>

#include "absl/time/clock.h"
#include "tests/integration/crawl_suite.h"

namespace mannequin {
namespace {

constexpr int kPictures = 300;
constexpr int kKills = 3;
constexpr int kConnections = 4;

class CrawlKill : public CrawlSuite {
 protected:
  CrawlKill() : CrawlSuite(kPictures) {}

  void SetUp() override {
    CrawlSuite::SetUp();
    CrawlOriginOptions options;
    options.latency = absl::Milliseconds(20);
    Serve(options);
  }
  std::unique_ptr<Process> StartCrawl() const { return Crawl({"--connections", absl::StrCat(kConnections)}); }

  static std::int64_t Stored(ProductStore& store) {
    const absl::StatusOr<v1::GetStatisticsResponse> statistics = store.GetStatistics({});
    if (!statistics.ok()) return 0;
    for (const v1::ImageStateCount& count : statistics->image_states()) {
      if (count.state() == v1::IMAGE_STATE_STORED) return count.products();
    }
    return 0;
  }
};

TEST_F(CrawlKill, LosesNothingAndFetchesAgainOnlyWhatWasUnderWay) {
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
    up_->Signal(SIGKILL);
    up_->Wait();
    crawl->Wait();
    const auto asked = static_cast<std::int64_t>(origin_->Targets().size());
    Up();
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
