#include "services/store/rocks/synced_mark.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "services/store/rocks/rocks_status.h"
#include "spdlog/spdlog.h"

namespace mannequin::store {
namespace {

constexpr char kFileName[] = "/SYNCED";

constexpr std::size_t kBlock = 32 * 1024;  // of a log
constexpr std::size_t kHeader = 7;         // of a record: checksum 4, length 2, type 1
constexpr char kLastType = 4;              // of logs that are not recycled, and ours are not

// Bytes of at most `limit`; as many as there are.
std::string ReadBegin(const std::string& path, std::uint64_t limit) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(limit, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(limit));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  return bytes;
}

// The manifest that counts, if it is the one that was noted: all that was synced is there.
absl::Status CheckManifest(const std::string& folder, const ManifestMark& mark) {
  const std::string current(absl::StripSuffix(ReadBegin(folder + "/CURRENT", 64), "\n"));
  if (mark.name.empty() || current != mark.name) return absl::OkStatus();
  ManifestMark found;
  found.Add(ReadBegin(absl::StrCat(folder, "/", mark.name), mark.size));
  if (found.size == mark.size && found.crc32 == mark.crc32) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("open store ", folder, ": ", mark.name,
                                          " is damaged, restore the latest backup; nothing was changed"));
}

// Records of a type that logs of ours do not have: RocksDB takes one for the end of the
// log, and goes on with the next log.
absl::Status CheckLogTypes(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".log") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::array<char, kHeader> header{};
    std::uint64_t place = 0;
    while (file.seekg(static_cast<std::streamoff>(place)) && file.read(header.data(), kHeader)) {
      const std::size_t left = kBlock - place % kBlock;
      const std::size_t length =
          static_cast<unsigned char>(header[4]) | static_cast<std::size_t>(static_cast<unsigned char>(header[5])) << 8;
      const bool filler = left < kHeader || (header[6] == 0 && length == 0);
      if (!filler && (header[6] < 0 || header[6] > kLastType)) {
        return absl::DataLossError(absl::StrCat("open store ", folder, ": ", entry.path().filename().string(),
                                                " is damaged at byte ", place,
                                                ", restore the latest backup; nothing was changed"));
      }
      place += filler ? left : std::min(left, kHeader + length);
    }
  }
  return absl::OkStatus();
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

void ManifestMark::Add(absl::string_view bytes) {
  size += bytes.size();
  crc32 = static_cast<std::uint32_t>(
      ::crc32(crc32, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

absl::StatusOr<std::unique_ptr<SyncedMark>> SyncedMark::Open(const std::string& folder) {
  const std::string path = folder + kFileName;
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return absl::ErrnoToStatus(errno, absl::StrCat("open ", path));
  std::array<char, 128> bytes{};
  const ssize_t size = pread(file, bytes.data(), bytes.size(), 0);
  const absl::string_view text(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  State found;
  if (!text.empty() && !Parse(text, found)) {
    spdlog::warn("{}: is damaged; whether the log is complete cannot be checked this time", path);
    found = {};
  }
  return std::unique_ptr<SyncedMark>(new SyncedMark(file, found));
}

SyncedMark::~SyncedMark() {
  fsync(file_);
  close(file_);
}

std::string SyncedMark::Render(const State& state) {
  const ManifestMark& manifest = state.manifest;
  // Of one length, since it is written over the last one, and with a checksum.
  const std::string text =
      absl::StrFormat("%020d %-24s %012d %010d", state.sequence, manifest.name, manifest.size, manifest.crc32);
  ManifestMark checksum;
  checksum.Add(text);
  return absl::StrFormat("%s %010d\n", text, checksum.crc32);
}

bool SyncedMark::Parse(absl::string_view text, State& state) {
  const std::vector<std::string> words = absl::StrSplit(text, ' ', absl::SkipEmpty());
  const bool named = words.size() == 5;  // else no manifest was noted yet
  if (!named && words.size() != 4) return false;
  if (named) state.manifest.name = words[1];
  return absl::SimpleAtoi(words[0], &state.sequence) && absl::SimpleAtoi(words[named ? 2 : 1], &state.manifest.size) &&
         absl::SimpleAtoi(words[named ? 3 : 2], &state.manifest.crc32) && Render(state) == text;
}

void SyncedMark::Note(std::uint64_t sequence) {
  absl::MutexLock lock(&mutex_);
  if (sequence <= state_.sequence) return;
  state_.sequence = sequence;
  Write();
}

void SyncedMark::Note(const ManifestMark& manifest) {
  absl::MutexLock lock(&mutex_);
  state_.manifest = manifest;
  Write();
}

void SyncedMark::Write() {
  const std::string text = Render(state_);
  // Far below a sector: never half of it.
  if (pwrite(file_, text.data(), text.size(), 0) < 0) spdlog::debug("SYNCED: {}", std::strerror(errno));
}

absl::Status CheckRecovery(const std::string& folder, const SyncedMark& mark, const rocksdb::DBOptions& options,
                           const std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
  const std::string what = absl::StrCat("open store ", folder);
  const std::uint64_t sequence = mark.sequence();
  // RocksDB would take the folder for a new database's.
  if (options.env->FileExists(folder + "/CURRENT").IsNotFound()) {
    if (sequence == 0 && !HasTables(folder)) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(what, ": the file CURRENT is gone, restore the latest backup"));
  }
  RETURN_IF_ERROR(CheckManifest(folder, mark.manifest()));
  RETURN_IF_ERROR(CheckLogTypes(folder));
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
