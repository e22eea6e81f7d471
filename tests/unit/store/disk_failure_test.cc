// Power cuts under load and full disks: what was acknowledged is there, and all that is
// there fits together.
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "tests/unit/store/faulty_disks.h"
#include "tests/unit/store/load.h"
#include "tests/unit/store/mounted_disk.h"

namespace mannequin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr unsigned kSeed = 20240613;
constexpr std::int64_t kPlenty = std::int64_t{1} << 40;

std::unique_ptr<RocksStore> Open(const std::string& data, rocksdb::Env* env = nullptr) {
  return Must(RocksStore::Open(ConfigOf(data), Clock::Real(), env));
}

absl::Status TryUpsert(ProductStore& store, const std::string& id) {
  v1::UpsertProductsRequest request;
  *request.add_products() = MakeProduct(id, "http://x/" + id);
  return store.UpsertProducts(request).status();
}

// Writes until it succeeds.
void ExpectWritesAgain(ProductStore& store, const std::string& id) {
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (!TryUpsert(store, id).ok() && absl::Now() < deadline) std::this_thread::yield();
  EXPECT_EQ(id, Get(store, id).product().id());
}

TEST(PowerCut, WhatWasAcknowledgedIsThereThoughNothingElseIs) {
  const TemporaryFolder folder;
  const std::string data = folder.Sub("data");
  const auto disk = std::make_shared<PowerCutDisk>();
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  std::mt19937 random(kSeed);
  int long_streams = 0;
  for (int start = 0; start < 3; ++start) {
    const std::unique_ptr<RocksStore> store = Open(data, env.get());
    Load load(*store, absl::StrCat("s", start));
    for (int cut = 0; cut < 8; ++cut) {
      load.WaitForMore(random() % 60);
      if (cut == 4) {  // Tables, a new log and a new manifest: a backup begins with a flush.
        v1::CreateBackupRequest backup;
        backup.set_folder(folder.Sub("backups"));
        Must(store->CreateBackup(backup, nullptr));
      }
      std::vector<std::string> acknowledged;
      const std::string copy = folder.Sub(absl::StrCat("copy", start, "-", cut));
      disk->Cut(data, copy, random, [&] { acknowledged = load.acknowledged(); });
      const std::unique_ptr<RocksStore> after = Open(copy);
      ASSERT_NE(nullptr, after);
      ExpectWhole(*after, acknowledged, absl::StrCat("start ", start, ", cut ", cut, ", seed ", kSeed));
      long_streams += LongStreams(acknowledged);
    }
  }
  EXPECT_GT(long_streams, 0);
}

TEST(FullDisk, ARealOneRefusesWritesServesReadsAndRecovers) {
  const TemporaryFolder folder;
  MountedDisk disk(folder.Sub("disk"), 256 << 20);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs is not allowed here";
  const std::unique_ptr<RocksStore> store = Open(folder.Sub("disk/data"));
  ASSERT_NE(nullptr, store);
  for (int round = 0; round < 3; ++round) {
    const std::string before = absl::StrCat("before", round);
    ASSERT_TRUE(TryUpsert(*store, before).ok());
    disk.Fill();
    // Some fit into what is allocated already.
    absl::Status full;
    const std::string picture(1 << 20, static_cast<char>('a' + round));
    for (int i = 0; i < 100 && full.ok(); ++i) full = PutImage(*store, before, picture + std::to_string(i)).status();
    EXPECT_EQ("RESOURCE_EXHAUSTED", CodeOf(full)) << full;
    const std::unique_ptr<ProductWriter> stream = store->WriteProducts();
    absl::Status written;
    for (int k = 0; written.ok() && k < 8; ++k) {
      v1::UpsertProductsRequest request;
      for (int n = 0; n < 1'000; ++n) {
        v1::Product& product = *request.add_products();
        product.set_id(absl::StrCat("s", round, "-", k, "-", n));
        for (int word = 0; word < 40; ++word) absl::StrAppend(product.mutable_description(), n * 7919 + word * 104729);
      }
      written = stream->Write(request);
    }
    if (written.ok()) written = stream->Finish().status();
    EXPECT_EQ("RESOURCE_EXHAUSTED", CodeOf(written)) << written;
    EXPECT_EQ(before, Get(*store, before).product().id());
    disk.Empty();
    ExpectWritesAgain(*store, absl::StrCat("after", round));
  }
  ExpectWhole(*store, {}, "at the end");
}

TEST(FullDisk, RefusesWritesServesReadsAndRecovers) {
  const TemporaryFolder folder;
  std::atomic<std::int64_t> left{kPlenty};
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(std::make_shared<SmallDisk>(left));
  {
    const std::unique_ptr<RocksStore> store = Open(folder.Sub("data"), env.get());
    ASSERT_TRUE(TryUpsert(*store, "before").ok());
    left = 0;
    for (int i = 0; i < 3; ++i) {
      const absl::Status status = TryUpsert(*store, "while-full");
      EXPECT_EQ("RESOURCE_EXHAUSTED", CodeOf(status));
      EXPECT_THAT(std::string(status.message()), HasSubstr("disk is full"));
    }
    EXPECT_EQ("before", Get(*store, "before").product().id());
    EXPECT_EQ("NOT_FOUND", CodeOf(TryGet(*store, "while-full")));
    EXPECT_EQ(1, Must(store->GetStatistics({})).products());
    left = kPlenty;
    ExpectWritesAgain(*store, "after");
  }
  const std::unique_ptr<RocksStore> again = Open(folder.Sub("data"), env.get());
  EXPECT_EQ("before", Get(*again, "before").product().id());
  EXPECT_EQ("after", Get(*again, "after").product().id());
  EXPECT_EQ(2, Must(again->GetStatistics({})).products());
}

TEST(FullDisk, AtAnyMomentOfAnyWriteLosesNothingThatWasAcknowledged) {
  const TemporaryFolder folder;
  std::atomic<std::int64_t> left{kPlenty};
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(std::make_shared<SmallDisk>(left));
  std::mt19937 random(kSeed);
  std::vector<std::string> acknowledged;
  {
    const std::unique_ptr<RocksStore> store = Open(folder.Sub("data"), env.get());
    for (int round = 0; round < 4; ++round) {
      const std::string where = absl::StrCat("round ", round, ", seed ", kSeed);
      left = static_cast<std::int64_t>(random() % 600'000);
      Load load(*store, absl::StrCat("r", round));
      for (const absl::Status& status : load.WaitForEnd()) EXPECT_EQ("RESOURCE_EXHAUSTED", CodeOf(status)) << where;
      const std::vector<std::string> lines = load.acknowledged();
      acknowledged.insert(acknowledged.end(), lines.begin(), lines.end());
      for (const std::string& line : lines) EXPECT_EQ("", CheckAcknowledged(*store, line)) << where;
      left = kPlenty;
      ExpectWritesAgain(*store, absl::StrCat("after", round));
    }
    ExpectWhole(*store, acknowledged, "before the restart");
  }
  ExpectWhole(*Open(folder.Sub("data")), acknowledged, "after the restart");
}

}  // namespace
}  // namespace mannequin
