// What only the embedded store can show: crashes, damage, full disks, folders in use.
#include "services/store/rocks_store.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "gmock/gmock.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {
namespace {

using testing::HasSubstr;

std::unique_ptr<RocksStore> Open(const std::string& data, rocksdb::Env* env = nullptr) {
  return Must(RocksStore::Open(ConfigOf(data), Clock::Real(), env));
}

absl::Status TryUpsert(ProductStore& store, const std::string& id) {
  v1::UpsertProductsRequest request;
  *request.add_products() = MakeProduct(id, "http://x/" + id);
  return store.UpsertProducts(request).status();
}

// --- The child of the crash test: writes from two threads, prints each id once its
// write was acknowledged, until it is killed.

void WriteAndPrint(RocksStore& store, const std::string& prefix) {
  for (int i = 0;; ++i) {
    const std::string id = absl::StrCat(prefix, i);
    if (!TryUpsert(store, id).ok() || !PutImage(store, id, "picture of " + id).ok()) _exit(2);
    const std::string line = id + "\n";
    if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(3);
  }
}

int WriteUntilKilled(const std::string& data, const std::string& round) {
  const std::unique_ptr<RocksStore> store = Open(data);
  std::thread other([&] { WriteAndPrint(*store, round + "-a-"); });
  WriteAndPrint(*store, round + "-b-");
  return 0;
}

// Runs the child until it has acknowledged `lines` ids, kills it with SIGKILL, returns
// all that it had printed.
std::vector<std::string> RunAndKill(const std::string& data, const std::string& round, std::size_t lines) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string self = "/proc/self/exe", flag = "--write-until-killed", data_argument = data, round_argument = round;
  char* arguments[] = {self.data(), flag.data(), data_argument.data(), round_argument.data(), nullptr};
  pid_t child = 0;
  const int spawned = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  EXPECT_EQ(0, spawned);
  std::string output;
  char buffer[4096];
  bool killed = false;
  for (ssize_t size = 0; (size = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    output.append(buffer, static_cast<std::size_t>(size));
    if (!killed && static_cast<std::size_t>(std::count(output.begin(), output.end(), '\n')) >= lines) {
      kill(child, SIGKILL);
      killed = true;
    }
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  std::vector<std::string> ids;
  for (std::size_t begin = 0, end; (end = output.find('\n', begin)) != std::string::npos; begin = end + 1) {
    ids.push_back(output.substr(begin, end - begin));
  }
  return ids;
}

TEST(Crash, WhatWasAcknowledgedIsThereAfterKillMinusNine) {
  const TemporaryFolder folder;
  const std::string data = folder.Sub("data");
  std::vector<std::string> acknowledged;
  for (int round = 0; round < 4; ++round) {
    for (std::string& id : RunAndKill(data, absl::StrCat(round), 20)) acknowledged.push_back(std::move(id));
    const std::unique_ptr<RocksStore> store = Open(data);
    for (const std::string& id : acknowledged) {
      EXPECT_EQ(v1::IMAGE_STATE_STORED, Get(*store, id).image().state()) << id;
      v1::GetImageRequest image;
      image.set_product_id(id);
      EXPECT_EQ("picture of " + id, Must(store->GetImage(image)).image().data());
    }
    // Statistics agree with a recount: they are written in the same batch.
    std::int64_t products = 0, stored = 0;
    EXPECT_TRUE(store
                    ->ScanProducts({},
                                   [&](const v1::StoredProduct& product) {
                                     ++products;
                                     stored += product.image().state() == v1::IMAGE_STATE_STORED;
                                     return absl::OkStatus();
                                   })
                    .ok());
    const v1::GetStatisticsResponse statistics = Must(store->GetStatistics({}));
    EXPECT_EQ(products, statistics.products());
    EXPECT_EQ(stored, statistics.images());
  }
  EXPECT_GE(acknowledged.size(), 80u);
}

TEST(Folder, InUseNamesTheOwnersPid) {
  const TemporaryFolder folder;
  const std::unique_ptr<RocksStore> first = Open(folder.Sub("data"));
  const absl::Status second = RocksStore::Open(ConfigOf(folder.Sub("data")), Clock::Real()).status();
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(second));
  EXPECT_THAT(std::string(second.message()), HasSubstr(absl::StrCat("in use by process ", getpid())));
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

// A disk that can be full: every file's Append fails with NoSpace while it is.
class FillableFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FillableFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, const std::atomic<bool>& full)
      : FSWritableFileOwnerWrapper(std::move(file)), full_(full) {}
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (full_) return rocksdb::IOStatus::NoSpace("full, says the test");
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& info, rocksdb::IODebugContext* debug) override {
    if (full_) return rocksdb::IOStatus::NoSpace("full, says the test");
    return FSWritableFileOwnerWrapper::Append(data, options, info, debug);
  }

 private:
  const std::atomic<bool>& full_;
};

class FillableDisk : public rocksdb::FileSystemWrapper {
 public:
  explicit FillableDisk(const std::atomic<bool>& full)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), full_(full) {}
  const char* Name() const override { return "FillableDisk"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    const rocksdb::IOStatus status = target()->NewWritableFile(name, options, &file, debug);
    if (status.ok()) *result = std::make_unique<FillableFile>(std::move(file), full_);
    return status;
  }

 private:
  const std::atomic<bool>& full_;
};

TEST(FullDisk, RefusesWritesServesReadsAndRecovers) {
  const TemporaryFolder folder;
  std::atomic<bool> full{false};
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(std::make_shared<FillableDisk>(full));
  {
    const std::unique_ptr<RocksStore> store = Open(folder.Sub("data"), env.get());
    ASSERT_TRUE(TryUpsert(*store, "before").ok());
    full = true;
    for (int i = 0; i < 3; ++i) {
      const absl::Status status = TryUpsert(*store, "while-full");
      EXPECT_EQ("RESOURCE_EXHAUSTED", CodeOf(status));
      EXPECT_THAT(std::string(status.message()), HasSubstr("disk is full"));
    }
    EXPECT_EQ("before", Get(*store, "before").product().id());
    EXPECT_EQ("NOT_FOUND", CodeOf(TryGet(*store, "while-full")));
    EXPECT_EQ(1, Must(store->GetStatistics({})).products());
    full = false;
    const absl::Time deadline = absl::Now() + absl::Minutes(1);
    while (!TryUpsert(*store, "after").ok() && absl::Now() < deadline) std::this_thread::yield();
    EXPECT_EQ("after", Get(*store, "after").product().id());
  }
  const std::unique_ptr<RocksStore> again = Open(folder.Sub("data"), env.get());
  EXPECT_EQ("before", Get(*again, "before").product().id());
  EXPECT_EQ("after", Get(*again, "after").product().id());
  EXPECT_EQ(2, Must(again->GetStatistics({})).products());
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

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "--write-until-killed") return mannequin::WriteUntilKilled(argv[2], argv[3]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
