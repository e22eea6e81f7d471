// What only the embedded store can show: damage, folders in use, threads.
#include "services/store/rocks/rocks_store.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gmock/gmock.h"
#include "services/store/rocks/rocks_status.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {
namespace {

using testing::HasSubstr;

std::unique_ptr<RocksStore> Open(const std::string& data) {
  return Must(RocksStore::Open(ConfigOf(data), Clock::Real()));
}

absl::Status TryUpsert(ProductStore& store, const std::string& id) {
  v1::UpsertProductsRequest request;
  *request.add_products() = MakeProduct(id, "http://x/" + id);
  return store.UpsertProducts(request).status();
}

TEST(Folder, InUseNamesTheOwnersPid) {
  const TemporaryFolder folder;
  const std::unique_ptr<RocksStore> first = Open(folder.Sub("data"));
  const absl::Status second = RocksStore::Open(ConfigOf(folder.Sub("data")), Clock::Real()).status();
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(second));
  EXPECT_THAT(std::string(second.message()), HasSubstr(absl::StrCat("in use by process ", getpid())));
}

TEST(Folder, WithAStoreOneFolderDeeperIsRefusedAndStaysAsItIs) {
  const TemporaryFolder folder;
  Open(folder.Sub("data/store"));
  const absl::Status outer = RocksStore::Open(ConfigOf(folder.Sub("data")), Clock::Real()).status();
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(outer));
  EXPECT_THAT(std::string(outer.message()), HasSubstr("there is one in " + folder.Sub("data/store")));
  EXPECT_FALSE(std::filesystem::exists(folder.Sub("data/OWNER")));
  // A folder that has its own store may have anything else.
  Open(folder.Sub("own"));
  std::filesystem::copy(folder.Sub("data/store"), folder.Sub("own/store"));
  Open(folder.Sub("own"));
}

TEST(Folder, ThatTakesNoMoreWritesSaysWhy) {
  const absl::Status quota = store::FromRocks(rocksdb::Status::IOError("write 000007.log", strerror(EDQUOT)), "write");
  EXPECT_EQ("RESOURCE_EXHAUSTED", CodeOf(quota));
  EXPECT_THAT(std::string(quota.message()), HasSubstr("quota is used up"));
  const absl::Status read_only = store::FromRocks(rocksdb::Status::IOError("open LOCK", strerror(EROFS)), "open");
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(read_only));
  EXPECT_THAT(std::string(read_only.message()), HasSubstr("mounted read-only"));
  EXPECT_EQ("INTERNAL", CodeOf(store::FromRocks(rocksdb::Status::IOError("read", strerror(EIO)), "read")));
}

TEST(Folder, ThatCannotBeWrittenSaysSo) {
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(RocksStore::Open({}, Clock::Real())));
  const TemporaryFolder folder;
  std::ofstream(folder.Sub("file")) << "x";
  const absl::Status status = RocksStore::Open(ConfigOf(folder.Sub("file/data")), Clock::Real()).status();
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot be written"));
  if (geteuid() == 0) return;  // Root may write anywhere.
  std::filesystem::create_directory(folder.Sub("locked"));
  std::filesystem::permissions(folder.Sub("locked"), std::filesystem::perms::owner_read);
  EXPECT_EQ("PERMISSION_DENIED", CodeOf(RocksStore::Open(ConfigOf(folder.Sub("locked")), Clock::Real())));
  std::filesystem::permissions(folder.Sub("locked"), std::filesystem::perms::owner_all);
}

// Flips one byte in the middle of every file with this extension; how many there were.
int Damage(const std::string& data, const std::string& extension) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(data)) {
    if (file.path().extension() != extension || file.file_size() == 0) continue;
    std::fstream stream(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(file.file_size() / 2);
    stream.seekg(middle);
    const char byte = static_cast<char>(stream.get() ^ 0x40);
    stream.seekp(middle);
    stream.put(byte);
    ++files;
  }
  return files;
}

TEST(Damage, InATableIsDataLossAndNotAShortScan) {
  const TemporaryFolder folder;
  const std::string data = folder.Sub("data");
  {
    const std::unique_ptr<RocksStore> store = Open(data);
    v1::UpsertProductsRequest request;
    for (int i = 0; i < 4000; ++i) {
      v1::Product product = MakeProduct(absl::StrCat("p", i));
      for (int k = 0; k < 30; ++k) absl::StrAppend(product.mutable_description(), (i * 7919 + k * 104729) % 99991, " ");
      *request.add_products() = product;
    }
    Must(store->UpsertProducts(request));
  }
  Open(data).reset();  // Recovery writes the log into tables.
  ASSERT_GT(Damage(data, ".sst"), 0);
  const absl::StatusOr<std::unique_ptr<RocksStore>> store = RocksStore::Open(ConfigOf(data), Clock::Real());
  if (!store.ok()) {
    EXPECT_EQ("DATA_LOSS", CodeOf(store));
    return;
  }
  int seen = 0;
  EXPECT_EQ("DATA_LOSS", CodeOf((*store)->ScanProducts({}, [&](const v1::StoredProduct&) {
              ++seen;
              return absl::OkStatus();
            })));
  EXPECT_LT(seen, 4000);
}

TEST(Damage, InALogRefusesToOpen) {
  const TemporaryFolder folder;
  const std::string data = folder.Sub("data");
  {
    const std::unique_ptr<RocksStore> store = Open(data);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(TryUpsert(*store, absl::StrCat("p", i)).ok());
  }
  ASSERT_GT(Damage(data, ".log"), 0);
  const absl::Status status = RocksStore::Open(ConfigOf(data), Clock::Real()).status();
  EXPECT_EQ("DATA_LOSS", CodeOf(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("restore the latest backup"));
}

TEST(Threads, ManyWritersLeaveExactCounts) {
  const TemporaryFolder folder;
  const std::unique_ptr<RocksStore> store = Open(folder.Sub("data"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        // Half of the products and all of the pictures are shared between threads.
        const std::string id = i % 2 == 0 ? absl::StrCat("shared", i) : absl::StrCat("own", t, "-", i);
        EXPECT_TRUE(TryUpsert(*store, id).ok());
        EXPECT_TRUE(PutImage(*store, id, absl::StrCat("picture", i % 5)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ("products=61 STORED=61 images=5/40 embeddings=0 placeholders=0 verdicts=0",
            Render(Must(store->GetStatistics({}))));
}

}  // namespace
}  // namespace mannequin
