// CheckIntegrity: finds each kind of damage, repairs what can be, and leaves a whole
// store alone.
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "common/base/sha256.h"
#include "gmock/gmock.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/index_entry.h"
#include "services/store/rocks/integrity_check.h"
#include "services/store/rocks/multiset_digest.h"
#include "services/store/statistics.h"
#include "tests/unit/store/faulty_disks.h"
#include "tests/unit/store/store_contents.h"

namespace mannequin {
namespace {

using store::Database;
using store::Family;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class IntegrityTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = Open();
    FillStore(*store_, "a", 30);
  }
  std::unique_ptr<RocksStore> Open() { return Must(RocksStore::Open(ConfigOf(folder_.Sub("data")), clock_)); }

  // What no call of the store can do, done behind its back.
  void Tamper(const std::function<void(Database&, rocksdb::WriteBatch&)>& change) {
    store_.reset();
    {
      const std::unique_ptr<Database> db = Must(Database::Open(folder_.Sub("data"), 0, nullptr));
      rocksdb::WriteBatch batch;
      change(*db, batch);
      ASSERT_EQ("OK", CodeOf(db->Sync(Must(db->Apply(batch)))));
    }
    store_ = Open();
  }
  static void Delete(Database& db, rocksdb::WriteBatch& batch, Family family, const std::string& key) {
    ASSERT_TRUE(batch.Delete(db.handle(family), key).ok());
  }
  static void Put(Database& db, rocksdb::WriteBatch& batch, Family family, const std::string& key,
                  const std::string& value) {
    ASSERT_TRUE(batch.Put(db.handle(family), key, value).ok());
  }
  static std::string FirstKey(Database& db, Family family) {
    const auto records = db.NewIterator(family);
    records->SeekToFirst();
    return records->key().ToString();
  }

  // Finds `count` faults like `matcher`, repairs them, is clean afterwards.
  template <typename Matcher>
  void ExpectRepairs(int count, const Matcher& matcher) {
    const std::vector<std::string> found = FaultsOf(*store_);
    EXPECT_THAT(found, Each(AllOf(matcher, Not(HasSubstr("(repaired)")))));
    EXPECT_EQ(count, static_cast<int>(found.size())) << testing::PrintToString(found);
    const std::vector<std::string> repaired = FaultsOf(*store_, /*repair=*/true);
    EXPECT_EQ(count, static_cast<int>(repaired.size())) << testing::PrintToString(repaired);
    EXPECT_THAT(repaired, Each(HasSubstr("(repaired)")));
    EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  }

  TemporaryFolder folder_;
  ManualClock clock_{kStart};
  std::unique_ptr<RocksStore> store_;
};

TEST_F(IntegrityTest, AWholeStoreHasNoFaultAndARepairChangesNothing) {
  const Contents before = Must(ReadContents(*store_));
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  EXPECT_THAT(FaultsOf(*store_, true), IsEmpty());
  EXPECT_THAT(Differences(before, Must(ReadContents(*store_))), IsEmpty());
}

TEST_F(IntegrityTest, ARenditionWithoutItsPictureIsDeletedAndItsBytesAreCountedOff) {
  v1::PutImageRequest put;
  put.set_product_id("pa-1");
  *put.mutable_image() = MakeImage("picture with a rendition");
  v1::Rendition& rendition = *put.add_renditions();
  rendition.set_side(64);
  rendition.set_data("small");
  Must(store_->PutImage(put));
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    Put(db, batch, Family::kRenditions, store::RenditionKey(std::string(32, '\x01'), 64),
        rendition.SerializeAsString());
    Put(db, batch, Family::kRenditions, store::RenditionKey(FirstKey(db, Family::kImages), 32), "\xff damaged");
  });
  const std::vector<std::string> found = FaultsOf(*store_);
  EXPECT_THAT(found, Contains(AllOf(StartsWith("renditions/0101"), HasSubstr("no picture is kept"))));
  EXPECT_THAT(found, Contains(AllOf(HasSubstr("0020"), HasSubstr("is damaged"))));
  FaultsOf(*store_, /*repair=*/true);
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  v1::GetImageRequest get;
  get.set_product_id("pa-1");
  get.set_at_least_side(64);
  EXPECT_EQ("small", Must(store_->GetImage(get)).image().data());
}

TEST_F(IntegrityTest, StagesCountUpToTheirTotals) {
  std::vector<std::string> stages;
  ASSERT_EQ("OK", CodeOf(store_->CheckIntegrity({}, [&](const v1::CheckIntegrityResponse& message) {
              if (stages.empty() || stages.back() != message.stage()) stages.push_back(message.stage());
              if (message.total() > 0) {
                EXPECT_LE(message.checked(), message.total()) << message.stage();
              }
              return absl::OkStatus();
            })));
  EXPECT_THAT(stages, ElementsAre("checksums", "records", "images", "renditions", "indexes", "statistics"));
}

TEST_F(IntegrityTest, TheTotalOfRecordsHasJobs) {
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    for (int i = 0; i < 1500; ++i) {
      v1::Job job;
      job.set_id(absl::StrCat("job-", i));
      Put(db, batch, Family::kJobs, job.id(), job.SerializeAsString());
    }
  });
  std::int64_t checked = 0, total = 0;
  ASSERT_EQ("OK", CodeOf(store_->CheckIntegrity({}, [&](const v1::CheckIntegrityResponse& message) {
              if (message.stage() != "records") return absl::OkStatus();
              checked = message.checked();
              total = message.total();
              return absl::OkStatus();
            })));
  EXPECT_EQ(1024, checked);
  EXPECT_GT(total, 1500);
}

struct Cut {
  absl::Status status;
  std::int64_t reads = 0;
};

class SecondPassTest : public IntegrityTest {
 protected:
  void SetUp() override {
    IntegrityTest::SetUp();
    before_ = Must(ReadContents(*store_));
    // One wrong count, so that a second pass looks for it.
    Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
      // Compacted by now, tables keep their names.
      rocksdb::CompactRangeOptions compact;
      compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
      for (const Family family : {Family::kProducts, Family::kImageReferences}) {
        ASSERT_TRUE(db.rocks().CompactRange(compact, db.handle(family), nullptr, nullptr).ok());
      }
      std::vector<rocksdb::LiveFileMetaData> tables;
      db.rocks().GetLiveFilesMetaData(&tables);
      for (const rocksdb::LiveFileMetaData& table : tables) {
        tables_[table.column_family_name].insert(std::filesystem::path(table.name).filename());
      }
      Put(db, batch, Family::kImageReferences, FirstKey(db, Family::kImageReferences), "77");
    });
  }
  // Lets reads of the family's tables fail behind the first `reads` of them in the stage
  // of pictures. Answers the check's status, and how many reads there were.
  Cut Check(Family family, bool repair, std::int64_t reads) {
    store_.reset();
    constexpr std::int64_t kMany = 1'000'000'000;
    std::atomic<std::int64_t> left{kMany};
    const auto disk = std::make_shared<UnreadableDisk>(tables_[std::string(store::FamilyName(family))], left);
    const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
    Cut cut;
    {
      const std::unique_ptr<RocksStore> store =
          Must(RocksStore::Open(ConfigOf(folder_.Sub("data")), clock_, env.get()));
      v1::CheckIntegrityRequest request;
      request.set_repair(repair);
      std::string stage;
      cut.status = store->CheckIntegrity(request, [&](const v1::CheckIntegrityResponse& message) {
        if (message.stage() == "images" && stage != "images") left = reads;
        if (message.stage() == "indexes" && stage != "indexes") {
          cut.reads = reads - left;
          left = kMany;
        }
        stage = message.stage();
        return absl::OkStatus();
      });
      left = kMany;
    }
    store_ = Open();
    return cut;
  }
  // Nothing is repaired when reads fail from the second pass on.
  void ExpectNothingIsRepairedWithout(Family family, int passes) {
    const Cut whole = Check(family, /*repair=*/false, 1'000'000);
    ASSERT_EQ("OK", CodeOf(whole.status));
    ASSERT_GT(whole.reads, 0);
    const Cut cut = Check(family, /*repair=*/true, whole.reads / passes * (passes - 1));
    EXPECT_EQ("INTERNAL", CodeOf(cut.status)) << cut.status;
    EXPECT_THAT(Differences(before_, Must(ReadContents(*store_))), IsEmpty());
    EXPECT_THAT(FaultsOf(*store_), ElementsAre(HasSubstr("kept for 77")));
    FaultsOf(*store_, /*repair=*/true);
    EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  }

  std::map<std::string, std::set<std::string>> tables_;
  Contents before_;
};

TEST_F(SecondPassTest, RepairsNothingWhenProductsCannotBeReadOnceMore) {
  ExpectNothingIsRepairedWithout(Family::kProducts, 1);
}

TEST_F(SecondPassTest, RepairsNothingWhenCountsCannotBeReadOnceMore) {
  ExpectNothingIsRepairedWithout(Family::kImageReferences, 2);
}

TEST_F(IntegrityTest, ASecondAtTheSameTimeIsUnavailable) {
  std::string second;
  ASSERT_EQ("OK", CodeOf(store_->CheckIntegrity({}, [&](const v1::CheckIntegrityResponse&) {
              std::thread other([&] {
                second = CodeOf(store_->CheckIntegrity(
                    {}, [](const v1::CheckIntegrityResponse&) { return absl::CancelledError("too late"); }));
              });
              other.join();
              return absl::OkStatus();
            })));
  EXPECT_EQ("UNAVAILABLE", second);
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
}

TEST_F(IntegrityTest, MorePicturesWithoutACountThanItRemembersAreNotLost) {
  std::vector<std::string> found;
  Tamper([&](Database& db, rocksdb::WriteBatch&) {
    rocksdb::WriteBatch uncount;
    const auto counts = db.NewIterator(Family::kImageReferences);
    for (counts->SeekToFirst(); counts->Valid(); counts->Next()) {
      Delete(db, uncount, Family::kImageReferences, counts->key().ToString());
    }
    Must(db.Apply(uncount));
    const store::IntegrityReport::Visit visit = [&](const v1::CheckIntegrityResponse& message) {
      for (const auto& fault : message.faults()) found.push_back(absl::StrCat(fault.record(), ": ", fault.message()));
      return absl::OkStatus();
    };
    store::IntegrityCheck check(db, clock_, nullptr, visit, {.pictures = 2, .references = 3});
    ASSERT_EQ("OK", CodeOf(check.Run()));
  });
  EXPECT_THAT(found, Contains(HasSubstr("image_references: lack the counts of")));
  EXPECT_THAT(found, Each(testing::AnyOf(HasSubstr("show it"), HasSubstr("lack the counts of"))));
  FaultsOf(*store_, /*repair=*/true);
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
}

TEST_F(IntegrityTest, EndsWithTheVisitorsStatus) {
  EXPECT_EQ("CANCELLED", CodeOf(store_->CheckIntegrity(
                             {}, [](const v1::CheckIntegrityResponse&) { return absl::CancelledError("enough"); })));
}

TEST_F(IntegrityTest, MissingIndexEntriesAreFoundAndMade) {
  const Contents before = Must(ReadContents(*store_));
  int entries = 0;
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    const auto index = db.NewIterator(Family::kIndex);
    for (index->SeekToFirst(); index->Valid(); index->Next()) {
      if (index->key()[0] == 'k') continue;
      Delete(db, batch, Family::kIndex, index->key().ToString());
      ++entries;
    }
  });
  ExpectRepairs(entries, AllOf(StartsWith("index/"), HasSubstr("is missing")));
  EXPECT_THAT(Differences(before, Must(ReadContents(*store_))), IsEmpty());
}

TEST_F(IntegrityTest, StaleIndexEntriesAreFoundAndDeleted) {
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    Put(db, batch, Family::kIndex, store::BrandPrefix("Nobody's") + "pa-1", "");
    Put(db, batch, Family::kIndex, store::ImageStatePrefix(v1::IMAGE_STATE_FAILED) + "pa-1", "");
    Put(db, batch, Family::kIndex, store::VerdictKindPrefix(v1::VERDICT_KIND_CLEAN) + "no such product", "");
    Put(db, batch, Family::kIndex, store::QueuePrefix(v1::JOB_KIND_CRAWL) + "job-none", "");
    Put(db, batch, Family::kIndex, store::IdempotencyKey("a key"), "job-none");
    Put(db, batch, Family::kIndex, "?what is this", "");
  });
  ExpectRepairs(6, AllOf(StartsWith("index/"), HasSubstr("does not have it")));
}

TEST_F(IntegrityTest, NamesTheConditionAndTheRecord) {
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    v1::Product product;
    product.add_category_path("Apparel");
    product.add_category_path("Dress");
    Delete(db, batch, Family::kIndex, store::CategoryPrefix(product.category_path(), 2) + "pa-0");
  });
  EXPECT_THAT(FaultsOf(*store_), ElementsAre(StartsWith("index/category Apparel > Dress/pa-0: is missing")));
}

TEST_F(IntegrityTest, WrongReferenceCountsAreCountedAnew) {
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    const auto counts = db.NewIterator(Family::kImageReferences);
    counts->SeekToFirst();
    Put(db, batch, Family::kImageReferences, counts->key().ToString(), "77");
    counts->Next();
    Put(db, batch, Family::kImageReferences, counts->key().ToString(), "many");
    counts->Next();
    Delete(db, batch, Family::kImageReferences, counts->key().ToString());
  });
  ExpectRepairs(3, AllOf(StartsWith("images/"), HasSubstr("show it")));
}

TEST_F(IntegrityTest, APictureThatNothingShowsIsDeleted) {
  const std::string bytes = "an orphan";
  const std::string key = Must(store::ImageKey(Sha256Hex(bytes)));
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    Put(db, batch, Family::kImages, key, MakeImage(bytes).SerializeAsString());
  });
  const std::vector<std::string> found = FaultsOf(*store_);
  EXPECT_THAT(found, Contains(HasSubstr("no product or placeholder shows it")));
  FaultsOf(*store_, true);
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  v1::GetImageRequest request;
  request.set_sha256(Sha256Hex(bytes));
  EXPECT_EQ("NOT_FOUND", CodeOf(store_->GetImage(request)));
}

TEST_F(IntegrityTest, ProductsOfALostPictureAreFetchedAgain) {
  const std::string with_url = "pa-2", without_url = "pa-0", same_picture = "pa-28";
  const std::string lost = Get(*store_, with_url).image().sha256(), other = Get(*store_, without_url).image().sha256();
  ASSERT_EQ(other, Get(*store_, same_picture).image().sha256());
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    Delete(db, batch, Family::kImages, Must(store::ImageKey(lost)));
    Put(db, batch, Family::kImages, Must(store::ImageKey(other)), MakeImage("other bytes").SerializeAsString());
  });
  const std::vector<std::string> found = FaultsOf(*store_);
  EXPECT_THAT(found, Contains(AllOf(HasSubstr("products/pa-2: its picture"), HasSubstr("--repair and crawl again"))));
  EXPECT_THAT(found, Contains(HasSubstr("bytes are damaged")));
  FaultsOf(*store_, true);
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  EXPECT_EQ(v1::IMAGE_STATE_PENDING, Get(*store_, with_url).image().state());
  EXPECT_EQ(v1::IMAGE_STATE_MISSING, Get(*store_, without_url).image().state());
  Must(PutImage(*store_, with_url, "fetched anew"));
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
}

TEST_F(IntegrityTest, APlaceholderOfALostPictureCanBeMadeAnew) {
  v1::GetPlaceholderRequest get;
  get.set_product_id("pa-1");
  const std::string lost = Must(store_->GetPlaceholder(get)).placeholder().image_sha256();
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    Delete(db, batch, Family::kImages, Must(store::ImageKey(lost)));
    Delete(db, batch, Family::kImageReferences, Must(store::ImageKey(lost)));
  });
  EXPECT_THAT(FaultsOf(*store_), Contains(HasSubstr("placeholders/pa-1: its picture")));
  FaultsOf(*store_, true);
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  EXPECT_EQ(v1::PLACEHOLDER_STATE_REJECTED, Must(store_->GetPlaceholder(get)).placeholder().state());
  v1::PutPlaceholderRequest again;
  again.mutable_placeholder()->set_product_id("pa-1");
  again.mutable_placeholder()->set_state(v1::PLACEHOLDER_STATE_PROPOSED);
  *again.mutable_image() = MakeImage("made anew");
  Must(store_->PutPlaceholder(again));
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
}

TEST_F(IntegrityTest, APlaceholderOfALostBadgeIsProposedAgain) {
  v1::GetPlaceholderRequest get;
  get.set_product_id("pa-7");
  const v1::Placeholder before = Must(store_->GetPlaceholder(get)).placeholder();
  ASSERT_EQ(v1::PLACEHOLDER_STATE_APPROVED, before.state());
  const auto lose = [&](Database& db, rocksdb::WriteBatch& batch, const std::string& sha256) {
    Delete(db, batch, Family::kImages, Must(store::ImageKey(sha256)));
  };
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) { lose(db, batch, before.badged_image_sha256()); });
  EXPECT_THAT(FaultsOf(*store_), Contains(HasSubstr("placeholders/pa-7: its picture")));
  FaultsOf(*store_, true);
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  v1::Placeholder after = Must(store_->GetPlaceholder(get)).placeholder();
  EXPECT_EQ(v1::PLACEHOLDER_STATE_PROPOSED, after.state());
  EXPECT_EQ(before.image_sha256(), after.image_sha256());
  EXPECT_EQ("the picture was lost to damage", after.events(after.events_size() - 1).reason());

  // Both pictures at once.
  v1::PutPlaceholderRequest approve;
  *approve.mutable_placeholder() = after;
  approve.mutable_placeholder()->set_state(v1::PLACEHOLDER_STATE_APPROVED);
  *approve.mutable_badged_image() = MakeImage("badged anew");
  after = Must(store_->PutPlaceholder(approve)).placeholder();
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    lose(db, batch, after.image_sha256());
    lose(db, batch, after.badged_image_sha256());
  });
  FaultsOf(*store_, true);
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  after = Must(store_->GetPlaceholder(get)).placeholder();
  EXPECT_EQ(v1::PLACEHOLDER_STATE_REJECTED, after.state());
  EXPECT_EQ("", after.image_sha256() + after.badged_image_sha256());
}

TEST_F(IntegrityTest, StatisticsAreCountedAnew) {
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    v1::GetStatisticsResponse statistics = *Must(db.Read<v1::GetStatisticsResponse>(Family::kCounters, "statistics"));
    statistics.set_products(7);
    statistics.mutable_image_states(1)->set_products(-3);
    Put(db, batch, Family::kCounters, "statistics", statistics.SerializeAsString());
  });
  ExpectRepairs(1, AllOf(StartsWith("counters/statistics"), HasSubstr("products: 7 -> 30")));
  EXPECT_EQ(30, Must(store_->GetStatistics({})).products());
}

TEST_F(IntegrityTest, ADamagedRecordIsNamedAndItsEntriesAreKept) {
  const Contents before = Must(ReadContents(*store_));
  std::string record;
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    record = *Must(db.Get(Family::kProducts, "pa-4"));
    Put(db, batch, Family::kProducts, "pa-4", "\xff\xff not a proto");
    Put(db, batch, Family::kProducts, "another id", record);
  });
  const auto expected =
      testing::UnorderedElementsAre(AllOf(StartsWith("products/pa-4: "), HasSubstr("restore the latest backup")),
                                    AllOf(StartsWith("products/another id: holds the record of \"pa-4\"")));
  EXPECT_THAT(FaultsOf(*store_), expected);
  EXPECT_THAT(FaultsOf(*store_, true), expected);
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    Put(db, batch, Family::kProducts, "pa-4", record);
    Delete(db, batch, Family::kProducts, "another id");
  });
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  EXPECT_THAT(Differences(before, Must(ReadContents(*store_))), IsEmpty());
}

TEST_F(IntegrityTest, APlaceholderWithoutItsProductIsAFault) {
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    v1::Placeholder placeholder = *Must(db.Read<v1::Placeholder>(Family::kPlaceholders, "pa-1"));
    placeholder.set_product_id("nobody");
    Put(db, batch, Family::kPlaceholders, "nobody", placeholder.SerializeAsString());
  });
  EXPECT_THAT(FaultsOf(*store_), Contains(HasSubstr("placeholders/nobody: its product is not in the store")));
}

TEST_F(IntegrityTest, WhatVerdictsSayOfTheirReviewsIsSetAnew) {
  const Contents before = Must(ReadContents(*store_));
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    v1::Verdict forgotten = *Must(db.Read<v1::Verdict>(Family::kVerdicts, "pa-5"));
    forgotten.clear_review_decision();
    Put(db, batch, Family::kVerdicts, "pa-5", forgotten.SerializeAsString());
    Put(db, batch, Family::kIndex, store::UnreviewedPrefix(forgotten.kind()) + "pa-5", "");
    v1::Verdict claimed = *Must(db.Read<v1::Verdict>(Family::kVerdicts, "pa-1"));
    claimed.set_review_decision(v1::VERDICT_KIND_CLEAN);
    Put(db, batch, Family::kVerdicts, "pa-1", claimed.SerializeAsString());
    Delete(db, batch, Family::kIndex, store::UnreviewedPrefix(claimed.kind()) + "pa-1");
  });
  ExpectRepairs(2, AllOf(StartsWith("verdicts/pa-"), HasSubstr("says that its review decided")));
  EXPECT_THAT(Differences(before, Must(ReadContents(*store_))), IsEmpty());
}

TEST_F(IntegrityTest, AVerdictWhoseReviewIsGoneWaitsForAnother) {
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    Delete(db, batch, Family::kReviews, store::ReviewKey("pa-5", Sha256Hex("pa-5")));
  });
  const std::vector<std::string> repaired = FaultsOf(*store_, /*repair=*/true);
  EXPECT_THAT(repaired, ElementsAre(HasSubstr("verdicts/pa-5: says that its review decided VERDICT_KIND_ABUSE"),
                                    HasSubstr("reviews: 6 -> 5")));
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
}

TEST_F(IntegrityTest, ADamagedReviewIsNamedAndItsVerdictKeepsItsMark) {
  const std::string key = store::ReviewKey("pa-5", Sha256Hex("pa-5"));
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    v1::Review stray = *Must(db.Read<v1::Review>(Family::kReviews, key));
    stray.set_product_id("nobody");
    Put(db, batch, Family::kReviews, store::ReviewKey("nobody", stray.image_sha256()), stray.SerializeAsString());
    Put(db, batch, Family::kReviews, key, "\xff\xff not a proto");
  });
  EXPECT_THAT(FaultsOf(*store_, /*repair=*/true),
              testing::UnorderedElementsAre(AllOf(StartsWith("reviews/pa-5"), HasSubstr("restore the latest backup")),
                                            AllOf(StartsWith("reviews/nobody"), HasSubstr("has no verdict"))));
  v1::GetVerdictRequest get;
  get.set_product_id("pa-5");
  EXPECT_EQ(v1::VERDICT_KIND_ABUSE, Must(store_->GetVerdict(get)).verdict().review_decision());
}

TEST_F(IntegrityTest, ListsAThousandFaultsAndCountsTheRest) {
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    for (int i = 0; i < 1500; ++i) {
      Put(db, batch, Family::kIndex, store::BrandPrefix("Nobody's") + absl::StrCat(i), "");
    }
  });
  int listed = 0;
  std::int64_t found = 0, repaired = 0;
  v1::CheckIntegrityRequest request;
  request.set_repair(true);
  ASSERT_EQ("OK", CodeOf(store_->CheckIntegrity(request, [&](const v1::CheckIntegrityResponse& message) {
              listed += message.faults_size();
              found = message.faults_found();
              repaired = message.faults_repaired();
              return absl::OkStatus();
            })));
  EXPECT_EQ(1000, listed);
  EXPECT_EQ(1500, found);
  EXPECT_EQ(1500, repaired);
}

TEST_F(IntegrityTest, RebuildIndexesMakesAllThatRecordsHave) {
  const Contents before = Must(ReadContents(*store_));
  Tamper([&](Database& db, rocksdb::WriteBatch& batch) {
    const auto index = db.NewIterator(Family::kIndex);
    for (index->SeekToFirst(); index->Valid(); index->Next()) {
      if (index->key()[0] != 'k') Delete(db, batch, Family::kIndex, index->key().ToString());
    }
  });
  store_.reset();
  {
    const std::unique_ptr<Database> db = Must(Database::Open(folder_.Sub("data"), 0, nullptr));
    ASSERT_EQ("OK", CodeOf(store::RebuildIndexes(*db)));
  }
  store_ = Open();
  EXPECT_THAT(FaultsOf(*store_), IsEmpty());
  EXPECT_THAT(Differences(before, Must(ReadContents(*store_))), IsEmpty());
}

TEST(IndexEntry, EveryEntryOfARecordLeadsBackToIt) {
  v1::StoredProduct product;
  product.mutable_product()->set_id("B00X");
  product.mutable_product()->add_category_path(std::string("A\0B", 3));
  product.mutable_product()->add_category_path("");
  product.mutable_product()->set_brand(std::string("\0\1\xff", 3));
  product.mutable_image()->set_state(v1::IMAGE_STATE_PENDING);
  *product.mutable_updated_at() = google::protobuf::util::TimeUtil::SecondsToTimestamp(1'700'000'000);
  for (const std::string& entry : store::IndexEntries(product)) {
    const auto parsed = store::ParseIndexEntry(entry);
    ASSERT_TRUE(parsed.has_value()) << store::DescribeIndexEntry(entry);
    EXPECT_EQ("B00X", parsed->id) << store::DescribeIndexEntry(entry);
    EXPECT_EQ(Family::kProducts, parsed->family);
  }
  v1::Verdict verdict;
  verdict.set_product_id("B00X");
  verdict.set_kind(v1::VERDICT_KIND_REVIEW);
  for (const std::string& entry : store::IndexEntries(verdict)) {
    const auto parsed = store::ParseIndexEntry(entry);
    ASSERT_TRUE(parsed.has_value()) << store::DescribeIndexEntry(entry);
    EXPECT_EQ("B00X", parsed->id) << store::DescribeIndexEntry(entry);
    EXPECT_EQ(Family::kVerdicts, parsed->family);
  }
  for (const std::string& wrong : {std::string(), std::string("c"), std::string("bX"), std::string("u123")}) {
    EXPECT_FALSE(store::ParseIndexEntry(wrong).has_value()) << wrong;
  }
}

TEST(MultisetDigest, OrderDoesNotMatterAndNumbersDo) {
  store::MultisetDigest a, b, c;
  for (int i = 0; i < 1000; ++i) a.Add(absl::StrCat(i));
  for (int i = 999; i >= 0; --i) b.Add(absl::StrCat(i));
  for (int i = 0; i < 999; ++i) c.Add(absl::StrCat(i), i == 5 ? 2 : 1);
  const auto count = [](const std::vector<bool>& buckets) { return std::count(buckets.begin(), buckets.end(), true); };
  EXPECT_EQ(0, count(store::MultisetDigest::Difference(a, b)));
  const std::vector<bool> differs = store::MultisetDigest::Difference(a, c);
  EXPECT_TRUE(differs[store::MultisetDigest::BucketOf("5")]);
  EXPECT_TRUE(differs[store::MultisetDigest::BucketOf("999")]);
  EXPECT_EQ(2, count(differs));
}

}  // namespace
}  // namespace mannequin
