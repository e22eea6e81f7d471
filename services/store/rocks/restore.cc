// The way back from a backup folder.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/algorithm/container.h"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/utilities/backup_engine.h"
#include "services/store/rocks/backup.h"
#include "services/store/rocks/disk_bytes.h"
#include "services/store/rocks/owner_lock.h"
#include "services/store/rocks/rocks_status.h"
#include "services/store/rocks/ticking.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;
using Engine = rocksdb::BackupEngineReadOnly;

// RocksDB cannot end a restore: here it begins no more files once `stopped` is set.
class StoppableFiles : public rocksdb::FileSystemWrapper {
 public:
  explicit StoppableFiles(const std::atomic<bool>& stopped)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), stopped_(stopped) {}
  const char* Name() const override { return "StoppableFiles"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    if (stopped_) return rocksdb::IOStatus::Aborted("stopped");
    return target()->NewWritableFile(name, options, result, debug);
  }

 private:
  const std::atomic<bool>& stopped_;
};

// `env`, where it restores to, must outlive the engine.
absl::StatusOr<std::unique_ptr<Engine>> OpenBackups(const std::string& folder,
                                                    rocksdb::Env* env = rocksdb::Env::Default()) {
  std::error_code error;
  if (!fs::is_directory(folder + "/meta", error)) {
    return absl::NotFoundError(absl::StrCat(folder, ": there is no backup"));
  }
  Engine* opened = nullptr;
  RETURN_IF_ERROR(store::FromRocks(Engine::Open(rocksdb::BackupEngineOptions(folder), env, &opened),
                                   absl::StrCat("read ", folder)));
  return std::unique_ptr<Engine>(opened);
}

std::vector<BackupRecord> RecordsOf(const Engine& engine) {
  std::vector<BackupRecord> records;
  std::vector<rocksdb::BackupInfo> infos;
  engine.GetBackupInfo(&infos);
  for (const rocksdb::BackupInfo& info : infos) {
    BackupRecord& record = records.emplace_back();
    record.id = info.backup_id;
    record.size_bytes = static_cast<std::int64_t>(info.size);
    if (!absl::ParseTime(absl::RFC3339_full, info.app_metadata, &record.time, nullptr)) {
      record.time = absl::FromUnixSeconds(info.timestamp);  // made by another program
    }
  }
  std::vector<rocksdb::BackupID> damaged;
  engine.GetCorruptedBackups(&damaged);
  for (const rocksdb::BackupID id : damaged) {
    BackupRecord& record = records.emplace_back();
    record.id = id;
    record.damaged = true;
  }
  absl::c_sort(records, [](const BackupRecord& a, const BackupRecord& b) { return a.id < b.id; });
  return records;
}

// The one asked for, or the newest; never an older one in place of the newest.
absl::StatusOr<BackupRecord> Choose(const std::vector<BackupRecord>& records, std::int64_t id,
                                    const std::string& folder) {
  if (records.empty()) return absl::NotFoundError(absl::StrCat(folder, ": there is no backup"));
  const auto chosen = id == 0 ? std::prev(records.end())
                              : absl::c_find_if(records, [id](const BackupRecord& record) { return record.id == id; });
  if (chosen == records.end()) {
    return absl::NotFoundError(
        absl::StrCat(folder, ": there is no backup ", id, "; the newest is ", records.back().id));
  }
  if (!chosen->damaged) return *chosen;
  const auto whole = std::find_if(records.rbegin(), records.rend(), [](const auto& record) { return !record.damaged; });
  return absl::DataLossError(absl::StrCat(
      folder, ": backup ", chosen->id, " is damaged; ",
      whole == records.rend() ? "there is no other" : absl::StrCat("the newest that can be read is ", whole->id)));
}

absl::Status SyncFolder(const fs::path& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const absl::Cleanup close_file = [file] { close(file); };
  if (file >= 0 && fsync(file) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("sync folder ", folder.string()));
}

// From here on it is a store.
absl::Status MoveInPlace(const std::string& restored, const std::string& data) {
  RETURN_IF_ERROR(SyncFolder(restored));
  std::error_code error;
  fs::rename(restored, data, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(), absl::StrCat("rename ", restored, " to ", data));
  }
  return SyncFolder(fs::path(data).parent_path());
}

}  // namespace

absl::StatusOr<std::vector<BackupRecord>> ListBackups(const std::string& backup_folder) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, OpenBackups(backup_folder));
  std::vector<BackupRecord> records = RecordsOf(*engine);
  if (records.empty()) return absl::NotFoundError(absl::StrCat(backup_folder, ": there is no backup"));
  return records;
}

absl::Status RestoreBackup(const std::string& backup_folder, const std::string& data, const RestoreOptions& options) {
  std::error_code error;
  const std::string target(absl::StripSuffix(fs::absolute(data, error).lexically_normal().string(), "/"));
  if (fs::exists(target, error) && !fs::is_empty(target, error)) {
    return absl::AlreadyExistsError(absl::StrCat(data, ": is not empty; move it away, or restore into another folder"));
  }
  std::atomic<bool> stopped{false};
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(std::make_shared<StoppableFiles>(stopped));
  ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, OpenBackups(backup_folder, env.get()));
  ASSIGN_OR_RETURN(const BackupRecord chosen, Choose(RecordsOf(*engine), options.backup_id, backup_folder));
  const std::string work = target + ".restoring", restored = work + "/store";
  ASSIGN_OR_RETURN(const std::unique_ptr<store::OwnerLock> lock, store::OwnerLock::Take(work));
  const absl::Cleanup clear = [&] {
    // After a failed file the engine returns while its threads still write others; it ends once they did.
    stopped = true;
    engine.reset();
    std::error_code ignored;
    fs::remove_all(work, ignored);
  };
  fs::remove_all(restored, error);
  const auto restore = [&] {
    return engine->RestoreDBFromBackup(static_cast<rocksdb::BackupID>(chosen.id), restored, restored);
  };
  const auto tick = [&] {
    if (options.progress && !options.progress(store::DiskBytes(restored), chosen.size_bytes)) stopped = true;
  };
  tick();
  const rocksdb::Status done = store::RunTicking("restore", restore, tick);
  if (stopped) {
    return absl::CancelledError(absl::StrCat("restore into ", data, ": ended by its caller; nothing is left of it"));
  }
  RETURN_IF_ERROR(store::FromRocks(done, absl::StrCat("restore backup ", chosen.id, " of ", backup_folder)));
  return MoveInPlace(restored, target);
}

}  // namespace mannequin
