// The main job from a catalogue to verdicts: in one process, as one process a service,
// and across kill -9.
#include <signal.h>

#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/store/remote_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mannequin/v1/image_fetcher.grpc.pb.h"
#include "services/mannequin/demo.h"
#include "services/mannequin/ingest/ingest.h"
#include "services/mannequin/origin/origin.h"
#include "services/mannequin/sample/sample.h"
#include "services/mannequin/suite.h"
#include "tests/integration/process.h"
#include "tests/integration/service_processes.h"

namespace mannequin {
namespace {

constexpr int kProducts = 300;

class MainJob : public ::testing::Test {
 protected:
  void SetUp() override {
    InitImages();
    folder_ = MakeTemporaryFolder("main-job").value();
    std::filesystem::create_directories(folder_ + "/sample/images");
    origin_ = Origin::Start(folder_ + "/sample/images", 0).value();
    SampleOptions sample;
    sample.count = kProducts;
    sample.base_url = absl::StrCat("http://", origin_->address());
    ASSERT_TRUE(WriteSample(folder_ + "/sample", sample).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  DemoOptions SmallDemo() const {
    DemoOptions options;
    options.catalog = folder_ + "/sample/catalog.json.gz";
    options.truth = folder_ + "/sample/truth.jsonl";
    options.pictures_folder = folder_ + "/pictures";
    options.train_seconds = 8;
    options.features = 8;
    options.quiet = true;
    return options;
  }

  SuiteOptions AnyPort() const {
    SuiteOptions options;
    options.data = folder_ + "/data";
    options.listen = options.admin_listen = options.console_listen = "127.0.0.1:0";
    options.allow_addresses = {AllowOrigin()};
    options.trainer_program = Binary("mannequin");
    return options;
  }

  std::string AllowOrigin() const { return absl::StrCat("127.0.0.1/32:", origin_->port()); }

  std::string folder_;
  std::unique_ptr<Origin> origin_;
};

std::int64_t Products(const v1::GetStatisticsResponse& statistics, v1::ImageState state) {
  for (const v1::ImageStateCount& count : statistics.image_states()) {
    if (count.state() == state) return count.products();
  }
  return 0;
}

nlohmann::json CountsOf(const DemoResult& result, const std::string& stage) {
  for (const DemoStage& s : result.stages) {
    if (s.name == stage) return s.counts;
  }
  return {};
}

// What must hold after the main job, wherever the services ran.
void ExpectWhole(const DemoResult& result) {
  EXPECT_EQ(CountsOf(result, "ingest")["accepted"], kProducts);
  EXPECT_EQ(result.statistics.products(), kProducts);
  const std::int64_t stored = Products(result.statistics, v1::IMAGE_STATE_STORED);
  EXPECT_EQ(Products(result.statistics, v1::IMAGE_STATE_PENDING), 0);
  EXPECT_EQ(stored + Products(result.statistics, v1::IMAGE_STATE_MISSING) +
                Products(result.statistics, v1::IMAGE_STATE_FAILED),
            kProducts);
  EXPECT_GT(stored, kProducts * 9 / 10);
  EXPECT_EQ(CountsOf(result, "crawl")["stored"], stored);
  EXPECT_EQ(CountsOf(result, "embed catalogue")["embedded"], kProducts);
  EXPECT_GT(CountsOf(result, "train GAN")["steps"], 0);
  // Each listing without an image was looked at, and none was passed over in silence.
  EXPECT_EQ(CountsOf(result, "placeholders")["proposed"].get<std::int64_t>() +
                CountsOf(result, "placeholders")["no_confident_image"].get<std::int64_t>(),
            kProducts - stored);
  // One verdict a stored picture.
  EXPECT_EQ(CountsOf(result, "score")["scored"], stored);
  std::int64_t verdicts = 0;
  for (const auto& [kind, count] : result.verdicts) verdicts += count;
  EXPECT_EQ(verdicts, stored);
  EXPECT_FALSE(result.similar.empty());
  EXPECT_FALSE(result.worst.empty());
  EXPECT_TRUE(std::filesystem::exists(result.worst_sheet));
  EXPECT_TRUE(std::filesystem::exists(result.training_samples));
  EXPECT_FALSE(DemoPage(result).empty());
  EXPECT_TRUE(DemoJson(result).contains("stages"));
}

TEST_F(MainJob, GoesFromCatalogueToVerdictsInOneProcess) {
  auto suite = Suite::Start(AnyPort()).value();
  const auto channel = rpc::NewChannel(suite->address());
  const absl::StatusOr<DemoResult> result =
      RunDemo({suite->store(), channel, channel, channel, channel, channel}, SmallDemo());
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectWhole(*result);

  // Stopped and started again: the same.
  const v1::GetStatisticsResponse before = suite->store().GetStatistics({}).value();
  suite.reset();
  suite = Suite::Start(AnyPort()).value();
  const v1::GetStatisticsResponse after = suite->store().GetStatistics({}).value();
  EXPECT_EQ(after.products(), before.products());
  EXPECT_EQ(after.verdicts(), before.verdicts());
  EXPECT_EQ(after.embeddings(), before.embeddings());
}

TEST_F(MainJob, GoesFromCatalogueToVerdictsAsOneProcessAService) {
  ServiceProcesses services;
  services.Start("store");
  services.Start("fetcher", absl::StrFormat("allow_addresses: \"%s\"", AllowOrigin()));
  for (const char* name : {"embedder", "trainer", "generator", "scorer"}) services.Start(name);
  const auto channel = [&](const char* name) { return rpc::NewChannel(services.AddressOf(name)); };

  const std::unique_ptr<ProductStore> remote = NewRemoteStore(channel("store"));
  const absl::StatusOr<DemoResult> result = RunDemo(
      {*remote, channel("fetcher"), channel("embedder"), channel("trainer"), channel("generator"), channel("scorer")},
      SmallDemo());
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectWhole(*result);
  // The command line follows a job that the fetcher has and the store knows of.
  std::vector<std::string> addresses;
  for (const char* name : {"store", "fetcher"}) {
    addresses.push_back(absl::StrCat(name, "=", services.AddressOf(name)));
  }
  Process crawl({Binary("mannequin"), "--server", absl::StrJoin(addresses, ","), "crawl"}, folder_);
  EXPECT_EQ(crawl.Wait(), 0) << crawl.errors();
  // Asked of the store alone it says what is wrong.
  Process lost({Binary("mannequin"), "--server", services.AddressOf("store"), "crawl"}, folder_);
  EXPECT_EQ(lost.Wait(), 1);
  EXPECT_THAT(lost.errors(), ::testing::HasSubstr("the server has no such service"));
  // SIGTERM ends each cleanly.
  for (const char* name : {"scorer", "generator", "trainer", "embedder", "fetcher", "store"}) {
    EXPECT_EQ(services.Stop(name), 0) << services.LogOf(name);
  }
}

TEST_F(MainJob, KeepsEverythingAcknowledgedAcrossKillNineAndFinishesTheCrawl) {
  const int port = FreePort();
  const std::string address = absl::StrCat("127.0.0.1:", port);
  const std::vector<std::string> up = {Binary("mannequin"), "up",    "--data",          folder_ + "/data",
                                       "--listen",          address, "--admin-listen",  "",
                                       "--console-listen",  "",      "--allow-address", AllowOrigin()};
  auto process = std::make_unique<Process>(up, folder_);
  ASSERT_TRUE(process->WaitForOutput(address, absl::Seconds(60))) << process->errors();
  std::unique_ptr<ProductStore> store = NewRemoteStore(rpc::NewChannel(address));
  ASSERT_TRUE(IngestFile(folder_ + "/sample/catalog.json.gz", {}, *store, nullptr).ok());
  const auto stub = v1::ImageFetcher::NewStub(rpc::NewChannel(address));
  grpc::ClientContext context;
  v1::StartCrawlResponse crawl;
  v1::StartCrawlRequest request;
  request.set_connections(2);  // slow enough to be killed in the middle
  ASSERT_TRUE(stub->StartCrawl(&context, request, &crawl).ok());
  const auto stored = [&] {
    return Products(store->GetStatistics({}).value_or(v1::GetStatisticsResponse()), v1::IMAGE_STATE_STORED);
  };
  std::int64_t acknowledged = 0;
  for (const absl::Time end = absl::Now() + absl::Seconds(30); acknowledged == 0 && absl::Now() < end;
       absl::SleepFor(absl::Milliseconds(1))) {
    acknowledged = stored();
  }
  ASSERT_GT(acknowledged, 0);

  process->Signal(SIGKILL);
  process->Wait();
  process = std::make_unique<Process>(up, folder_);
  ASSERT_TRUE(process->WaitForOutput(address, absl::Seconds(60))) << process->errors();
  store = NewRemoteStore(rpc::NewChannel(address));
  EXPECT_EQ(store->GetStatistics({}).value().products(), kProducts);
  EXPECT_GE(stored(), acknowledged);
  // The crawl's lease runs out and the job goes on by itself.
  v1::GetJobRequest get;
  get.set_id(crawl.job().id());
  v1::Job job;
  for (const absl::Time end = absl::Now() + absl::Seconds(90); absl::Now() < end;
       absl::SleepFor(absl::Milliseconds(100))) {
    job = store->GetJob(get).value().job();
    if (job.state() != v1::JOB_STATE_RUNNING && job.state() != v1::JOB_STATE_QUEUED) break;
  }
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.DebugString();
  EXPECT_EQ(Products(store->GetStatistics({}).value(), v1::IMAGE_STATE_PENDING), 0);
  EXPECT_GT(stored(), kProducts * 9 / 10);
}

}  // namespace
}  // namespace mannequin
