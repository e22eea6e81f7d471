// Backups: online, incremental, verified, restored to the same store; and by a schedule.
#include "services/store/rocks/backup.h"

#include <atomic>
#include <fstream>
#include <thread>

#include "absl/synchronization/notification.h"
#include "common/rpc/metrics.h"
#include "gmock/gmock.h"
#include "prometheus/text_serializer.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "services/store/rocks/backup_schedule.h"
#include "services/store/rocks/disk_bytes.h"
#include "services/store/rocks/owner_lock.h"
#include "tests/unit/store/load.h"
#include "tests/unit/store/store_contents.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

// No table comes into being before `release`.
class WaitingDisk : public rocksdb::FileSystemWrapper {
 public:
  explicit WaitingDisk(absl::Notification& release)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), release_(release) {}
  const char* Name() const override { return "WaitingDisk"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    if (fs::path(name).extension() == ".sst") release_.WaitForNotification();
    return target()->NewWritableFile(name, options, result, debug);
  }

 private:
  absl::Notification& release_;
};

class BackupTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = Open("data");
    FillStore(*store_, "a", 20);
  }
  std::unique_ptr<RocksStore> Open(const std::string& name) {
    return Must(RocksStore::Open(ConfigOf(folder_.Sub(name)), clock_));
  }
  absl::StatusOr<v1::CreateBackupResponse> Back(int keep = 0) {
    v1::CreateBackupRequest request;
    request.set_folder(backups_);
    request.set_keep(keep);
    return store_->CreateBackup(request, nullptr);
  }
  absl::Status Restore(const std::string& name, std::int64_t id = 0) {
    RestoreOptions options;
    options.backup_id = id;
    return RestoreBackup(backups_, folder_.Sub(name), options);
  }
  // "1 2", with "!" behind a damaged one.
  std::string Ids() {
    std::string ids;
    for (const BackupRecord& record : Must(ListBackups(backups_))) {
      absl::StrAppend(&ids, ids.empty() ? "" : " ", record.id, record.damaged ? "!" : "");
    }
    return ids;
  }
  // Files below the backups' folder whose path has this part, biggest first.
  std::vector<fs::path> FilesOfBackups(const std::string& part) {
    std::vector<fs::path> files;
    for (const auto& file : fs::recursive_directory_iterator(backups_)) {
      if (file.is_regular_file() && file.path().string().find(part) != std::string::npos) files.push_back(file.path());
    }
    std::sort(files.begin(), files.end(),
              [](const fs::path& a, const fs::path& b) { return file_size(a) > file_size(b); });
    return files;
  }
  static void FlipMiddle(const fs::path& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(fs::file_size(path) / 2);
    file.seekg(middle);
    const char byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(middle);
    file.put(byte);
  }

  TemporaryFolder folder_;
  const std::string backups_ = folder_.Sub("backups");
  ManualClock clock_{kStart};
  std::unique_ptr<RocksStore> store_;
};

TEST_F(BackupTest, RestoresToAnEqualStore) {
  EXPECT_EQ("NOT_FOUND", CodeOf(Restore("restored")));
  const Contents before = Must(ReadContents(*store_));
  const v1::CreateBackupResponse made = Must(Back());
  EXPECT_EQ(1, made.backup_id());
  EXPECT_GT(made.written_bytes(), 0);
  EXPECT_GE(made.written_bytes(), made.size_bytes());
  Upsert(*store_, {MakeProduct("too-late")});
  EXPECT_EQ("ALREADY_EXISTS", CodeOf(Restore("data")));
  ASSERT_EQ("OK", CodeOf(Restore("restored")));
  EXPECT_FALSE(fs::exists(folder_.Sub("restored.restoring")));
  const std::unique_ptr<RocksStore> restored = Open("restored");
  EXPECT_THAT(Differences(before, Must(ReadContents(*restored))), IsEmpty());
  EXPECT_THAT(FaultsOf(*restored), IsEmpty());
}

TEST_F(BackupTest, TheSecondWritesOnlyWhatIsNew) {
  for (int i = 0; i < 20; ++i)
    Must(PutImage(*store_, absl::StrCat("pa-", i), std::string(100'000, static_cast<char>(i))));
  const v1::CreateBackupResponse first = Must(Back());
  Upsert(*store_, {MakeProduct("one more")});
  const v1::CreateBackupResponse second = Must(Back());
  EXPECT_EQ(2, second.backup_id());
  EXPECT_GT(second.size_bytes(), first.size_bytes());
  EXPECT_LT(second.written_bytes(), first.written_bytes() / 10);
  ASSERT_EQ("OK", CodeOf(Restore("first", 1)));
  ASSERT_EQ("OK", CodeOf(Restore("second")));
  EXPECT_EQ("NOT_FOUND", CodeOf(TryGet(*Open("first"), "one more")));
  EXPECT_EQ("OK", CodeOf(TryGet(*Open("second"), "one more")));
  EXPECT_EQ("NOT_FOUND", CodeOf(Restore("third", 3)));
}

TEST_F(BackupTest, OnlineDuringWritesIsOneMoment) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      Upsert(*store_, {MakeProduct(absl::StrCat("w", i), "http://x/")});
      Must(PutImage(*store_, absl::StrCat("w", i), absl::StrCat("picture ", i % 3)));
    }
  });
  for (int i = 0; i < 4; ++i) Must(Back());
  stop = true;
  writer.join();
  for (int i = 1; i <= 4; ++i) {
    const std::string name = absl::StrCat("restored", i);
    ASSERT_EQ("OK", CodeOf(Restore(name, i)));
    const std::unique_ptr<RocksStore> restored = Open(name);
    EXPECT_THAT(FaultsOf(*restored), IsEmpty()) << i;
    // A prefix of what was written, without a hole.
    int next = 0;
    while (TryGet(*restored, absl::StrCat("w", next)).ok()) ++next;
    EXPECT_EQ(20 + next, Must(restored->GetStatistics({})).products());
  }
}

TEST_F(BackupTest, OnlineBesideStreamsThatAreKeptAsTablesIsOneMoment) {
  std::atomic<bool> stop{false};
  const Acknowledge go_on = [&](const std::string&) {
    return stop ? absl::CancelledError("stopped") : absl::OkStatus();
  };
  std::thread streams([&] { WriteLongStreams(*store_, "s", go_on).IgnoreError(); });
  std::thread images([&] { WriteImages(*store_, "i", go_on).IgnoreError(); });
  constexpr int kBackups = 12;
  for (int i = 0; i < kBackups; ++i) Must(Back());
  stop = true;
  streams.join();
  images.join();
  for (int i = 1; i <= kBackups; ++i) {
    const std::string name = absl::StrCat("restored", i);
    ASSERT_EQ("OK", CodeOf(Restore(name, i)));
    EXPECT_THAT(FaultsOf(*Open(name)), IsEmpty()) << i;
  }
}

TEST_F(BackupTest, KeepsTheNewest) {
  for (int i = 0; i < 4; ++i) Must(Back());
  EXPECT_EQ("1 2 3 4", Ids());
  Must(Back(2));
  EXPECT_EQ("4 5", Ids());
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(Back(-1)));
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(Back(1001)));
  ASSERT_EQ("OK", CodeOf(Restore("restored", 4)));
}

TEST_F(BackupTest, ADamagedFileIsDataLossAtTheRestoreAndLeavesNothing) {
  Must(Back());
  FlipMiddle(FilesOfBackups("shared").front());
  EXPECT_EQ("DATA_LOSS", CodeOf(Restore("restored")));
  EXPECT_FALSE(fs::exists(folder_.Sub("restored")));
  EXPECT_FALSE(fs::exists(folder_.Sub("restored.restoring")));
}

TEST_F(BackupTest, ADamagedFolderIsDataLossAtTheNextBackupToo) {
  Must(Back());
  FlipMiddle(FilesOfBackups("shared").front());
  const absl::StatusOr<v1::CreateBackupResponse> second = Back();
  EXPECT_EQ("DATA_LOSS", CodeOf(second));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("back up to a new folder"));
  EXPECT_EQ("1", Ids());
}

TEST_F(BackupTest, ADamagedNewestIsNotReplacedByAnOlderOneSilently) {
  Must(Back());
  Must(Back());
  std::ofstream(backups_ + "/meta/2", std::ios::trunc) << "garbage\n";
  EXPECT_EQ("1 2!", Ids());
  const absl::Status status = Restore("restored");
  EXPECT_EQ("DATA_LOSS", CodeOf(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("the newest that can be read is 1"));
  EXPECT_EQ("OK", CodeOf(Restore("restored", 1)));
}

// What a process that was killed leaves: files of a backup without its list.
TEST_F(BackupTest, AnUnfinishedBackupIsClearedAway) {
  Must(Back());
  Upsert(*store_, {MakeProduct("new")});
  Must(Back());
  fs::remove(backups_ + "/meta/2");
  std::ofstream(backups_ + "/shared_checksum/999999_sABCDEF_7.sst") << "half of";
  EXPECT_EQ("1", Ids());
  ASSERT_EQ("OK", CodeOf(Restore("restored")));
  const v1::CreateBackupResponse again = Must(Back());
  EXPECT_THAT(FilesOfBackups("999999"), IsEmpty());
  ASSERT_EQ("OK", CodeOf(Restore("again", again.backup_id())));
  EXPECT_EQ("OK", CodeOf(TryGet(*Open("again"), "new")));
}

TEST_F(BackupTest, ARestoreThatWasKilledLooksLikeNoStoreAndStartsAnew) {
  Must(Back());
  fs::create_directories(folder_.Sub("restored.restoring/store"));
  std::ofstream(folder_.Sub("restored.restoring/store/000001.sst")) << "half a file";
  fs::create_directories(folder_.Sub("restored"));
  ASSERT_EQ("OK", CodeOf(Restore("restored")));
  EXPECT_FALSE(fs::exists(folder_.Sub("restored/000001.sst")));
  EXPECT_THAT(FaultsOf(*Open("restored")), IsEmpty());
}

TEST_F(BackupTest, RefusesFoldersThatAreNotForBackups) {
  v1::CreateBackupRequest request;
  for (const std::string& name : {std::string("data"), std::string("data/backups"), std::string("data/../data")}) {
    request.set_folder(folder_.Sub(name));
    EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store_->CreateBackup(request, nullptr))) << name;
  }
  fs::create_directories(folder_.Sub("home/private"));
  request.set_folder(folder_.Sub("home"));
  const absl::Status status = store_->CreateBackup(request, nullptr).status();
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("holds other things than backups"));
  // "meta" alone does not make it ours: what lies in "private" would be deleted.
  fs::create_directories(folder_.Sub("home/meta"));
  std::ofstream(folder_.Sub("home/private/diary")) << "mine";
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store_->CreateBackup(request, nullptr)));
  EXPECT_TRUE(fs::exists(folder_.Sub("home/private/diary")));
}

TEST_F(BackupTest, AFirstOneThatWasKilledDoesNotSpoilTheFolder) {
  fs::create_directories(folder_.Sub("cut/shared_checksum"));
  std::ofstream(folder_.Sub("cut/shared_checksum/000007.sst")) << "half a table";
  std::ofstream(folder_.Sub("cut/OWNER")) << "1\n";
  v1::CreateBackupRequest request;
  request.set_folder(folder_.Sub("cut"));
  EXPECT_EQ(1, Must(store_->CreateBackup(request, nullptr)).backup_id());
}

TEST_F(BackupTest, AFolderInUseIsUnavailable) {
  const auto other = Must(store::OwnerLock::Take(backups_));
  EXPECT_EQ("UNAVAILABLE", CodeOf(Back()));
}

TEST_F(BackupTest, ASecondAtTheSameTimeIsUnavailable) {
  std::atomic<bool> stop{false};
  std::atomic<int> refused{0}, made{0};
  const auto back_up = [&] {
    while (!stop) {
      const absl::StatusOr<v1::CreateBackupResponse> result = Back(3);
      if (result.ok()) {
        ++made;
      } else {
        EXPECT_EQ("UNAVAILABLE", CodeOf(result)) << result.status();
        ++refused;
      }
      if (made > 0 && refused > 0) stop = true;
    }
  };
  std::thread other(back_up);
  back_up();
  other.join();
}

TEST_F(BackupTest, NoneBeginsWhileTheStoreCloses) {
  store_->Stop();
  EXPECT_EQ("UNAVAILABLE", CodeOf(Back()));
}

TEST_F(BackupTest, EndsWhenItsCallerHasEnoughAndKeepsEarlierOnes) {
  Must(Back());
  const Contents before = Must(ReadContents(*store_));
  store_.reset();
  absl::Notification release;
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(std::make_shared<WaitingDisk>(release));
  store_ = Must(RocksStore::Open(ConfigOf(folder_.Sub("data")), clock_, env.get()));
  Upsert(*store_, {MakeProduct("new")});
  v1::CreateBackupRequest request;
  request.set_folder(backups_);
  request.set_keep(1);
  // At its begin, and while it waits for the table of what is new.
  for (const int enough : {1, 2}) {
    int calls = 0;
    const auto progress = [&](const v1::CreateBackupResponse&) {
      if (++calls == 2) release.Notify();
      return calls < enough;
    };
    EXPECT_EQ("CANCELLED", CodeOf(store_->CreateBackup(request, progress)));
    EXPECT_EQ(enough, calls);
    EXPECT_EQ("1", Ids());
  }
  ASSERT_EQ("OK", CodeOf(Restore("restored")));
  EXPECT_THAT(Differences(before, Must(ReadContents(*Open("restored")))), IsEmpty());
  ASSERT_EQ("OK", CodeOf(Restore("newer", Must(Back()).backup_id())));
  EXPECT_EQ("OK", CodeOf(TryGet(*Open("newer"), "new")));
  store_.reset();
}

TEST_F(BackupTest, ARestoreThatIsEndedLeavesNothing) {
  Must(Back());
  RestoreOptions options;
  int calls = 0;
  options.progress = [&calls](std::int64_t, std::int64_t) { return ++calls > 1; };
  EXPECT_EQ("CANCELLED", CodeOf(RestoreBackup(backups_, folder_.Sub("restored"), options)));
  EXPECT_FALSE(fs::exists(folder_.Sub("restored")));
  EXPECT_FALSE(fs::exists(folder_.Sub("restored.restoring")));
  EXPECT_EQ("OK", CodeOf(RestoreBackup(backups_, folder_.Sub("restored"), options)));
}

class ScheduleTest : public BackupTest {
 protected:
  void Start(int every_minutes = 60, int keep = 2) {
    config::v1::BackupSchedule config;
    config.set_folder(backups_);
    config.set_every_minutes(every_minutes);
    config.set_keep(keep);
    schedule_ = Must(BackupSchedule::Start(*store_, config, clock_, absl::Milliseconds(1)));
  }
  // Until the newest backup has this number.
  bool WaitForBackup(std::int64_t id) {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (absl::Now() < deadline) {
      const auto records = ListBackups(backups_);
      if (records.ok() && records->back().id >= id) return records->back().id == id;
      std::this_thread::yield();
    }
    return false;
  }
  static std::string Metric(const std::string& name) {
    const std::string text = prometheus::TextSerializer().Serialize(rpc::MetricsRegistry()->Collect());
    const std::size_t begin = text.find("\n" + name);
    if (begin == std::string::npos) return "";
    const std::size_t space = text.find(' ', begin);
    return text.substr(space + 1, text.find('\n', begin + 1) - space - 1);
  }
  std::unique_ptr<BackupSchedule> schedule_;
};

TEST_F(ScheduleTest, MakesOneAtOnceThenOneAnIntervalAndKeepsSome) {
  Start();
  ASSERT_TRUE(WaitForBackup(1));
  for (int id = 2; id <= 4; ++id) {
    clock_.Advance(absl::Minutes(60));
    ASSERT_TRUE(WaitForBackup(id));
  }
  schedule_.reset();
  EXPECT_EQ("3 4", Ids());
  EXPECT_EQ(kStart + absl::Hours(3), Must(ListBackups(backups_)).back().time);
  EXPECT_EQ(absl::StrCat(absl::ToUnixSeconds(kStart + absl::Hours(3))),
            Metric("mannequin_store_last_backup_timestamp_seconds"));
}

TEST_F(ScheduleTest, ARestartPutsNoneOffAndMakesNoneEarlier) {
  Must(Back());
  clock_.Advance(absl::Minutes(59));
  Start();
  EXPECT_TRUE(WaitForBackup(1));
  schedule_.reset();
  EXPECT_EQ("1", Ids());
  clock_.Advance(absl::Minutes(1));
  Start();
  EXPECT_TRUE(WaitForBackup(2));
}

TEST_F(ScheduleTest, AClockSetBackDoesNotPutBackupsOff) {
  Must(Back());
  clock_.Advance(-absl::Hours(1000));
  Start();
  EXPECT_TRUE(WaitForBackup(2));
}

TEST_F(ScheduleTest, AFailureIsCountedAndTriedAgain) {
  auto other = Must(store::OwnerLock::Take(backups_));
  const std::string failed = "mannequin_store_backups_total{outcome=\"failed\"}";
  const std::string before = Metric(failed);
  Start();
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (Metric(failed) == before && absl::Now() < deadline) std::this_thread::yield();
  EXPECT_NE(before, Metric(failed));
  other.reset();
  clock_.Advance(absl::Minutes(10));
  EXPECT_TRUE(WaitForBackup(1));
}

TEST_F(ScheduleTest, BadConfigurationNamesTheFieldAndItsBounds) {
  config::v1::BackupSchedule config;
  config.set_every_minutes(60);
  const auto start = [&] { return BackupSchedule::Start(*store_, config, clock_).status(); };
  EXPECT_THAT(std::string(start().message()), HasSubstr("backup.folder"));
  config.set_folder(backups_);
  config.set_every_minutes(0);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(start()));
  EXPECT_THAT(std::string(start().message()), HasSubstr("backup.every_minutes: 0, expected 1 to 10080"));
  config.set_every_minutes(60);
  config.set_keep(1001);
  EXPECT_THAT(std::string(start().message()), HasSubstr("backup.keep"));
}

}  // namespace
}  // namespace mannequin
