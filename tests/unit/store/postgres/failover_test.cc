// A primary that is gone, with a standby and without: what was acknowledged is there, and calls go on.
#include <map>
#include <mutex>
#include <set>

#include "gmock/gmock.h"
#include "tests/unit/store/bucket/s3_server.h"
#include "tests/unit/store/postgres/postgres_server.h"
#include "tests/unit/store/postgres/postgres_suite.h"

namespace mannequin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kWriters = 6;
constexpr absl::Duration kPatience = absl::Seconds(60);

// Products, pictures and jobs, and which of them were acknowledged.
class Writers {
 public:
  explicit Writers(ProductStore& store) {
    for (int i = 0; i < kWriters; ++i) {
      threads_.emplace_back([this, i, &store] { Write(store, i); });
    }
  }
  ~Writers() { Stop(); }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  // Until each has so many more calls acknowledged.
  bool WaitForMore(int calls) {
    std::vector<int> before;
    for (int i = 0; i < kWriters; ++i) before.push_back(calls_[i]);
    for (const absl::Time end = absl::Now() + kPatience; absl::Now() < end; absl::SleepFor(absl::Milliseconds(5))) {
      bool all = true;
      for (int i = 0; i < kWriters; ++i) all = all && calls_[i] >= before[static_cast<std::size_t>(i)] + calls;
      if (all) return true;
    }
    return false;
  }
  const std::vector<absl::Status>& failures() const { return failures_; }

  // After Stop().
  void ExpectAllKept(ProductStore& store) {
    for (const std::string& id : products_) {
      v1::GetImageRequest request;
      request.set_product_id(id);
      const auto image = store.GetImage(request);
      ASSERT_TRUE(image.ok()) << id << ": " << image.status();
    }
    for (const auto& [key, id] : jobs_) {
      v1::CreateJobRequest again;
      again.set_kind(v1::JOB_KIND_CRAWL);
      again.set_idempotency_key(key);
      EXPECT_EQ(id, Must(store.CreateJob(again)).job().id()) << key;
    }
    EXPECT_THAT(FaultsOf(store), IsEmpty());
    EXPECT_GE(Must(store.GetStatistics({})).products(), static_cast<std::int64_t>(products_.size()));
  }

 private:
  // Calls until it is acknowledged, as clients do.
  template <typename Call>
  bool Acknowledged(int writer, const Call& call) {
    while (!stop_) {
      const absl::Status status = call();
      if (status.ok()) {
        ++calls_[writer];
        return true;
      }
      const std::lock_guard<std::mutex> lock(mutex_);
      failures_.push_back(status);
    }
    return false;
  }
  void Write(ProductStore& store, int writer) {
    for (int round = 0; !stop_; ++round) {
      const std::string name = absl::StrCat(writer, "-", round);
      v1::UpsertProductsRequest upsert;
      v1::CompleteFetchesRequest complete;
      complete.set_worker("w");
      for (int i = 0; i < 5; ++i) {
        const std::string id = absl::StrCat("p", name, "-", i);
        *upsert.add_products() = MakeProduct(id, "http://x/" + id);
        *complete.add_results() = Fetched(id, "http://x/" + id, i == 0 ? "shared" : "picture of " + id);
      }
      if (!Acknowledged(writer, [&] { return store.UpsertProducts(upsert).status(); })) return;
      if (!Acknowledged(writer, [&] { return store.CompleteFetches(complete).status(); })) return;
      v1::CreateJobRequest create;
      create.set_kind(v1::JOB_KIND_CRAWL);
      create.set_idempotency_key("key " + name);
      std::string job;
      const auto create_job = [&] {
        const absl::StatusOr<v1::CreateJobResponse> created = store.CreateJob(create);
        if (created.ok()) job = created->job().id();
        return created.status();
      };
      if (!Acknowledged(writer, create_job)) return;
      const std::lock_guard<std::mutex> lock(mutex_);
      for (const v1::FetchResult& result : complete.results()) {
        products_.insert(result.product_id());
      }
      jobs_[create.idempotency_key()] = job;
    }
  }

  std::atomic<bool> stop_{false};
  std::atomic<int> calls_[kWriters] = {};
  std::mutex mutex_;
  std::vector<absl::Status> failures_;
  std::set<std::string> products_;
  std::map<std::string, std::string> jobs_;
  std::vector<std::thread> threads_;
};

// Servers of each test's own, with fsync as in production.
class Failover : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<PostgresServer>> primary = PostgresServer::Start();
    if (absl::IsNotFound(primary.status())) GTEST_SKIP() << primary.status().message();
    ASSERT_TRUE(primary.ok()) << primary.status();
    primary_ = *std::move(primary);
    absl::StatusOr<std::unique_ptr<S3Server>> bucket = S3Server::Start();
    if (absl::IsNotFound(bucket.status())) GTEST_SKIP() << bucket.status().message();
    ASSERT_TRUE(bucket.ok()) << bucket.status();
    bucket_ = *std::move(bucket);
    config_.mutable_postgres()->set_connection(primary_->connection());
    *config_.mutable_bucket() = bucket_->config("pictures");
  }
  void AddStandby() {
    standby_ = Must(PostgresServer::StartStandby(*primary_));
    ASSERT_NE(nullptr, standby_);
    config_.mutable_postgres()->set_connection(absl::StrCat("host=127.0.0.1,127.0.0.1 port=", primary_->port(), ",",
                                                            standby_->port(),
                                                            " user=mannequin dbname=postgres "
                                                            "target_session_attrs=read-write"));
  }
  std::unique_ptr<PostgresStore> Open() { return Must(PostgresStore::Open(config_, Clock::Real())); }
  static void ExpectClear(const std::vector<absl::Status>& failures) {
    for (const absl::Status& failure : failures) {
      EXPECT_EQ("UNAVAILABLE", CodeOf(failure)) << failure;
      EXPECT_THAT(std::string(failure.message()), testing::AnyOf(HasSubstr("PostgreSQL"), HasSubstr("COMMIT")));
    }
  }

  std::unique_ptr<PostgresServer> primary_, standby_;
  std::unique_ptr<S3Server> bucket_;
  config::v1::StoreConfig config_;
};

TEST_F(Failover, ToASynchronousStandbyLosesNothingThatWasAcknowledged) {
  AddStandby();
  const std::unique_ptr<PostgresStore> store = Open();
  ASSERT_NE(nullptr, store);
  Writers writers(*store);
  ASSERT_TRUE(writers.WaitForMore(6));
  primary_->KillHard();
  ASSERT_EQ(absl::OkStatus(), standby_->Promote());
  const absl::Time promoted = absl::Now();
  ASSERT_TRUE(writers.WaitForMore(1)) << "calls do not go on";
  RecordProperty("went_on_after", absl::FormatDuration(absl::Now() - promoted));
  std::cout << "calls went on " << absl::Now() - promoted << " after the promotion, " << writers.failures().size()
            << " failed\n";
  ASSERT_TRUE(writers.WaitForMore(6));
  writers.Stop();
  ExpectClear(writers.failures());
  writers.ExpectAllKept(*store);
}

TEST_F(Failover, AScanAfterItMeetsNoConnectionOfBefore) {
  AddStandby();
  const std::unique_ptr<PostgresStore> store = Open();
  ASSERT_NE(nullptr, store);
  Upsert(*store, {MakeProduct("a")});
  // Several connections lie ready.
  Together(4, [&](int) { EXPECT_EQ("OK", CodeOf(TryGet(*store, "a"))); });
  primary_->KillHard();
  ASSERT_EQ(absl::OkStatus(), standby_->Promote());
  int seen = 0;
  EXPECT_EQ(absl::OkStatus(), store->ScanProducts({}, [&](const v1::StoredProduct&) {
    ++seen;
    return absl::OkStatus();
  }));
  EXPECT_EQ(1, seen);
}

TEST_F(Failover, ACommitThatTheStandbyDidNotConfirmIsNotAcknowledged) {
  AddStandby();
  const std::unique_ptr<PostgresStore> store = Open();
  ASSERT_NE(nullptr, store);
  Upsert(*store, {MakeProduct("a")});
  standby_->KillHard();
  v1::UpsertProductsRequest request;
  *request.add_products() = MakeProduct("b");
  absl::StatusOr<v1::UpsertProductsResponse> upserted;
  std::atomic<bool> ended{false};
  std::thread caller([&] {
    upserted = store->UpsertProducts(request);
    ended = true;
  });
  // An administrator who sees a hanging backend cancels it: the answer is an OK with a warning.
  for (const absl::Time end = absl::Now() + kPatience; !ended && absl::Now() < end;
       absl::SleepFor(absl::Milliseconds(50))) {
    ASSERT_EQ(absl::OkStatus(),
              primary_->Execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"));
  }
  caller.join();
  EXPECT_EQ("UNAVAILABLE", CodeOf(upserted));
  EXPECT_THAT(std::string(upserted.status().message()), HasSubstr("kept or not"));
}

TEST_F(Failover, ACrashOfALonePrimaryLosesNothingThatWasAcknowledged) {
  const std::unique_ptr<PostgresStore> store = Open();
  ASSERT_NE(nullptr, store);
  Writers writers(*store);
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(writers.WaitForMore(6));
    primary_->KillHard();
    ASSERT_EQ(absl::OkStatus(), primary_->StartAgain());
    ASSERT_TRUE(writers.WaitForMore(2)) << "calls do not go on";
  }
  writers.Stop();
  ExpectClear(writers.failures());
  writers.ExpectAllKept(*store);
}

TEST_F(Failover, OneWhoseServerStaysAwayIsToldSo) {
  const std::unique_ptr<PostgresStore> store = Open();
  ASSERT_NE(nullptr, store);
  primary_->KillHard();
  v1::UpsertProductsRequest request;
  *request.add_products() = MakeProduct("a");
  absl::Status written, read, scanned;
  Together(3, [&](int i) {
    if (i == 0) written = store->UpsertProducts(request).status();
    if (i == 1) read = TryGet(*store, "a").status();
    if (i == 2) scanned = store->ScanProducts({}, [](const v1::StoredProduct&) { return absl::OkStatus(); });
  });
  for (const absl::Status& status : {written, read, scanned}) {
    EXPECT_EQ("UNAVAILABLE", CodeOf(status));
    EXPECT_THAT(std::string(status.message()), HasSubstr("PostgreSQL"));
  }
}

}  // namespace
}  // namespace mannequin
