#include "services/store/synced_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "services/store/rocks_status.h"
#include "spdlog/spdlog.h"

namespace mannequin::store {
namespace {

constexpr char kFileName[] = "/SYNCED";

// The number twice: a damaged one is not taken for another.
std::string Render(std::uint64_t sequence) { return absl::StrFormat("%020d %020d\n", sequence, sequence); }

// False when the text is not what Render makes.
bool Parse(absl::string_view text, std::uint64_t& sequence) {
  return absl::SimpleAtoi(text.substr(0, text.find(' ')), &sequence) && Render(sequence) == text;
}

// What refers to no database any more, but was one's.
bool HasTables(const std::string& folder) {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
    if (file.path().extension() == ".sst" || file.path().extension() == ".blob") return true;
  }
  return false;
}

absl::Status Unreadable(const std::string& what, const rocksdb::Status& status) {
  const bool incomplete = status.IsNotFound() || status.IsInvalidArgument();
  if (!incomplete) return FromRocks(status, what);
  return absl::DataLossError(
      absl::StrCat(what, ": a file is damaged or gone, restore the latest backup: ", status.ToString()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SyncedMark>> SyncedMark::Open(const std::string& folder) {
  const std::string path = folder + kFileName;
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return absl::ErrnoToStatus(errno, absl::StrCat("open ", path));
  std::array<char, 64> bytes{};
  const ssize_t size = pread(file, bytes.data(), bytes.size(), 0);
  const absl::string_view text(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  std::uint64_t sequence = 0;
  if (!text.empty() && !Parse(text, sequence)) {
    spdlog::warn("{}: is damaged; whether the log is complete cannot be checked this time", path);
    sequence = 0;
  }
  return std::unique_ptr<SyncedMark>(new SyncedMark(file, sequence));
}

SyncedMark::~SyncedMark() {
  fsync(file_);
  close(file_);
}

void SyncedMark::Note(std::uint64_t sequence) {
  if (sequence <= noted_) return;
  noted_ = sequence;
  const std::string text = Render(sequence);
  // Far below a sector: never half of it.
  if (pwrite(file_, text.data(), text.size(), 0) < 0) spdlog::debug("SYNCED: {}", std::strerror(errno));
}

absl::Status CheckRecovery(const std::string& folder, std::uint64_t sequence, const rocksdb::DBOptions& options,
                           const std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
  const std::string what = absl::StrCat("open store ", folder);
  // RocksDB would take the folder for a new database's.
  if (options.env->FileExists(folder + "/CURRENT").IsNotFound()) {
    if (sequence == 0 && !HasTables(folder)) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(what, ": the file CURRENT is gone, restore the latest backup"));
  }
  if (sequence == 0) return absl::OkStatus();
  std::vector<std::string> names;
  const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(options, folder, &names);
  if (!listed.ok()) return Unreadable(what, listed);
  std::vector<rocksdb::ColumnFamilyDescriptor> there;
  absl::c_copy_if(families, std::back_inserter(there),
                  [&names](const auto& family) { return absl::c_linear_search(names, family.name); });

  rocksdb::DBOptions reading = options;
  // Up to the first hole, also one between two logs.
  reading.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // Tables are not what is asked for here.
  reading.max_open_files = 16;
  reading.skip_stats_update_on_db_open = true;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(reading, folder, there, &handles, &opened);
  if (!status.ok()) return Unreadable(what, status);
  const std::unique_ptr<rocksdb::DB> db(opened);
  const std::uint64_t reached = db->GetLatestSequenceNumber();
  for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  if (reached >= sequence) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(what, ": changes up to number ", sequence,
                                          " were acknowledged, but the log or the manifest can be ", "read up to ",
                                          reached, " only; nothing was changed; restore the latest backup, or delete ",
                                          folder, kFileName, " to go on without them"));
}

}  // namespace mannequin::store
