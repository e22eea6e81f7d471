// Pictures' objects in the bucket: none is lost, and none stays that nothing refers to.
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>

#include "gmock/gmock.h"
#include "services/store/bucket/bucket.h"
#include "tests/unit/store/postgres/postgres_suite.h"

namespace mannequin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kBucket[] = "pictures";

class PostgresObjects : public PostgresSuite {
 protected:
  void SetUp() override {
    PostgresSuite::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    store_ = Open(clock_);
    ASSERT_NE(nullptr, store_);
    bucket_ = Must(store::Bucket::Open(engines_.bucket()));
  }
  std::set<std::string> Objects() {
    std::set<std::string> keys;
    EXPECT_EQ("OK", CodeOf(bucket_->List("", [&](absl::string_view key, std::int64_t) {
                keys.emplace(key);
                return absl::OkStatus();
              })));
    return keys;
  }
  // Those that rows of `images` name.
  std::set<std::string> Named() {
    std::set<std::string> named;
    const absl::StatusOr<store::Result> rows = sql().Run("SELECT object FROM images", {});
    EXPECT_TRUE(rows.ok()) << rows.status();
    for (int row = 0; rows.ok() && row < rows->rows(); ++row) named.emplace(rows->Bytes(row, 0));
    return named;
  }
  std::string FileOf(const std::string& key) {
    return EnginesBucketServer().FileOf(kBucket, engines_.bucket().prefix() + key);
  }
  std::int64_t Sweep() { return Must(store_->SweepObjects()); }
  std::string CodeOfImage(const std::string& id, int side = 0) {
    v1::GetImageRequest request;
    request.set_product_id(id);
    request.set_at_least_side(side);
    return CodeOf(store_->GetImage(request));
  }
  // With a rendition of 64 pixels.
  absl::Status Put(const std::string& id, const std::string& data) {
    v1::PutImageRequest request;
    request.set_product_id(id);
    *request.mutable_image() = MakeImage(data);
    request.add_renditions()->set_side(64);
    request.mutable_renditions(0)->set_data("small " + data);
    return store_->PutImage(request).status();
  }
  // Another address: the picture goes.
  void Drop(const std::string& id, const std::string& url) { Upsert(*store_, {MakeProduct(id, url)}); }

  ManualClock clock_{kStart};
  std::unique_ptr<PostgresStore> store_;
  std::unique_ptr<store::Bucket> bucket_;
};

TEST_F(PostgresObjects, OfAChangeThatFailedGoAfterAnHourAndNotBefore) {
  EXPECT_EQ("NOT_FOUND", CodeOf(Put("nobody", "picture")));
  EXPECT_THAT(Objects(), SizeIs(1));
  clock_.Advance(absl::Hours(1) - absl::Seconds(1));
  EXPECT_EQ(0, Sweep());
  EXPECT_THAT(Objects(), SizeIs(1));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(1, Sweep());
  EXPECT_THAT(Objects(), IsEmpty());
  EXPECT_EQ(0, Number("SELECT count(*) FROM doomed_objects"));
}

TEST_F(PostgresObjects, OfTheLastReferenceGoTenMinutesAfterItAndNotBefore) {
  Upsert(*store_, {MakeProduct("a", "http://x/a"), MakeProduct("b", "http://x/b")});
  ASSERT_EQ("OK", CodeOf(Put("a", "picture")));
  ASSERT_EQ("OK", CodeOf(Put("b", "picture")));
  Drop("a", "http://x/other");
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(0, Sweep()) << "b shows it";
  EXPECT_EQ("OK", CodeOfImage("b"));
  Drop("b", "http://x/other");
  clock_.Advance(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_EQ(0, Sweep());
  EXPECT_THAT(Objects(), SizeIs(1)) << "for those who read just now";
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(1, Sweep());
  EXPECT_THAT(Objects(), IsEmpty());
}

TEST_F(PostgresObjects, APictureDroppedAndAddedAgainStaysReadable) {
  Upsert(*store_, {MakeProduct("a", "http://x/a")});
  ASSERT_EQ("OK", CodeOf(Put("a", "picture")));
  Drop("a", "http://x/other");
  clock_.Advance(absl::Minutes(5));
  ASSERT_EQ("OK", CodeOf(Put("a", "picture")));
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(1, Sweep()) << "the first one, under a name that is never used again";
  EXPECT_EQ("OK", CodeOfImage("a"));
  EXPECT_EQ("OK", CodeOfImage("a", 64));
  EXPECT_EQ(Named(), Objects());
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
}

// The clock runs so fast that uploads of calls under way reach their end, too.
TEST_F(PostgresObjects, ADeletionNeverHitsWhatIsReferredToAgain) {
  const std::unique_ptr<PostgresStore> other = Open(clock_);
  std::atomic<int> writing{6};
  std::thread sweeper([&] {
    while (writing > 0) {
      clock_.Advance(absl::Minutes(11));
      EXPECT_EQ("OK", CodeOf(other->SweepObjects().status()));
      absl::SleepFor(absl::Milliseconds(5));
    }
  });
  Together(6, [&](int thread) {
    ProductStore& store = thread % 2 == 0 ? *store_ : *other;
    const std::string id = absl::StrCat("p", thread);
    for (int round = 0; round < 40; ++round) {
      Upsert(store, {MakeProduct(id, absl::StrCat("http://x/", round))});
      EXPECT_EQ("OK", CodeOf(PutImage(store, id, absl::StrCat("picture ", round % 2))));
    }
    --writing;
  });
  sweeper.join();
  clock_.Advance(absl::Hours(2));
  Sweep();
  for (int thread = 0; thread < 6; ++thread) EXPECT_EQ("OK", CodeOfImage(absl::StrCat("p", thread)));
  EXPECT_EQ(Named(), Objects());
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
}

TEST_F(PostgresObjects, OfAProcessThatWasKilledAreThereWhenAcknowledgedAndAreSweptElse) {
  StoreProcess process(engines_);
  ASSERT_TRUE(process.IsServing()) << process.words();
  constexpr int kWriters = 4;
  std::mutex mutex;
  std::set<std::string> acknowledged;
  std::atomic<bool> killed{false};
  std::thread killer([&] {
    for (bool enough = false; !enough; absl::SleepFor(absl::Milliseconds(5))) {
      const std::lock_guard<std::mutex> lock(mutex);
      enough = acknowledged.size() >= 150;
    }
    killed = true;
    process.Kill();
  });
  Together(kWriters, [&](int thread) {
    const std::unique_ptr<ProductStore> remote = process.Connect();
    for (int round = 0; !killed; ++round) {
      v1::UpsertProductsRequest upsert;
      v1::CompleteFetchesRequest complete;
      complete.set_worker("w");
      for (int i = 0; i < 10; ++i) {
        const std::string id = absl::StrCat("p", thread, "-", round, "-", i);
        *upsert.add_products() = MakeProduct(id, "http://x/" + id);
        *complete.add_results() = Fetched(id, "http://x/" + id, i % 3 == 0 ? "shared" : "picture of " + id);
      }
      if (!remote->UpsertProducts(upsert).ok() || !remote->CompleteFetches(complete).ok()) return;
      const std::lock_guard<std::mutex> lock(mutex);
      for (const v1::FetchResult& result : complete.results()) acknowledged.insert(result.product_id());
    }
  });
  killer.join();
  // PostgreSQL notices the end of the process by itself, and rolls back what it had begun.
  while (Number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mannequin' AND state <> 'idle' AND "
                "pid <> pg_backend_pid()") > 0) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  for (const std::string& id : acknowledged) ASSERT_EQ("OK", CodeOfImage(id)) << id;
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  ManualClock later(absl::Now() + absl::Hours(2));
  ASSERT_EQ("OK", CodeOf(Open(later)->SweepObjects().status()));
  EXPECT_EQ(Named(), Objects());
  for (const std::string& id : acknowledged) ASSERT_EQ("OK", CodeOfImage(id)) << id;
}

TEST_F(PostgresObjects, ABucketThatIsDownIsUnavailableAndNothingIsRecorded) {
  Upsert(*store_, {MakeProduct("a", "http://x/a"), MakeProduct("b", "http://x/b")});
  ASSERT_EQ("OK", CodeOf(Put("b", "kept")));
  const std::string before = Render(Must(store_->GetStatistics({})));
  EnginesBucketServer().Stop();
  absl::Status put;
  std::string get;
  Together(2, [&](int i) { i == 0 ? void(put = Put("a", "picture")) : void(get = CodeOfImage("b")); });
  ASSERT_EQ("OK", CodeOf(EnginesBucketServer().StartAgain()));
  EXPECT_EQ("UNAVAILABLE", CodeOf(put)) << put;
  EXPECT_EQ("UNAVAILABLE", get);
  EXPECT_EQ(v1::IMAGE_STATE_PENDING, Get(*store_, "a").image().state());
  EXPECT_EQ(before, Render(Must(store_->GetStatistics({}))));
  EXPECT_EQ("OK", CodeOf(Put("a", "picture")));
  EXPECT_EQ("OK", CodeOfImage("a"));
  EXPECT_EQ("OK", CodeOfImage("b"));
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
}

TEST_F(PostgresObjects, OnesThatAreGoneOrDamagedAreDataLossAndAFault) {
  Upsert(*store_,
         {MakeProduct("gone"), MakeProduct("hurt"), MakeProduct("small"), MakeProduct("short"), MakeProduct("fine")});
  std::map<std::string, std::string> hashes;
  for (const char* id : {"gone", "hurt", "small", "short", "fine"}) {
    ASSERT_EQ("OK", CodeOf(Put(id, absl::StrCat("picture of ", id))));
    hashes[id] = Get(*store_, id).image().sha256();
  }
  for (const std::string& key : Objects()) {
    if (absl::StrContains(key, hashes["gone"])) std::filesystem::remove(FileOf(key));
    std::fstream file(FileOf(key), std::ios::in | std::ios::out);
    if (absl::StrContains(key, hashes["hurt"])) file.put('?');
    // The rendition comes last.
    if (absl::StrContains(key, hashes["small"])) file.seekp(-1, std::ios::end).put('?');
    file.close();
    if (absl::StrContains(key, hashes["short"])) std::filesystem::resize_file(FileOf(key), 10);
  }
  EXPECT_EQ("DATA_LOSS", CodeOfImage("gone"));
  EXPECT_EQ("DATA_LOSS", CodeOfImage("gone", 64));
  EXPECT_EQ("DATA_LOSS", CodeOfImage("hurt"));
  EXPECT_EQ("OK", CodeOfImage("hurt", 64)) << "its bytes are whole";
  EXPECT_EQ("OK", CodeOfImage("small"));
  EXPECT_EQ("DATA_LOSS", CodeOfImage("small", 64));
  EXPECT_EQ("DATA_LOSS", CodeOfImage("short"));
  EXPECT_EQ("DATA_LOSS", CodeOfImage("short", 64));
  EXPECT_EQ("OK", CodeOfImage("fine"));
  std::vector<std::string> faults = FaultsOf(*store_);
  ASSERT_THAT(faults, SizeIs(7)) << "four pictures, and three products that show a lost one";
  const auto of = [&](const std::string& id) {
    for (const std::string& fault : faults) {
      if (absl::StartsWith(fault, "images/" + hashes[id])) return fault;
    }
    return std::string();
  };
  EXPECT_THAT(of("gone"), HasSubstr("is not in the bucket"));
  EXPECT_THAT(of("hurt"), HasSubstr("restore the object"));
  EXPECT_THAT(of("small"), HasSubstr("the picture itself is whole"));
  EXPECT_THAT(of("short"), HasSubstr("restore the object"));
  FaultsOf(*store_, /*repair=*/true);
  for (const char* id : {"gone", "hurt", "short"}) {
    EXPECT_EQ(v1::IMAGE_STATE_MISSING, Get(*store_, id).image().state()) << id;
    EXPECT_EQ("OK", CodeOf(Put(id, absl::StrCat("picture of ", id)))) << "the same picture heals it";
    EXPECT_EQ("OK", CodeOfImage(id, 64));
  }
  EXPECT_THAT(FaultsOf(*store_), SizeIs(1)) << "a damaged rendition is for a backup";
}

}  // namespace
}  // namespace mannequin
