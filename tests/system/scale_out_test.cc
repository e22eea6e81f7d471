// One store on PostgreSQL and a bucket, and 1, 2 and 4 processes of a service on it: two store processes, fetchers
// and scorers that divide the work among them. Prints what each number of processes does a second.
//
//   build/tests/scale_out_test
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/rpc/channel.h"
#include "common/store/remote_store.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "mannequin/v1/image_fetcher.grpc.pb.h"
#include "services/mannequin/shipped_bundle.h"
#include "tests/integration/pictures.h"
#include "tests/integration/service_processes.h"
#include "tests/origin/crawl_origin.h"
#include "tests/unit/store/postgres/engines.h"

namespace mannequin {
namespace {

constexpr int kPictures = 1'200;
constexpr int kHosts = 8;
constexpr absl::Duration kPatience = absl::Minutes(3);

class ScaleOut : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    absl::StatusOr<config::v1::StoreConfig> engines = NewEngines();
    if (absl::IsNotFound(engines.status())) GTEST_SKIP() << engines.status().message();
    ASSERT_TRUE(engines.ok()) << engines.status();
    engines->mutable_postgres()->set_max_connections(16);
    std::string config;
    google::protobuf::TextFormat::PrintToString(*engines, &config);
    for (const char* name : {"store-1", "store-2"}) services_.Start(name, config);
    stores_ = absl::StrCat("ipv4:", services_.AddressOf("store-1"), ",", services_.AddressOf("store-2"));
    services_.SetStoreAddress(stores_);
    store_ = NewRemoteStore(rpc::NewChannel(stores_));
    InitImages();
    folder_ = MakeTemporaryFolder("scale-out").value();
    WritePictures(folder_ + "/pictures", kPictures);
    CrawlOriginOptions options;
    options.hosts = kHosts;
    options.latency = absl::Milliseconds(5);
    origin_ = CrawlOrigin::Start(folder_ + "/pictures", options).value();
    v1::UpsertProductsRequest request;
    for (int i = 0; i < kPictures; ++i) {
      v1::Product& product = *request.add_products();
      product.set_id(PictureName(i));
      product.set_title(absl::StrCat("Blue shirt ", i));
      product.add_category_path("Apparel");
      product.set_image_url(origin_->Url(absl::StrCat("/", PictureName(i)), i % kHosts));
    }
    ASSERT_TRUE(store_->UpsertProducts(request).ok());
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  // Until each of the jobs has ended; which workers were seen to have one.
  std::set<std::string> WaitFor(const std::vector<v1::Job>& jobs) {
    std::set<std::string> workers;
    std::map<std::string, v1::Job> ended;
    for (const absl::Time end = absl::Now() + kPatience; ended.size() < jobs.size() && absl::Now() < end;
         absl::SleepFor(absl::Milliseconds(10))) {
      const absl::StatusOr<v1::ListJobsResponse> now = store_->ListJobs({});
      if (!now.ok()) {
        ADD_FAILURE() << now.status();
        break;
      }
      for (const v1::Job& job : now->jobs()) {
        const bool ours =
            std::any_of(jobs.begin(), jobs.end(), [&](const v1::Job& own) { return own.id() == job.id(); });
        if (!ours) continue;
        if (!job.worker().empty()) workers.insert(job.worker());
        if (job.has_ended_at()) ended[job.id()] = job;
      }
    }
    EXPECT_EQ(jobs.size(), ended.size());
    for (const auto& [id, job] : ended) {
      EXPECT_EQ(v1::JOB_STATE_SUCCEEDED, job.state()) << job.error();
      last_.push_back(job);
    }
    return workers;
  }
  void Crawl(int fetchers) {
    for (int i = 1; i <= fetchers; ++i) {
      const std::string name = absl::StrCat("fetcher-", i);
      services_.Start(name,
                      "allow_addresses: \"127.0.0.0/8\" "
                      "host_rules { host: \"*\" connections: 16 requests_per_second: -1 ignore_robots: true }");
    }
    const absl::Time begin = absl::Now();
    const auto stub = v1::ImageFetcher::NewStub(rpc::NewChannel(services_.AddressOf("fetcher-1")));
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(10));
    v1::StartCrawlRequest request;
    request.set_connections(32);
    request.set_parts(fetchers);
    v1::StartCrawlResponse response;
    const grpc::Status started = stub->StartCrawl(&context, request, &response);
    ASSERT_TRUE(started.ok()) << started.error_message();
    const std::set<std::string> workers = WaitFor({response.jobs().begin(), response.jobs().end()});
    // One that is done with its share early takes what is left of another's.
    EXPECT_GE(workers.size(), fetchers > 1 ? 2U : 1U);
    std::printf("%d fetchers: %.0f pictures a second, %zu workers\n", fetchers,
                kPictures / absl::ToDoubleSeconds(absl::Now() - begin), workers.size());
  }
  std::int64_t Stored() {
    const absl::StatusOr<v1::GetStatisticsResponse> statistics = store_->GetStatistics({});
    if (!statistics.ok()) return -1;
    for (const v1::ImageStateCount& count : statistics->image_states()) {
      if (count.state() == v1::IMAGE_STATE_STORED) return count.products();
    }
    return -1;
  }

  ServiceProcesses services_;
  std::string stores_;
  std::unique_ptr<ProductStore> store_;
  std::string folder_;
  std::unique_ptr<CrawlOrigin> origin_;
  std::vector<v1::Job> last_;
};

TEST_P(ScaleOut, FetchersDivideTheQueueAndAskForNothingTwice) {
  Crawl(GetParam());
  EXPECT_EQ(kPictures, Stored());
  std::int64_t targets = 0;
  for (const auto& [target, counts] : origin_->Targets()) {
    if (target == "/robots.txt") continue;
    ++targets;
    EXPECT_EQ(1, counts.requests) << target;
  }
  EXPECT_EQ(kPictures, targets);
}

TEST_P(ScaleOut, ScorersDivideTheCatalogueAndJudgeNothingTwice) {
  Crawl(1);
  ASSERT_TRUE(InstallShippedBundle(BundleFolder(services_.bundles())).ok());
  services_.Start("embedder");
  for (int i = 1; i <= GetParam(); ++i) services_.Start(absl::StrCat("scorer-", i));
  last_.clear();
  const absl::Time begin = absl::Now();
  const auto stub = v1::AbuseScorer::NewStub(rpc::NewChannel(services_.AddressOf("scorer-1")));
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(10));
  v1::ScoreCatalogRequest request;
  request.set_parts(GetParam());
  v1::ScoreCatalogResponse response;
  const grpc::Status started = stub->ScoreCatalog(&context, request, &response);
  ASSERT_TRUE(started.ok()) << started.error_message();
  ASSERT_EQ(GetParam(), response.jobs_size());
  const std::set<std::string> workers = WaitFor({response.jobs().begin(), response.jobs().end()});
  std::printf("%d scorers: %.0f verdicts a second, %zu workers\n", GetParam(),
              kPictures / absl::ToDoubleSeconds(absl::Now() - begin), workers.size());
  EXPECT_GE(workers.size(), GetParam() > 1 ? 2U : 1U);
  std::int64_t scored = 0;
  for (const v1::Job& job : last_) {
    v1::ScoreCatalogProgress progress;
    ASSERT_TRUE(job.progress().UnpackTo(&progress));
    EXPECT_GT(progress.scored(), kPictures / GetParam() / 2) << "a fair share";
    EXPECT_EQ(1, job.attempts());
    scored += progress.scored();
  }
  EXPECT_EQ(kPictures, scored);
  EXPECT_EQ(kPictures, store_->GetStatistics({})->verdicts());
}

INSTANTIATE_TEST_SUITE_P(Processes, ScaleOut, testing::Values(1, 2, 4), testing::PrintToStringParamName());

}  // namespace
}  // namespace mannequin
