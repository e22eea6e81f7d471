// RocksDB with our column families, our errors and one way to write: a batch becomes
// visible in Apply and durable in Sync.
//
//   {
//     absl::MutexLock lock(&writer_mutex);
//     ASSIGN_OR_RETURN(ticket, db.Apply(batch));
//   }
//   RETURN_IF_ERROR(db.Sync(ticket));   // one fsync serves all that wait here
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/write_batch.h"
#include "services/store/keys.h"
#include "services/store/record.h"
#include "services/store/rocks/owner_lock.h"
#include "services/store/rocks/synced_mark.h"
#include "services/store/rocks/table_gate.h"

namespace mannequin::store {

class TableBatch;

// Below the database's folder: tables on their way into it (table_batch.h).
inline constexpr absl::string_view kTablesFolder = "tables";

inline rocksdb::Slice ToSlice(absl::string_view text) { return {text.data(), text.size()}; }
inline absl::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Thread-safe, but for Apply and Ingest: one thread at a time may be in one of them.
class Database {
 public:
  // Makes the database when it is not there. FAILED_PRECONDITION with the pid of the
  // process that has it open, or when `folder` has none but its `store` has one;
  // PERMISSION_DENIED; DATA_LOSS when it is damaged.
  // `env` is the file system; nullptr: the machine's.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& folder, std::int64_t block_cache_bytes,
                                                        rocksdb::Env* env);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Nothing when there is no such key.
  absl::StatusOr<std::optional<std::string>> Get(Family family, absl::string_view key,
                                                 const rocksdb::ReadOptions& options = {}) const;

  // As Get, decoded.
  template <typename Message>
  absl::StatusOr<std::optional<Message>> Read(Family family, absl::string_view key,
                                              const rocksdb::ReadOptions& options = {}) const {
    rocksdb::PinnableSlice bytes;  // decoded where the cache has it
    const absl::StatusOr<bool> found = Pin(family, key, options, &bytes);
    if (!found.ok()) return found.status();
    if (!*found) return std::optional<Message>();
    absl::StatusOr<Message> message = Decode<Message>(family, key, ToView(bytes));
    if (!message.ok()) return message.status();
    return std::optional<Message>(*std::move(message));
  }

  std::unique_ptr<rocksdb::Iterator> NewIterator(Family family, const rocksdb::ReadOptions& options = {}) const;

  // Makes the batch visible, whole or not at all; answers a ticket for Sync. After a
  // failure (a full disk) it first tries to get RocksDB going again.
  absl::StatusOr<std::uint64_t> Apply(rocksdb::WriteBatch& batch);
  // Takes finished tables over, all or none, behind every Apply so far; durable when it
  // returns OK, and so is all that was applied before.
  absl::Status Ingest(const TableBatch& tables);
  // Returns when all up to the ticket survives a crash.
  absl::Status Sync(std::uint64_t ticket);
  // The ticket of the last Apply.
  std::uint64_t last_ticket() const;

  rocksdb::DB& rocks() const { return *db_; }
  rocksdb::ColumnFamilyHandle* handle(Family family) const { return handles_[static_cast<std::size_t>(family) + 1]; }
  const std::string& folder() const { return folder_; }
  // Whoever calls Ingest has entered it.
  TableGate& table_gate() const { return table_gate_; }

 private:
  Database(std::string folder, std::unique_ptr<OwnerLock> lock, std::unique_ptr<SyncedMark> mark)
      : folder_(std::move(folder)), lock_(std::move(lock)), mark_(std::move(mark)) {}
  absl::Status Recover();
  // False when there is no such key.
  absl::StatusOr<bool> Pin(Family family, absl::string_view key, const rocksdb::ReadOptions& options,
                           rocksdb::PinnableSlice* bytes) const;

  // The log's sync is past what a failing write must not meet.
  void LogSyncBegins();

  const std::string folder_;
  const std::unique_ptr<OwnerLock> lock_;
  const std::unique_ptr<SyncedMark> mark_;
  mutable TableGate table_gate_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;  // "default", then in the order of Family.

  mutable absl::Mutex mutex_;
  absl::CondVar synced_changed_;
  std::uint64_t applied_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t synced_ ABSL_GUARDED_BY(mutex_) = 0;
  bool syncing_ ABSL_GUARDED_BY(mutex_) = false;
  // A write and the begin of a sync take turns (sync_watch.h); the sync itself, which is
  // the long part, goes on beside writes.
  absl::CondVar turn_changed_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool sync_begins_ ABSL_GUARDED_BY(mutex_) = false;
  // After a failed write or fsync: what is in memory may not be in the log. An fsync
  // that fails must not be tried again (it would say yes for pages the kernel has
  // dropped); Recover writes the data anew instead.
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin::store
