// One damaged byte anywhere: what the store then says is either complete or an error.
#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>

#include "gmock/gmock.h"
#include "services/store/rocks/database.h"
#include "tests/unit/store/store_contents.h"

namespace mannequin {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

// Where copies of the store lie: in memory, when the machine has such a folder.
std::string FolderForCopies() {
  const fs::path memory = "/dev/shm";
  std::error_code error;
  if (fs::space(memory, error).available < (std::uintmax_t{64} << 20) || error) return *MakeTemporaryFolder("damage");
  std::string name = memory / "damage-XXXXXX";
  return mkdtemp(name.data()) != nullptr ? name : *MakeTemporaryFolder("damage");
}

std::string ReadBytes(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

void WriteBytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// A closed store with all families in use: the oldest records in tables and blob files,
// the newest in the log only.
class DamageTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = FolderForCopies();
    for (const char* round : {"a", "b", "c"}) {
      // Opening writes what is in the log into tables.
      const auto store = Must(RocksStore::Open(ConfigOf(Whole()), Clock::Real()));
      FillStore(*store, round, 24);
      contents_ = Must(ReadContents(*store));
    }
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static std::string Whole() { return folder_ + "/whole"; }
  static std::vector<std::string> Files(const std::string& part) {
    std::vector<std::string> names;
    for (const auto& file : fs::directory_iterator(Whole())) {
      const std::string name = file.path().filename();
      if (name.find(part) != std::string::npos && file.file_size() > 0) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  // Opens a copy in which `name` holds `bytes`. "" when the copy is complete, "reported"
  // when an error tells of the damage, else what was silently wrong.
  static std::string Outcome(const std::string& name, const std::string& bytes) {
    const std::string copy = folder_ + "/copy";
    fs::remove_all(copy);
    fs::copy(Whole(), copy);
    WriteBytes(copy + "/" + name, bytes);
    const auto store = RocksStore::Open(ConfigOf(copy), Clock::Real());
    if (!store.ok()) return CodeOf(store) == "DATA_LOSS" ? "reported" : "open says " + store.status().ToString();
    const absl::StatusOr<Contents> contents = ReadContents(**store);
    if (!contents.ok())
      return CodeOf(contents) == "DATA_LOSS" ? "reported" : "reading says " + contents.status().ToString();
    const std::vector<std::string> differences = Differences(contents_, *contents);
    if (!differences.empty()) return "silently different: " + testing::PrintToString(differences);
    return FaultsOf(**store).empty() ? "" : "reported";
  }

  static std::string Flip(const std::string& name, std::size_t place, int bit) {
    std::string bytes = ReadBytes(Whole() + "/" + name);
    bytes[place] = static_cast<char>(bytes[place] ^ (1 << bit));
    return bytes;
  }

  static inline std::string folder_;
  static inline Contents contents_;
};

// Places of the headers of a log's records: 4 bytes of checksum, 2 of length, 1 of type,
// in blocks of 32 KiB.
std::vector<std::size_t> RecordHeaders(const std::string& log) {
  std::vector<std::size_t> headers;
  for (std::size_t i = 0; i + 7 <= log.size();) {
    const std::size_t left = 32768 - i % 32768;
    const std::size_t length = static_cast<unsigned char>(log[i + 4]) + 256u * static_cast<unsigned char>(log[i + 5]);
    if (left < 7 || (length == 0 && log[i + 6] == 0)) {
      i += left;
      continue;
    }
    headers.push_back(i);
    i += 7 + length;
  }
  return headers;
}

TEST_F(DamageTest, AFlippedBitAnywhereIsReportedOrHarmless) {
  constexpr unsigned kSeed = 20240611;
  std::mt19937 random(kSeed);
  int reported = 0;
  for (const auto& [part, flips] : std::vector<std::pair<std::string, int>>{{".log", 65},
                                                                            {".sst", 70},
                                                                            {".blob", 30},
                                                                            {"MANIFEST", 35},
                                                                            {"CURRENT", 8},
                                                                            {"OPTIONS", 5},
                                                                            {"IDENTITY", 2},
                                                                            {"SYNCED", 5}}) {
    const std::vector<std::string> files = Files(part);
    ASSERT_FALSE(files.empty()) << part;
    for (int i = 0; i < flips; ++i) {
      const std::string& name = files[random() % files.size()];
      const std::size_t place = random() % fs::file_size(Whole() + "/" + name);
      const int bit = static_cast<int>(random() % 8);
      const std::string outcome = Outcome(name, Flip(name, place, bit));
      EXPECT_TRUE(outcome.empty() || outcome == "reported")
          << "seed " << kSeed << ", " << name << " byte " << place << " bit " << bit << ": " << outcome;
      reported += outcome == "reported";
    }
  }
  // Most bytes matter.
  EXPECT_GT(reported, 100);
}

// What a reader of logs takes for the torn end that a crash leaves.
TEST_F(DamageTest, AHeaderThatLooksLikeATornEndIsReported) {
  for (const std::string part : {".log", "MANIFEST"}) {
    for (const std::string& name : Files(part)) {
      const std::vector<std::size_t> headers = RecordHeaders(ReadBytes(Whole() + "/" + name));
      ASSERT_GT(headers.size(), 5u) << name;
      for (std::size_t i = 0; i < headers.size(); i += std::max<std::size_t>(1, headers.size() / 8)) {
        // The length beyond the end, and the type of a recycled log's record.
        EXPECT_EQ("reported", Outcome(name, Flip(name, headers[i] + 5, 6))) << name << " record " << i << " length";
        EXPECT_EQ("reported", Outcome(name, Flip(name, headers[i] + 6, 2))) << name << " record " << i << " type";
      }
      EXPECT_EQ("reported", Outcome(name, Flip(name, headers.back() + 5, 6))) << name << " last record, length";
      EXPECT_EQ("reported", Outcome(name, Flip(name, headers.back() + 6, 2))) << name << " last record, type";
    }
  }
}

// RocksDB would go on with the next log, and leave a hole.
TEST_F(DamageTest, ARecordThatHidesTheRestOfAnOlderLogIsReported) {
  using store::Database;
  using store::Family;
  const TemporaryFolder folder;
  const auto put = [](Database& db, Family family, const std::string& key) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put(db.handle(family), key, "value").ok());
    ASSERT_EQ("OK", CodeOf(db.Sync(Must(db.Apply(batch)))));
  };
  {
    const std::unique_ptr<Database> db = Must(Database::Open(folder.Sub("data"), 0, nullptr));
    for (int i = 0; i < 5; ++i) put(*db, Family::kVerdicts, absl::StrCat("older", i));
    put(*db, Family::kJobs, "job");
    // Begins a new log; the older one is still needed, for the verdicts.
    ASSERT_TRUE(db->rocks().Flush(rocksdb::FlushOptions(), db->handle(Family::kJobs)).ok());
    put(*db, Family::kVerdicts, "newer");
  }
  std::vector<fs::path> logs;
  for (const auto& file : fs::directory_iterator(folder.Sub("data"))) {
    if (file.path().extension() == ".log" && file.file_size() > 0) logs.push_back(file.path());
  }
  std::sort(logs.begin(), logs.end());
  ASSERT_EQ(2u, logs.size());
  const std::string whole = ReadBytes(logs[0]);
  for (const std::size_t header : RecordHeaders(whole)) {
    for (const int bit : {1, 2, 3, 7}) {
      std::string damaged = whole;
      damaged[header + 6] = static_cast<char>(damaged[header + 6] ^ (1 << bit));
      WriteBytes(logs[0], damaged);
      EXPECT_EQ("DATA_LOSS", CodeOf(Database::Open(folder.Sub("data"), 0, nullptr))) << header << " bit " << bit;
    }
  }
  WriteBytes(logs[0], whole);
  EXPECT_EQ("OK", CodeOf(Database::Open(folder.Sub("data"), 0, nullptr)));
}

TEST_F(DamageTest, ALogThatLostItsEndIsReported) {
  const std::string name = Files(".log").back();
  const std::string bytes = ReadBytes(Whole() + "/" + name);
  const std::vector<std::size_t> headers = RecordHeaders(bytes);
  for (std::size_t i = headers.size() - 4; i < headers.size(); ++i) {
    EXPECT_EQ("reported", Outcome(name, bytes.substr(0, headers[i]))) << "cut before record " << i;
    EXPECT_EQ("reported", Outcome(name, bytes.substr(0, headers[i] + 20))) << "cut in record " << i;
  }
}

TEST_F(DamageTest, ATornRecordBehindTheLastAcknowledgedOneIsNoDamage) {
  const std::string name = Files(".log").back();
  const std::string bytes = ReadBytes(Whole() + "/" + name);
  const std::string last = bytes.substr(RecordHeaders(bytes).back());
  for (const std::size_t size : {std::size_t{3}, std::size_t{7}, last.size() / 2}) {
    EXPECT_EQ("", Outcome(name, bytes + last.substr(0, size))) << size;
  }
}

TEST_F(DamageTest, AMissingFileIsReported) {
  for (const std::string part : {".log", ".sst", ".blob", "MANIFEST", "CURRENT"}) {
    const std::string copy = folder_ + "/without";
    fs::remove_all(copy);
    fs::copy(Whole(), copy);
    fs::remove(copy + "/" + Files(part).back());
    const auto store = RocksStore::Open(ConfigOf(copy), Clock::Real());
    if (store.ok()) {
      EXPECT_EQ("DATA_LOSS", CodeOf(ReadContents(**store))) << part;
    } else {
      EXPECT_EQ("DATA_LOSS", CodeOf(store)) << part << " " << store.status();
      EXPECT_THAT(std::string(store.status().message()), HasSubstr("restore the latest backup"));
    }
  }
}

}  // namespace
}  // namespace mannequin
