// A RocksDB store moves to a real PostgreSQL and a real bucket while it is written to.
#include "services/mannequin/migrate/store_migration.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "tests/unit/store/store_contents.h"

namespace mannequin {
namespace {

using testing::HasSubstr;

class StoreMigrationTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<config::v1::StoreConfig> engines = NewEngines();
    if (absl::IsNotFound(engines.status())) GTEST_SKIP() << engines.status().message();
    ASSERT_TRUE(engines.ok()) << engines.status();
    engines_ = *std::move(engines);
    source_ = Must(RocksStore::Open(ConfigOf(folder_.Sub("data")), clock_));
    target_ = Must(PostgresStore::Open(engines_, clock_));
  }

  MigrationPass Pass() {
    StoreMigration migration(*source_, *target_);
    return Must(migration.Run([](auto, const auto&) { return true; }));
  }
  absl::StatusOr<MigrationPass> Finish() {
    StoreMigration migration(*source_, *target_);
    return migration.Finish([](auto, const auto&) { return true; });
  }

  TemporaryFolder folder_;
  ManualClock clock_{kStart};
  config::v1::StoreConfig engines_;
  std::unique_ptr<RocksStore> source_;
  std::unique_ptr<PostgresStore> target_;
};

v1::IngestCheckpoint Checkpoint(const std::string& source, bool finished) {
  v1::IngestCheckpoint checkpoint;
  checkpoint.set_source(source);
  checkpoint.set_text_bytes(finished ? 0 : 77);
  checkpoint.set_finished(finished);
  return checkpoint;
}

void PutCheckpoint(ProductStore& store, const std::string& source, bool finished) {
  v1::UpsertProductsRequest request;
  *request.mutable_checkpoint() = Checkpoint(source, finished);
  Must(store.UpsertProducts(request));
}

TEST_F(StoreMigrationTest, TheNewStoreHoldsAllThatTheOldOneDid) {
  FillStore(*source_, "1", 300);
  PutCheckpoint(*source_, "amazon.json.gz", false);
  v1::CreateJobRequest job;
  job.set_kind(v1::JOB_KIND_CRAWL);
  job.set_idempotency_key("only once");
  const std::string job_id = Must(source_->CreateJob(job)).job().id();
  Must(Finish());
  EXPECT_EQ(Must(ReadContents(*source_)), Must(ReadContents(*target_)));
  EXPECT_EQ(job_id, Must(target_->CreateJob(job)).job().id());
  v1::GetIngestCheckpointRequest checkpoint;
  checkpoint.set_source("amazon.json.gz");
  EXPECT_EQ(77, Must(target_->GetIngestCheckpoint(checkpoint)).checkpoint().text_bytes());
  std::int64_t faults = -1;
  EXPECT_EQ("OK", CodeOf(target_->CheckIntegrity({}, [&](const v1::CheckIntegrityResponse& message) {
              faults = message.faults_found();
              return absl::OkStatus();
            })));
  EXPECT_EQ(0, faults);
}

TEST_F(StoreMigrationTest, ASecondPassCopiesOnlyWhatChanged) {
  FillStore(*source_, "1", 200);
  EXPECT_GT(Pass().copied(), 200);
  EXPECT_EQ(0, Pass().copied());
  Upsert(*source_, {MakeProduct("p1-7", "http://x/elsewhere")});
  PutCheckpoint(*source_, "a.json", false);
  EXPECT_EQ(2, Pass().copied());
  PutCheckpoint(*source_, "a.json", true);
  EXPECT_EQ(1, Pass().copied()) << "an ingest that has ended has no checkpoint";
  EXPECT_EQ(0, Pass().copied());
}

TEST_F(StoreMigrationTest, OneThatWasInterruptedGoesOnWhereItWas) {
  FillStore(*source_, "1", 3000);
  StoreMigration migration(*source_, *target_);
  int calls = 0;
  EXPECT_EQ("CANCELLED", CodeOf(migration.Run([&](auto, const auto&) { return ++calls < 2; })));
  const std::int64_t there = Must(target_->GetStatistics({})).products();
  EXPECT_GT(there, 0);
  const MigrationPass rest = Pass();
  EXPECT_EQ(3000 - there, rest.kinds.at(v1::RECORD_KIND_PRODUCT).copied);
}

TEST_F(StoreMigrationTest, WritersGoOnUntilTheEndAndLoseNothingThatWasAcknowledged) {
  FillStore(*source_, "1", 1000);
  std::atomic<bool> refused{false};
  std::atomic<int> written{0};
  std::thread writer([&] {
    for (int i = 0; !refused; ++i) {
      v1::UpsertProductsRequest request;
      *request.add_products() = MakeProduct(absl::StrCat("new-", i), "http://x/new");
      const absl::StatusOr<v1::UpsertProductsResponse> put = source_->UpsertProducts(request);
      if (!put.ok()) {
        EXPECT_EQ("UNAVAILABLE", CodeOf(put));
        EXPECT_THAT(std::string(put.status().message()), HasSubstr("moved to PostgreSQL"));
        refused = true;
        break;
      }
      if (i % 3 == 0) {
        // The end may come between the two.
        const auto image = PutImage(*source_, absl::StrCat("new-", i), absl::StrCat("picture ", i % 50));
        EXPECT_TRUE(image.ok() || absl::IsUnavailable(image.status())) << image.status();
      }
      written = i + 1;
    }
  });
  while (written < 100) absl::SleepFor(absl::Milliseconds(1));
  Pass();
  Must(Finish());
  writer.join();
  EXPECT_GE(written, 100);
  EXPECT_EQ(Must(ReadContents(*source_)), Must(ReadContents(*target_)));
  EXPECT_EQ("new-0", Get(*target_, "new-0").product().id());
  EXPECT_EQ(absl::StrCat("new-", written - 1), Get(*target_, absl::StrCat("new-", written - 1)).product().id());
}

TEST_F(StoreMigrationTest, AMovedStoreStaysReadOnlyOverARestartUntilItIsAbandoned) {
  Upsert(*source_, {MakeProduct("a")});
  Must(Finish());
  source_.reset();
  source_ = Must(RocksStore::Open(ConfigOf(folder_.Sub("data")), clock_));
  v1::UpsertProductsRequest request;
  *request.add_products() = MakeProduct("b");
  EXPECT_EQ("UNAVAILABLE", CodeOf(source_->UpsertProducts(request)));
  EXPECT_EQ("a", Get(*source_, "a").product().id()) << "reads go on";
  Must(source_->SetReadOnly({}));
  EXPECT_EQ(1, Must(source_->UpsertProducts(request)).created());
}

TEST_F(StoreMigrationTest, AnotherStoresRecordsAreNotMixedIn) {
  Upsert(*source_, {MakeProduct("a")});
  Upsert(*target_, {MakeProduct("z")});
  StoreMigration migration(*source_, *target_);
  const auto pass = migration.Run([](auto, const auto&) { return true; });
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(pass));
  EXPECT_THAT(std::string(pass.status().message()), HasSubstr("z"));
}

TEST_F(StoreMigrationTest, WhenItCannotFinishTheOldStoreTakesChangesAgain) {
  Upsert(*source_, {MakeProduct("a")});
  Upsert(*target_, {MakeProduct("z")});
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(Finish()));
  EXPECT_EQ(1, Upsert(*source_, {MakeProduct("b")}).created());
}

}  // namespace
}  // namespace mannequin
