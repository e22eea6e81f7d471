#include "services/store/rocks/database.h"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/rocks/rocks_options.h"
#include "services/store/rocks/rocks_status.h"
#include "services/store/rocks/sync_watch.h"
#include "services/store/rocks/table_batch.h"

namespace mannequin::store {
namespace {

constexpr std::uint64_t kIngestFreeBytes = std::uint64_t{64} << 20;

// RocksDB keeps its files open: thousands for a million pictures, where a shell allows
// 1,024 unless somebody asks for what the hard limit leaves.
void RaiseLimitOnFiles() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// A suite's store lies in `store` of its data: one that is made beside it would be empty,
// and look as if all were lost.
absl::Status CheckFolder(const std::string& folder) {
  std::error_code error;
  const std::string inner = folder + "/store";
  if (std::filesystem::exists(folder + "/CURRENT", error) || !std::filesystem::exists(inner + "/CURRENT", error)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "open store ", folder, ": there is none, but there is one in ", inner,
      "; name that folder, or move what is in it here (`mannequin restore --store-data` restores into a store's own)"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& folder, std::int64_t block_cache_bytes,
                                                         rocksdb::Env* env) {
  if (folder.empty()) return absl::InvalidArgumentError("data: is empty; name the folder of the store's data");
  RETURN_IF_ERROR(CheckFolder(folder));
  RaiseLimitOnFiles();
  ASSIGN_OR_RETURN(std::unique_ptr<OwnerLock> lock, OwnerLock::Take(folder));
  ASSIGN_OR_RETURN(std::unique_ptr<SyncedMark> mark, SyncedMark::Open(folder));
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = FamilyDescriptors(block_cache_bytes);
  RETURN_IF_ERROR(CheckRecovery(folder, *mark, DatabaseOptions(env), families));
  // What a crash has left of tables that nobody was told of.
  std::error_code ignored;
  std::filesystem::remove_all(absl::StrCat(folder, "/", kTablesFolder), ignored);
  std::unique_ptr<Database> database(new Database(folder, std::move(lock), std::move(mark)));
  const auto files = env != nullptr ? env->GetFileSystem() : rocksdb::FileSystem::Default();
  SyncWatch::Events events;
  events.log_sync_begins = [raw = database.get()] { raw->LogSyncBegins(); };
  events.manifest_synced = [raw = database.get()](const ManifestMark& manifest) { raw->mark_->Note(manifest); };
  database->env_ = rocksdb::NewCompositeEnv(std::make_shared<SyncWatch>(files, std::move(events)));
  const rocksdb::DBOptions options = DatabaseOptions(database->env_.get());
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(options, folder, families, &database->handles_, &db);
  database->db_.reset(db);
  RETURN_IF_ERROR(FromRocks(opened, absl::StrCat("open store ", folder)));
  // Recovery has put all of the log into synced tables: also of a store that had no mark.
  database->mark_->Note(database->db_->GetLatestSequenceNumber());
  return database;
}

Database::~Database() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  db_->Close();
}

absl::StatusOr<std::optional<std::string>> Database::Get(Family family, absl::string_view key,
                                                         const rocksdb::ReadOptions& options) const {
  rocksdb::PinnableSlice bytes;
  ASSIGN_OR_RETURN(const bool found, Pin(family, key, options, &bytes));
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(bytes.ToString());
}

absl::StatusOr<bool> Database::Pin(Family family, absl::string_view key, const rocksdb::ReadOptions& options,
                                   rocksdb::PinnableSlice* bytes) const {
  const rocksdb::Status got = db_->Get(options, handle(family), ToSlice(key), bytes);
  if (got.ok()) return true;
  if (got.IsNotFound()) return false;
  return FromRocks(got, Describe("read", family, key));
}

std::unique_ptr<rocksdb::Iterator> Database::NewIterator(Family family, const rocksdb::ReadOptions& options) const {
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, handle(family)));
}

absl::StatusOr<std::uint64_t> Database::Apply(rocksdb::WriteBatch& batch) {
  RETURN_IF_ERROR(Recover());
  {
    absl::MutexLock lock(&mutex_);
    while (sync_begins_) turn_changed_.Wait(&mutex_);
    writing_ = true;
  }
  const absl::Status written =
      FromRocks(db_->Write(rocksdb::WriteOptions(), &batch), absl::StrCat("write to ", folder_));
  absl::MutexLock lock(&mutex_);
  writing_ = false;
  turn_changed_.SignalAll();
  if (!written.ok()) {
    failure_ = written;
    return written;
  }
  return ++applied_;
}

absl::Status Database::Ingest(const TableBatch& tables) {
  RETURN_IF_ERROR(Recover());
  // A disk that fills up while RocksDB takes tables over ends the process where RocksDB was
  // built with its assertions (Debian's is). It needs as much to go on after a full disk.
  std::uint64_t free_bytes = 0;
  if (env_->GetFreeSpace(folder_, &free_bytes).ok() && free_bytes < kIngestFreeBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("take tables into ", folder_, ": the disk is full: ", free_bytes,
                                                     " bytes are free, expected at least ", kIngestFreeBytes));
  }
  // Tables are durable at once. What they build on must not be lost while they stay.
  RETURN_IF_ERROR(Sync(last_ticket()));
  const absl::Status taken =
      FromRocks(db_->IngestExternalFiles(tables.Arguments()), absl::StrCat("take tables into ", folder_));
  absl::MutexLock lock(&mutex_);
  if (!taken.ok()) {
    failure_ = taken;
    return taken;
  }
  mark_->Note(db_->GetLatestSequenceNumber());
  // Not synced_ as well: it is at most one fsync too many for somebody.
  ++applied_;
  return absl::OkStatus();
}

absl::Status Database::Sync(std::uint64_t ticket) {
  absl::MutexLock lock(&mutex_);
  while (synced_ < ticket) {
    if (!failure_.ok()) return failure_;
    if (syncing_) {  // Somebody is at it; perhaps the next round covers this ticket.
      synced_changed_.Wait(&mutex_);
      continue;
    }
    syncing_ = true;
    sync_begins_ = true;
    while (writing_) turn_changed_.Wait(&mutex_);
    if (!failure_.ok()) {
      syncing_ = sync_begins_ = false;
      turn_changed_.SignalAll();
      synced_changed_.SignalAll();
      return failure_;
    }
    const std::uint64_t target = applied_;
    mutex_.Unlock();
    // All up to here is in the log already, whoever has written it.
    const rocksdb::SequenceNumber sequence = db_->GetLatestSequenceNumber();
    const absl::Status done = FromRocks(db_->SyncWAL(), absl::StrCat("sync ", folder_));
    mutex_.Lock();
    if (done.ok()) mark_->Note(sequence);
    syncing_ = false;
    sync_begins_ = false;
    turn_changed_.SignalAll();
    if (done.ok()) {
      synced_ = std::max(synced_, target);
    } else {
      failure_ = done;
    }
    synced_changed_.SignalAll();
  }
  return absl::OkStatus();
}

void Database::LogSyncBegins() {
  absl::MutexLock lock(&mutex_);
  sync_begins_ = false;
  turn_changed_.SignalAll();
}

std::uint64_t Database::last_ticket() const {
  absl::MutexLock lock(&mutex_);
  return applied_;
}

absl::Status Database::Recover() {
  {
    absl::MutexLock lock(&mutex_);
    if (failure_.ok()) return absl::OkStatus();
  }
  // Memory into synced tables, which also starts a new log.
  rocksdb::Status recovered = db_->Resume();
  if (recovered.ok()) recovered = db_->Flush(rocksdb::FlushOptions(), handles_);
  absl::MutexLock lock(&mutex_);
  if (!recovered.ok()) {
    // "Already recovering" says less than what went wrong at first.
    if (!recovered.IsBusy()) failure_ = FromRocks(recovered, absl::StrCat("write to ", folder_));
    return failure_;
  }
  failure_ = absl::OkStatus();
  synced_ = applied_;
  synced_changed_.SignalAll();
  return absl::OkStatus();
}

}  // namespace mannequin::store
