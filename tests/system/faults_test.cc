// What is promised for each part of a running suite that fails; README.md, "When something fails".
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/steady.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/store/remote_store.h"
#include "gtest/gtest.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "mannequin/v1/image_fetcher.grpc.pb.h"
#include "mannequin/v1/image_generator.grpc.pb.h"
#include "services/mannequin/shipped_bundle.h"
#include "tests/integration/pictures.h"
#include "tests/integration/service_processes.h"
#include "tests/origin/crawl_origin.h"
#include "tests/system/callers.h"
#include "tests/system/faulty_proxy.h"
#include "tests/system/shirt.h"
#include "tests/unit/store/mounted_disk.h"

namespace mannequin {
namespace {

std::string Picture() {
  constexpr int kSide = 256;
  Pixels pixels{kSide, kSide, {}};
  std::mt19937 cloth(7);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const bool product = std::abs(x - kSide / 2) < 70 && std::abs(y - kSide / 2) < 100;
      const int thread = product ? static_cast<int>(cloth() % 32) : 0;
      for (const int level : {product ? 40 : 255, product ? 60 : 255, product ? 150 : 255}) {
        pixels.rgb.push_back(static_cast<std::uint8_t>(level + thread));
      }
    }
  }
  return EncodeImage(pixels, "image/jpeg", 95).value();
}

v1::ScoreListingRequest Listing(const std::string& id, bool keep = false) {
  v1::ScoreListingRequest request;
  *request.mutable_product() = Shirt(id);
  request.set_image(Picture());
  request.set_keep(keep);
  return request;
}

struct Answer {
  grpc::Status status;
  v1::Verdict verdict;
  absl::Duration took;
};

Answer Score(v1::AbuseScorer::Stub& stub, const v1::ScoreListingRequest& request,
             absl::Duration deadline = absl::Seconds(20)) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, deadline);
  v1::ScoreListingResponse response;
  const absl::Time begin = absl::Now();
  Answer answer;
  answer.status = stub.ScoreListing(&context, request, &response);
  answer.took = absl::Now() - begin;
  answer.verdict = response.verdict();
  return answer;
}

bool IsJudged(const Answer& answer) {
  return answer.status.ok() && answer.verdict.kind() != v1::VERDICT_KIND_NOT_SCORED &&
         answer.verdict.reasons_size() > 0;
}

// Polls until `ready`; false after `patience` by a clock that nobody sets.
bool Await(absl::Duration patience, const std::function<bool()>& ready) {
  const absl::Time end = SteadyNow() + patience;
  while (!ready()) {
    if (SteadyNow() > end) return false;
    absl::SleepFor(absl::Milliseconds(50));
  }
  return true;
}

// Of Callers: asks for a verdict on a picture that is sent along.
Callers::Call Scoring(const std::string& address) {
  return [stub = std::shared_ptr<v1::AbuseScorer::Stub>(v1::AbuseScorer::NewStub(rpc::NewChannel(address)))](
             const std::string& name) -> std::string {
    const Answer answer = Score(*stub, Listing(name));
    if (IsJudged(answer)) return "";
    return answer.status.ok() ? answer.verdict.not_scored_reason() : answer.status.error_message();
  };
}

class Faults : public testing::Test {
 protected:
  static void SetUpTestSuite() { InitImages(); }
  void SetUp() override { ASSERT_TRUE(InstallShippedBundle(BundleFolder(suite_.bundles())).ok()); }

  std::unique_ptr<v1::AbuseScorer::Stub> Scorer(const std::string& name = "scorer") {
    return v1::AbuseScorer::NewStub(rpc::NewChannel(suite_.AddressOf(name)));
  }
  std::unique_ptr<ProductStore> Store() { return NewRemoteStore(rpc::NewChannel(suite_.AddressOf("store"))); }
  // Both scorers, as a client finds the addresses of a headless service.
  std::string BothScorers() {
    return absl::StrCat("ipv4:", suite_.AddressOf("scorer-1"), ",", suite_.AddressOf("scorer-2"));
  }
  void StartBothScorers() {
    suite_.Start("store");
    suite_.Launch("scorer-1");
    suite_.Start("scorer-2");
    while (!suite_.IsReady("scorer-1")) absl::SleepFor(absl::Milliseconds(20));
  }
  static absl::Status Upsert(ProductStore& store, const std::vector<v1::Product>& products) {
    v1::UpsertProductsRequest request;
    for (const v1::Product& product : products) *request.add_products() = product;
    return store.UpsertProducts(request).status();
  }

  v1::Job MakePlaceholders(const std::string& generator) {
    const auto stub = v1::ImageGenerator::NewStub(rpc::NewChannel(suite_.AddressOf(generator)));
    grpc::ClientContext context;
    v1::MakePlaceholdersResponse made;
    const grpc::Status status = stub->MakePlaceholders(&context, {}, &made);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return made.job();
  }
  static std::int64_t Placeholders(ProductStore& store) {
    const absl::StatusOr<v1::GetStatisticsResponse> statistics = store.GetStatistics({});
    return statistics.ok() ? statistics->placeholders() : 0;
  }
  static v1::Job GetJob(ProductStore& store, const std::string& id) {
    v1::GetJobRequest request;
    request.set_id(id);
    const absl::StatusOr<v1::GetJobResponse> found = store.GetJob(request);
    return found.ok() ? found->job() : v1::Job();
  }
  static v1::Job AwaitEnd(ProductStore& store, const std::string& id) {
    v1::Job job;
    Await(absl::Seconds(120), [&] {
      job = GetJob(store, id);
      return job.has_ended_at();
    });
    return job;
  }

  ServiceProcesses suite_;
};

TEST_F(Faults, AScorerThatIsKilledUnderLoadFailsNoCallWhileAnotherOneServes) {
  StartBothScorers();
  Callers callers(4, Scoring(BothScorers()));
  for (const char* name : {"scorer-1", "scorer-2"}) {
    ASSERT_TRUE(callers.AwaitMore(40));
    suite_.Kill(name);
    ASSERT_TRUE(callers.AwaitMore(20));
    suite_.Start(name);
  }
  EXPECT_EQ(callers.End(), "");
}

TEST_F(Faults, AStoreThatIsKilledHasAllThatItAcknowledged) {
  suite_.Start("store");
  std::vector<std::string> acknowledged;
  for (int kill = 0; kill < 3; ++kill) {
    std::atomic<bool> killed{false};
    std::thread writer([&] {
      const std::unique_ptr<ProductStore> store = Store();
      for (int n = 0; !killed; ++n) {
        const std::string id = absl::StrCat("k", kill, "-", n);
        if (Upsert(*store, {Shirt(id)}).ok()) acknowledged.push_back(id);
      }
    });
    absl::SleepFor(absl::Milliseconds(400));
    suite_.Kill("store");
    killed = true;
    writer.join();
    suite_.Start("store");
  }
  ASSERT_GT(acknowledged.size(), 30u);
  const std::unique_ptr<ProductStore> store = Store();
  for (std::size_t first = 0; first < acknowledged.size(); first += 1000) {
    v1::BatchGetProductsRequest get;
    for (std::size_t i = first; i < std::min(acknowledged.size(), first + 1000); ++i) get.add_ids(acknowledged[i]);
    const absl::StatusOr<v1::BatchGetProductsResponse> found = store->BatchGetProducts(get);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->missing_ids_size(), 0) << found->missing_ids(0);
  }
}

TEST_F(Faults, WithoutTheStorePicturesThatAreSentAreJudgedAndWhatMustBeKeptIsAnError) {
  suite_.Start("store");
  suite_.Start("scorer");
  const auto scorer = Scorer();
  ASSERT_TRUE(Upsert(*Store(), {Shirt("p1")}).ok());
  ASSERT_TRUE(IsJudged(Score(*scorer, Listing("p1", true))));
  suite_.Kill("store");
  EXPECT_TRUE(IsJudged(Score(*scorer, Listing("p1"))));
  const Answer kept = Score(*scorer, Listing("p1", true), absl::Seconds(10));
  EXPECT_FALSE(kept.status.ok()) << "a verdict that is not kept is not said to be";
  // The scorer finds it again by itself.
  suite_.Start("store");
  const absl::Time end = absl::Now() + absl::Seconds(20);
  while (!Score(*scorer, Listing("p1", true)).status.ok()) {
    ASSERT_LT(absl::Now(), end);
    absl::SleepFor(absl::Milliseconds(100));
  }
}

TEST_F(Faults, WithoutTheEmbedderAMismatchIsSaidAndWhatIsMissingIsNamed) {
  suite_.Start("store");
  suite_.Start("scorer");
  v1::ScoreListingRequest request = Listing("p1");
  request.mutable_product()->set_title("Men's digital sports watch with black dial");
  request.mutable_product()->mutable_category_path()->Clear();
  for (const char* part : {"Accessories", "Watches", "Watches"}) request.mutable_product()->add_category_path(part);
  request.set_evidence(3);
  const Answer answer = Score(*Scorer(), request);
  ASSERT_TRUE(IsJudged(answer)) << answer.status.error_message();
  ASSERT_EQ(answer.verdict.reasons(0).reason(), v1::ABUSE_REASON_MISMATCH) << answer.verdict.DebugString();
  bool named = false;
  for (const std::string& line : answer.verdict.degraded()) named |= absl::StrContains(line, "embedder");
  EXPECT_TRUE(named) << answer.verdict.DebugString();
}

TEST_F(Faults, AStoreBehindASlowOrSilentLineHoldsNoVerdictUp) {
  suite_.Start("store");
  FaultyProxy line(suite_.AddressOf("store"));
  suite_.SetStoreAddress(line.address());
  suite_.Start("scorer");
  const auto scorer = Scorer();
  ASSERT_TRUE(Upsert(*Store(), {Shirt("p1")}).ok());
  ASSERT_TRUE(IsJudged(Score(*scorer, Listing("p1", true))));

  line.SetDelay(absl::Milliseconds(300));
  Answer answer = Score(*scorer, Listing("p2"), absl::Seconds(2));
  EXPECT_TRUE(IsJudged(answer)) << answer.status.error_message();
  answer = Score(*scorer, Listing("p1", true));
  EXPECT_TRUE(IsJudged(answer)) << answer.status.error_message();
  EXPECT_GT(answer.took, absl::Milliseconds(300)) << "it was kept over the slow line";

  line.SetDelay(absl::ZeroDuration());
  line.SetSilent(true);
  EXPECT_TRUE(IsJudged(Score(*scorer, Listing("p3"), absl::Seconds(2))));
  answer = Score(*scorer, Listing("p1", true), absl::Seconds(2));
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << answer.status.error_message();
  EXPECT_LT(answer.took, absl::Seconds(4));

  line.SetSilent(false);
  line.Reset();
  const absl::Time end = absl::Now() + absl::Seconds(20);
  while (!Score(*scorer, Listing("p1", true)).status.ok()) {
    ASSERT_LT(absl::Now(), end) << "the broken line was not dialled again";
    absl::SleepFor(absl::Milliseconds(100));
  }
}

TEST_F(Faults, AGeneratorThatIsKilledLeavesItsJobToTheNextOne) {
  constexpr int kProducts = 400;
  suite_.Start("store");
  suite_.Start("generator");
  const std::unique_ptr<ProductStore> store = Store();
  std::vector<v1::Product> products;
  for (int i = 0; i < kProducts; ++i) products.push_back(Shirt(absl::StrCat("p", i)));
  ASSERT_TRUE(Upsert(*store, products).ok());
  const auto generator = v1::ImageGenerator::NewStub(rpc::NewChannel(suite_.AddressOf("generator")));
  grpc::ClientContext context;
  v1::MakePlaceholdersResponse made;
  ASSERT_TRUE(generator->MakePlaceholders(&context, {}, &made).ok());
  const auto placeholders = [&] { return store->GetStatistics({}).value().placeholders(); };
  while (placeholders() == 0) absl::SleepFor(absl::Milliseconds(5));
  suite_.Kill("generator");
  const std::int64_t before = placeholders();
  ASSERT_LT(before, kProducts) << "killed too late to show anything";
  suite_.Start("generator");
  v1::GetJobRequest get;
  get.set_id(made.job().id());
  v1::Job job = made.job();
  const absl::Time end = absl::Now() + absl::Seconds(60);
  while (job.state() != v1::JOB_STATE_SUCCEEDED && absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(100));
    job = store->GetJob(get).value().job();
  }
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.DebugString();
  EXPECT_EQ(job.attempts(), 2);
  v1::ListPlaceholdersRequest list;
  list.set_page_size(1000);
  EXPECT_GT(store->ListPlaceholders(list).value().placeholders_size(), before);
}

TEST_F(Faults, ABundleThatIsDamagedOnDiskJudgesNothingAndTheOneInUseGoesOn) {
  suite_.Start("store");
  suite_.Start("scorer");
  auto scorer = Scorer();
  ASSERT_TRUE(IsJudged(Score(*scorer, Listing("p1"))));
  std::string judge;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(suite_.bundles())) {
    if (entry.path().filename() == "judge.safetensors") judge = entry.path();
  }
  {
    std::fstream file(judge, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(1'000'000);
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(1'000'000);
    file.put(byte);
  }
  EXPECT_TRUE(IsJudged(Score(*scorer, Listing("p2")))) << "what is loaded is not touched";
  suite_.Stop("scorer");
  suite_.Launch("scorer");
  Answer answer;
  const absl::Time end = absl::Now() + absl::Seconds(30);
  do {
    absl::SleepFor(absl::Milliseconds(50));
    answer = Score(*Scorer(), Listing("p1"));
  } while (answer.status.error_code() == grpc::StatusCode::UNAVAILABLE && absl::Now() < end);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.verdict.kind(), v1::VERDICT_KIND_NOT_SCORED) << answer.verdict.DebugString();
  EXPECT_TRUE(absl::StrContains(answer.verdict.not_scored_reason(), "judge.safetensors"))
      << answer.verdict.DebugString();
}

// Keeps the verdict of one listing after the other, until the object goes.
class Keeper {
 public:
  explicit Keeper(const std::string& address)
      : stub_(v1::AbuseScorer::NewStub(rpc::NewChannel(address))), thread_([this] {
          for (int n = 0; !done_; ++n) {
            const std::string id = absl::StrCat("kept-", n);
            const Answer answer = Score(*stub_, Listing(id, true));
            absl::MutexLock lock(&mutex_);
            if (IsJudged(answer)) {
              kept_.push_back(id);
            } else {
              refusals_.push_back(answer.status);
            }
          }
        }) {}
  ~Keeper() { End(); }
  std::vector<std::string> End() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
    return kept();
  }
  std::vector<std::string> kept() const {
    absl::MutexLock lock(&mutex_);
    return kept_;
  }
  std::vector<grpc::Status> refusals() const {
    absl::MutexLock lock(&mutex_);
    return refusals_;
  }

 private:
  const std::unique_ptr<v1::AbuseScorer::Stub> stub_;
  std::atomic<bool> done_{false};
  mutable absl::Mutex mutex_;
  std::vector<std::string> kept_ ABSL_GUARDED_BY(mutex_);
  std::vector<grpc::Status> refusals_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

TEST_F(Faults, AFullDiskRefusesWhatMustBeKeptAndAllGoesOnByItselfOnceThereIsRoom) {
  MountedDisk disk(suite_.bundles() + "/../disk", std::int64_t{384} << 20);
  if (!disk.mounted()) GTEST_SKIP() << "a tmpfs cannot be mounted here";
  suite_.SetStoreData(disk.folder() + "/store");
  suite_.Start("store");
  suite_.Start("scorer");
  suite_.Start("generator");
  const std::unique_ptr<ProductStore> store = Store();
  std::vector<v1::Product> products;
  for (int i = 0; i < 600; ++i) products.push_back(Shirt(absl::StrCat("p", i)));
  ASSERT_TRUE(Upsert(*store, products).ok());
  const v1::Job begun = MakePlaceholders("generator");
  Callers callers(4, Scoring(suite_.AddressOf("scorer")));
  Keeper keeper(suite_.AddressOf("scorer"));
  ASSERT_TRUE(Await(absl::Seconds(60), [&] { return keeper.kept().size() > 10 && Placeholders(*store) > 0; }));
  EXPECT_TRUE(keeper.refusals().empty()) << keeper.refusals()[0].error_message();

  disk.Fill();
  // Its log has some megabytes that it allocated before.
  absl::Status full;
  for (int n = 0; n < 300 && full.ok(); ++n) {
    std::vector<v1::Product> long_ones(products.begin(), products.begin() + 200);
    for (v1::Product& product : long_ones) product.set_description(std::string(4'000, static_cast<char>('a' + n % 26)));
    full = Upsert(*store, long_ones);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  ASSERT_TRUE(Await(absl::Seconds(60), [&] { return keeper.refusals().size() > 20; })) << suite_.LogOf("store");
  for (const grpc::Status& refusal : keeper.refusals()) {
    EXPECT_EQ(refusal.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << refusal.error_message();
    EXPECT_TRUE(absl::StrContains(refusal.error_message(), "the verdict could not be kept")) << refusal.error_message();
    EXPECT_TRUE(absl::StrContains(refusal.error_message(), "the disk is full")) << refusal.error_message();
  }
  // Reads, and verdicts on pictures that are sent, go on: nothing is taken out of the load balancer for it.
  EXPECT_TRUE(callers.AwaitMore(20));
  EXPECT_TRUE(suite_.IsReady("store"));
  EXPECT_TRUE(suite_.IsReady("scorer"));
  v1::GetProductRequest get;
  get.set_id("p7");
  EXPECT_TRUE(store->GetProduct(get).ok());
  const absl::Status refused = Upsert(*store, {Shirt("late")});
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;

  disk.Empty();
  const std::size_t kept = keeper.kept().size();
  EXPECT_TRUE(Await(absl::Seconds(60), [&] { return keeper.kept().size() > kept + 20; })) << suite_.LogOf("store");
  const v1::Job job = AwaitEnd(*store, begun.id());
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.DebugString();
  EXPECT_EQ(callers.End(), "");
  const std::vector<std::string> acknowledged = keeper.End();
  suite_.Kill("store");
  suite_.Start("store");
  const std::unique_ptr<ProductStore> again = Store();
  for (const std::string& id : acknowledged) {
    v1::GetVerdictRequest verdict;
    verdict.set_product_id(id);
    const absl::Status there = again->GetVerdict(verdict).status();
    ASSERT_TRUE(there.ok()) << id << ": " << there;
  }
  std::int64_t faults = -1;
  const auto visit = [&](const v1::CheckIntegrityResponse& response) {
    for (const v1::IntegrityFault& fault : response.faults()) ADD_FAILURE() << fault.DebugString();
    if (response.done()) faults = response.faults_found();
    return absl::OkStatus();
  };
  const absl::Status checked = again->CheckIntegrity({}, visit);
  EXPECT_TRUE(checked.ok()) << checked;
  EXPECT_EQ(0, faults);
}

// stepped_clock.cc moves the wall clock of the processes that are started with it, and not the monotonic one.
class SteppedClock : public Faults {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's runtime must be loaded first";
#endif
    Faults::SetUp();
    clock_ = suite_.bundles() + "/../clock";
    std::ofstream(clock_, std::ios::binary) << std::string(sizeof(std::int64_t), '\0');
    suite_.SetEnvironment({absl::StrCat("LD_PRELOAD=", STEPPED_CLOCK_LIBRARY), "STEPPED_CLOCK=" + clock_});
  }
  // How fast it is from now on; then a few heartbeats.
  void Step(absl::Duration fast) {
    const std::int64_t seconds = absl::ToInt64Seconds(fast);
    std::fstream file(clock_, std::ios::in | std::ios::out | std::ios::binary);
    file.write(reinterpret_cast<const char*>(&seconds), sizeof seconds).flush();
    ASSERT_TRUE(file.good());
    absl::SleepFor(absl::Seconds(3));
  }

  std::string clock_;
};

TEST_F(SteppedClock, AnHourForwardAndBackTakesNoJobFromItsWorkerAndLosesNothing) {
  constexpr int kPictures = 300;
  suite_.Start("store");
  suite_.Start("scorer");
  suite_.Start("generator-1");
  suite_.Start("generator-2");
  suite_.Start("fetcher",
               "allow_addresses: \"127.0.0.0/8\" "
               "host_rules { host: \"*\" connections: 4 requests_per_second: 15 ignore_robots: true }");
  const std::unique_ptr<ProductStore> store = Store();
  const std::string pictures = suite_.bundles() + "/../pictures";
  WritePictures(pictures, kPictures);
  const std::unique_ptr<CrawlOrigin> origin = CrawlOrigin::Start(pictures, {}).value();
  std::vector<v1::Product> products;
  for (int i = 0; i < kPictures; ++i) {
    products.push_back(Shirt(PictureName(i)));
    products.back().set_image_url(origin->Url(absl::StrCat("/", PictureName(i))));
  }
  ASSERT_TRUE(Upsert(*store, products).ok());
  const auto fetcher = v1::ImageFetcher::NewStub(rpc::NewChannel(suite_.AddressOf("fetcher")));
  grpc::ClientContext context;
  v1::StartCrawlResponse crawl;
  ASSERT_TRUE(fetcher->StartCrawl(&context, {}, &crawl).ok());
  ASSERT_TRUE(Await(absl::Seconds(60), [&] { return origin->Counts().requests > 10; }));

  std::atomic<bool> done{false};
  std::thread writer([&] {
    absl::Time last = absl::InfinitePast();
    for (int n = 0; !done; ++n) {
      v1::Product product = Shirt("followed");
      product.set_title(absl::StrCat("Shirt ", n));
      const absl::Status written = Upsert(*store, {product});
      EXPECT_TRUE(written.ok()) << written;
      v1::GetProductRequest get;
      get.set_id("followed");
      const google::protobuf::Timestamp at = store->GetProduct(get).value().product().updated_at();
      const absl::Time updated = absl::FromUnixSeconds(at.seconds()) + absl::Nanoseconds(at.nanos());
      EXPECT_GT(updated, last);
      last = updated;
      absl::SleepFor(absl::Milliseconds(20));
    }
  });
  Callers callers(2, Scoring(suite_.AddressOf("scorer")));
  Step(absl::Hours(1));
  EXPECT_EQ(GetJob(*store, crawl.job().id()).attempts(), 1);
  const std::int64_t asked = origin->Counts().requests;
  EXPECT_LT(asked, kPictures) << "over before it was seen to go on";
  EXPECT_TRUE(Await(absl::Seconds(20), [&] { return origin->Counts().requests > asked; }));
  Step(absl::ZeroDuration());
  const std::int64_t back = origin->Counts().requests;
  EXPECT_LT(back, kPictures) << "over before it was seen to go on";
  EXPECT_TRUE(Await(absl::Seconds(20), [&] { return origin->Counts().requests > back; }));
  EXPECT_EQ(callers.End(), "");
  const v1::Job crawled = AwaitEnd(*store, crawl.job().id());
  EXPECT_EQ(crawled.state(), v1::JOB_STATE_SUCCEEDED) << crawled.DebugString();
  EXPECT_EQ(crawled.attempts(), 1);
  for (const auto& [target, counts] : origin->Targets()) EXPECT_EQ(counts.requests, 1) << target;
  done = true;
  writer.join();
  EXPECT_TRUE(IsJudged(Score(*Scorer(), Listing("after"))));
}

TEST_F(SteppedClock, AJobWhoseWorkerIsGoneDoesNotWaitForAClockThatWasSetBack) {
  suite_.Start("store");
  suite_.Start("generator-1");
  const std::unique_ptr<ProductStore> store = Store();
  std::vector<v1::Product> products;
  for (int i = 0; i < 600; ++i) products.push_back(Shirt(absl::StrCat("p", i)));
  ASSERT_TRUE(Upsert(*store, products).ok());
  Step(absl::Hours(1));
  const v1::Job begun = MakePlaceholders("generator-1");
  ASSERT_TRUE(Await(absl::Seconds(60), [&] { return Placeholders(*store) > 0; }));
  suite_.Kill("generator-1");
  Step(absl::ZeroDuration());
  suite_.Start("generator-2");
  const v1::Job job = AwaitEnd(*store, begun.id());
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.DebugString();
  EXPECT_EQ(job.attempts(), 2);
}

}  // namespace
}  // namespace mannequin
