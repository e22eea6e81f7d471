// CheckIntegrity of a store on PostgreSQL: each kind of damage by SQL is found, named and, where it
// can be, repaired.
#include "gmock/gmock.h"
#include "tests/unit/store/postgres/postgres_suite.h"

namespace mannequin {
namespace {

using testing::Contains;
using testing::Each;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class PostgresIntegrity : public PostgresSuite {
 protected:
  void SetUp() override {
    PostgresSuite::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    store_ = Open(clock_);
    ASSERT_NE(nullptr, store_);
    FillStore(*store_, "a", 30);
  }
  ManualClock clock_{kStart};
  std::unique_ptr<PostgresStore> store_;
};

struct Damage {
  std::string sql;
  // How the first fault begins.
  std::string fault;
};

TEST_F(PostgresIntegrity, AWholeStoreHasNoFaultAndARepairChangesNothing) {
  const Contents before = Must(ReadContents(*store_));
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  EXPECT_THAT(FaultsOf(*store_, /*repair=*/true), IsEmpty());
  EXPECT_THAT(Differences(before, Must(ReadContents(*store_))), IsEmpty());
}

// pa-1 waits for its picture, pa-2 has one.
TEST_F(PostgresIntegrity, WhatIsMadeOutOfRecordsIsFoundNamedAndSetAnew) {
  const Contents before = Must(ReadContents(*store_));
  const std::string one_image = "WHERE sha256 = (SELECT sha256 FROM images ORDER BY sha256 LIMIT 1)";
  for (const Damage& damage : std::vector<Damage>{
           {"UPDATE products SET image_state = 77 WHERE id = 'pa-1'", "products/pa-1: columns"},
           {"UPDATE products SET brand = 'none' WHERE id = 'pa-1'", "products/pa-1: columns"},
           {"UPDATE products SET update_spread = update_spread + 1 WHERE id = 'pa-1'", "products/pa-1: columns"},
           {"UPDATE products SET updated_at = updated_at - 1 WHERE id = 'pa-1'", "products/pa-1: columns"},
           {"DELETE FROM product_categories WHERE product_id = 'pa-1'", "product_categories/pa-1: is missing"},
           {"INSERT INTO product_categories VALUES ('stray', 'pa-1')", "product_categories/pa-1: is in a category"},
           {"INSERT INTO product_categories VALUES ('stray', 'nobody')", "product_categories/nobody: is in a category"},
           {"UPDATE product_categories SET category = 'stray' WHERE (category, product_id) = (SELECT category, "
            "product_id FROM product_categories WHERE product_id = 'pa-1' ORDER BY category LIMIT 1)",
            "product_categories/pa-1: is missing"},
           {"DELETE FROM fetches WHERE product_id = 'pa-1'", "fetches/pa-1: its image is to be fetched"},
           {"UPDATE fetches SET origin = 'http://other:80' WHERE product_id = 'pa-1'", "fetches/pa-1: its image"},
           {"INSERT INTO fetches (product_id, origin) VALUES ('pa-2', 'http://x:80')", "fetches/pa-2: is in the queue"},
           {"INSERT INTO fetches (product_id, origin) VALUES ('nobody', '')", "fetches/nobody: is in the queue"},
           {"UPDATE fetches SET product_id = 'nobody' WHERE product_id = 'pa-1'", "fetches/pa-1: its image"},
           {"UPDATE images SET uses = uses + 1 " + one_image, "images/"},
           {"UPDATE images SET uses = 0 " + one_image, "images/"},
           {"UPDATE statistics SET value = value + 5 WHERE name = 'products' AND slot = (SELECT max(slot) FROM "
            "statistics WHERE name = 'products')",
            "statistics/products: says 35, but there are 30"},
           {"DELETE FROM statistics", "statistics/"},
           {"UPDATE placeholders SET state = 77", "placeholders/pa-1: its state"},
           {"UPDATE verdicts SET kind = 77 WHERE product_id = 'pa-3'", "verdicts/pa-3: kind or review"},
           {"UPDATE verdicts SET is_reviewed = NOT is_reviewed WHERE product_id = 'pa-3'", "verdicts/pa-3: kind or"},
           {"UPDATE jobs SET is_open = false WHERE is_open", "jobs/"},
           {"UPDATE jobs SET lease_ends_at = 7", "jobs/"},
       }) {
    SCOPED_TRACE(damage.sql);
    Execute(damage.sql);
    const std::vector<std::string> found = FaultsOf(*store_);
    EXPECT_THAT(found, Contains(StartsWith(damage.fault)));
    EXPECT_THAT(found, Each(HasSubstr("--repair")));
    EXPECT_THAT(FaultsOf(*store_, /*repair=*/true), Each(EndsWith("(repaired)")));
    EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  }
  EXPECT_THAT(Differences(before, Must(ReadContents(*store_))), IsEmpty());
}

TEST_F(PostgresIntegrity, RecordsThatAreLostAreFoundNamedAndNotTouched) {
  struct Table {
    std::string name, key, is_first, fault;
  };
  const std::string hash = Get(*store_, "pa-2").image().sha256();
  for (const Table& table : std::vector<Table>{
           {"products", "id", "id = 'pa-1'", "products/pa-1: "},
           {"placeholders", "product_id", "product_id = 'pa-1'", "placeholders/pa-1: "},
           {"verdicts", "product_id", "product_id = 'pa-1'", "verdicts/pa-1: "},
           {"embeddings", "product_id", "product_id = 'pa-1'", "embeddings/pa-1: "},
           {"reviews", "key", "key = (SELECT key FROM reviews ORDER BY key LIMIT 1)", "reviews/pa-0: "},
           {"jobs", "id", "id = (SELECT max(id) FROM jobs)", "jobs/job-"},
           {"images", "sha256", "encode(sha256, 'hex') = '" + hash + "'", "images/" + hash + ": "},
       }) {
    SCOPED_TRACE(table.name);
    Execute(absl::StrCat("CREATE TABLE saved AS TABLE ", table.name));
    const std::string restore =
        absl::StrCat("UPDATE ", table.name, " AS t SET record = saved.record FROM saved WHERE t.", table.key,
                     " = saved.", table.key);
    std::vector<std::string> damages = {"'\\xff'"};
    // A picture's record says nothing of whose it is.
    if (table.name != "images" && table.name != "jobs") {
      damages.push_back(absl::StrCat("(SELECT record FROM ", table.name, " ORDER BY ", table.key, " DESC LIMIT 1)"));
    }
    for (const std::string& damage : damages) {
      SCOPED_TRACE(damage);
      Execute(absl::StrCat("UPDATE ", table.name, " SET record = ", damage, " WHERE ", table.is_first));
      EXPECT_THAT(FaultsOf(*store_), Contains(StartsWith(table.fault)));
      const std::vector<std::string> repair = FaultsOf(*store_, /*repair=*/true);
      EXPECT_THAT(repair, Contains(StartsWith(table.fault)));
      EXPECT_THAT(repair, Not(Contains(EndsWith("(repaired)")))) << "counts are not made out of what cannot be read";
      Execute(restore);
      EXPECT_THAT(FaultsOf(*store_), IsEmpty());
    }
    Execute("DROP TABLE saved");
  }
}

TEST_F(PostgresIntegrity, APictureWithoutItsRowIsNamed) {
  const std::string hash = Get(*store_, "pa-2").image().sha256();
  Execute("DELETE FROM images WHERE encode(sha256, 'hex') = '" + hash + "'");
  EXPECT_THAT(FaultsOf(*store_), Contains(StartsWith("images/" + hash + ": is shown by ")));
}

TEST_F(PostgresIntegrity, ASecondAtTheSameTimeIsUnavailable) {
  absl::Status second;
  v1::CheckIntegrityRequest request;
  ASSERT_EQ("OK", CodeOf(store_->CheckIntegrity(request, [&](const v1::CheckIntegrityResponse&) {
              if (second.ok()) {
                second =
                    store_->CheckIntegrity(request, [](const v1::CheckIntegrityResponse&) { return absl::OkStatus(); });
              }
              return absl::OkStatus();
            })));
  EXPECT_EQ("UNAVAILABLE", CodeOf(second));
}

TEST_F(PostgresIntegrity, OneWhileOthersWriteFindsNothing) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int round = 0; !stop; ++round) {
      FillStore(*store_, absl::StrCat("w", round), 10);
      Upsert(*store_, {MakeProduct("pa-2", absl::StrCat("http://x/", round))});
      EXPECT_EQ("OK", CodeOf(PutImage(*store_, "pa-2", absl::StrCat("picture ", round % 3))));
    }
  });
  for (int i = 0; i < 5; ++i) EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace mannequin
