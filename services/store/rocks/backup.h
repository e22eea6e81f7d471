// Backups of a store: RocksDB's own, incremental (tables and pictures' files that a former
// backup has are not copied again), with a checksum a file.
//
//   Backups backups(db, clock);                    // of an open database
//   ASSIGN_OR_RETURN(v1::CreateBackupResponse made, backups.Create(request, progress));
//
//   RETURN_IF_ERROR(RestoreBackup("/backups", "data/store"));   // no store is open
//
// A backup folder holds `meta/N` for each backup, written last: a backup that was killed
// on the way is not there, and the next one clears away what it left.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "mannequin/v1/product_store.pb.h"

namespace rocksdb {
class BackupEngine;
}

namespace mannequin {

struct BackupRecord {
  std::int64_t id = 0;
  // By the store's clock.
  absl::Time time;
  std::int64_t size_bytes = 0;
  // Its list of files cannot be read; time and size are not known.
  bool damaged = false;
};

// Oldest first. NOT_FOUND when the folder is none of backups, or has none.
absl::StatusOr<std::vector<BackupRecord>> ListBackups(const std::string& backup_folder);

struct RestoreOptions {
  // 0: the newest.
  std::int64_t backup_id = 0;
  // At once, then several times a second, on the caller's thread: bytes so far, and in
  // all. When it answers false, no further file is begun and the restore is CANCELLED.
  std::function<bool(std::int64_t, std::int64_t)> progress;
};

// Puts a backup into `data`, where no store may be: the way back after DATA_LOSS. Each
// file is checked on its way. `data` comes into being at the very end: a restore that is
// killed leaves no half a store, and the next one starts anew (beside `data`, in
// `data`.restoring).
// NOT_FOUND when there is no such backup; ALREADY_EXISTS when `data` is not empty;
// DATA_LOSS when a file of the backup is damaged, or the newest backup's list of them;
// CANCELLED.
absl::Status RestoreBackup(const std::string& backup_folder, const std::string& data,
                           const RestoreOptions& options = {});

namespace store {

class Database;

// Makes backups of one database, one at a time. Thread-safe.
class Backups {
 public:
  // Both must outlive it.
  Backups(const Database& db, const Clock& clock) : db_(db), clock_(clock) {}

  // As ProductStore::CreateBackup. INVALID_ARGUMENT for a folder that lies in the store's
  // data or holds other things; UNAVAILABLE while another backup is under way here or,
  // into that folder, elsewhere, and after Stop; CANCELLED when `progress` answers
  // false; DATA_LOSS when a file in the folder is damaged. After each: what is new is dropped again, and earlier
  // backups stay as they are.
  absl::StatusOr<v1::CreateBackupResponse> Create(const v1::CreateBackupRequest& request,
                                                  const std::function<bool(const v1::CreateBackupResponse&)>& progress);
  // Ends a backup that is under way, which then is UNAVAILABLE, and allows no more.
  void Stop();

 private:
  absl::StatusOr<v1::CreateBackupResponse> CreateAlone(
      const v1::CreateBackupRequest& request, const std::function<bool(const v1::CreateBackupResponse&)>& progress);
  absl::Status Verify(rocksdb::BackupEngine& engine, std::uint32_t id, const std::string& folder);
  // False after Stop.
  bool Use(rocksdb::BackupEngine* engine);

  const Database& db_;
  const Clock& clock_;
  absl::Mutex one_at_a_time_;
  absl::Mutex mutex_;
  rocksdb::BackupEngine* engine_ ABSL_GUARDED_BY(mutex_) = nullptr;  // of the one under way
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace store
}  // namespace mannequin
