#include "services/store/rocks/backup.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "rocksdb/utilities/backup_engine.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/disk_bytes.h"
#include "services/store/rocks/owner_lock.h"
#include "services/store/rocks/rocks_status.h"
#include "services/store/rocks/ticking.h"
#include "services/store/validate.h"

namespace mannequin::store {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxKeep = 1000;
// Copied between two words of RocksDB.
constexpr std::uint64_t kTickBytes = std::uint64_t{1} << 20;

// The folder is empty, new, or one of backups already: BackupEngine deletes what it does
// not know in folders that have the names of its own.
absl::Status CheckFolder(const std::string& folder, const std::string& data) {
  std::error_code error;
  const std::string target = fs::weakly_canonical(folder, error).string() + "/";
  const std::string store = fs::weakly_canonical(data, error).string() + "/";
  if (absl::StartsWith(target, store)) {
    return absl::InvalidArgumentError(
        absl::StrCat("folder: ", folder, " lies in the store's data; name another one, best on another disk"));
  }
  // Each backup, also one that was killed, leaves its OWNER: without it "meta" and
  // "private" are somebody else's, like the user's own.
  const bool ours = fs::exists(folder + "/OWNER", error);
  if (ours && fs::exists(folder + "/meta", error)) return absl::OkStatus();
  for (const auto& file : fs::directory_iterator(folder, error)) {
    const std::string name = file.path().filename();
    if (name == "OWNER" || (ours && (name == "private" || absl::StartsWith(name, "shared")))) continue;
    return absl::InvalidArgumentError(absl::StrCat("folder: ", folder, " holds other things than backups, e.g. ", name,
                                                   "; name an empty or a new one"));
  }
  return absl::OkStatus();
}

// Two stores may share a folder, one after the other.
absl::StatusOr<std::unique_ptr<OwnerLock>> LockFolder(const std::string& folder) {
  absl::StatusOr<std::unique_ptr<OwnerLock>> lock = OwnerLock::Take(folder);
  if (!absl::IsFailedPrecondition(lock.status())) return lock;
  return absl::UnavailableError(absl::StrCat("folder: another backup into it is under way; ", lock.status().message()));
}

}  // namespace

absl::StatusOr<v1::CreateBackupResponse> Backups::Create(
    const v1::CreateBackupRequest& request, const std::function<bool(const v1::CreateBackupResponse&)>& progress) {
  RETURN_IF_ERROR(CheckText("folder", request.folder(), 1, 4096));
  RETURN_IF_ERROR(CheckCount("keep", request.keep(), 0, kMaxKeep));
  if (!one_at_a_time_.TryLock()) {
    return absl::UnavailableError("back up: another backup is under way; try again when it is done");
  }
  const absl::Cleanup unlock = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { one_at_a_time_.Unlock(); };
  RETURN_IF_ERROR(CheckFolder(request.folder(), db_.folder()));
  return CreateAlone(request, progress);
}

absl::StatusOr<v1::CreateBackupResponse> Backups::CreateAlone(
    const v1::CreateBackupRequest& request, const std::function<bool(const v1::CreateBackupResponse&)>& progress) {
  const std::string& folder = request.folder();
  const std::string what = absl::StrCat("back up to ", folder);
  ASSIGN_OR_RETURN(const std::unique_ptr<OwnerLock> lock, LockFolder(folder));
  rocksdb::BackupEngineOptions options(folder);
  options.callback_trigger_interval_size = kTickBytes;
  rocksdb::BackupEngine* made = nullptr;
  RETURN_IF_ERROR(FromRocks(rocksdb::BackupEngine::Open(options, rocksdb::Env::Default(), &made), what));
  const std::unique_ptr<rocksdb::BackupEngine> engine(made);
  // What a backup that was killed has left.
  RETURN_IF_ERROR(FromRocks(engine->GarbageCollect(), what));
  const std::int64_t before = DiskBytes(folder);
  const absl::Cleanup forget = [this] { Use(nullptr); };
  if (!Use(engine.get())) return absl::UnavailableError(absl::StrCat(what, ": the store closes"));

  std::atomic<std::int64_t> written{0};
  rocksdb::CreateBackupOptions create;
  create.flush_before_backup = true;
  create.progress_callback = [this, &written] {
    // What there is has been noted when the first of it is copied.
    db_.table_gate().Open();
    written += kTickBytes;
  };
  // Serving comes first.
  create.decrease_background_thread_cpu_priority = true;
  create.background_thread_cpu_priority = rocksdb::CpuPriority::kLow;
  rocksdb::BackupID id = 0;
  const std::string time = absl::FormatTime(absl::RFC3339_full, clock_.Now(), absl::UTCTimeZone());
  v1::CreateBackupResponse response;
  response.set_store_bytes(DiskBytes(db_.folder()));
  bool left = false;  // The caller has.
  const auto ask = [&] {
    if (left || !progress || progress(response)) return;
    left = true;
    engine->StopBackup();
  };
  const auto cancelled = [&what] {
    return absl::CancelledError(absl::StrCat(what, ": ended by its caller; earlier backups stay as they are"));
  };
  ask();
  if (left) return cancelled();
  const auto tick = [&] {
    response.set_written_bytes(written);
    ask();
  };
  const auto make = [&] {
    db_.table_gate().Close();
    const absl::Cleanup open = [this] { db_.table_gate().Open(); };
    return engine->CreateNewBackupWithMetadata(create, &db_.rocks(), time, &id);
  };
  const rocksdb::Status done = RunTicking("backup", make, tick);
  if (left) {
    // It may have been quicker.
    if (done.ok()) engine->DeleteBackup(id).PermitUncheckedError();
    return cancelled();
  }
  if (done.IsIncomplete()) return absl::UnavailableError(absl::StrCat(what, ": the store closes"));
  RETURN_IF_ERROR(FromRocks(done, what));
  response.set_written_bytes(DiskBytes(folder) - before);
  const absl::Status verified = RunTicking(
      "backup-verify", [&] { return Verify(*engine, id, folder); }, ask);
  if (left) {
    engine->DeleteBackup(id).PermitUncheckedError();
    return cancelled();
  }
  RETURN_IF_ERROR(verified);
  rocksdb::BackupInfo info;
  RETURN_IF_ERROR(FromRocks(engine->GetBackupInfo(id, &info), what));
  if (request.keep() > 0) {
    const auto keep = static_cast<std::uint32_t>(request.keep());
    RETURN_IF_ERROR(FromRocks(engine->PurgeOldBackups(keep), absl::StrCat("delete old backups in ", folder)));
  }
  response.set_backup_id(id);
  response.set_size_bytes(static_cast<std::int64_t>(info.size));
  return response;
}

absl::Status Backups::Verify(rocksdb::BackupEngine& engine, std::uint32_t id, const std::string& folder) {
  const rocksdb::Status verified = engine.VerifyBackup(id, /*verify_with_checksum=*/true);
  if (verified.ok()) return absl::OkStatus();
  // It must not look like a good one. Files that others share stay.
  engine.DeleteBackup(id).PermitUncheckedError();
  if (!verified.IsCorruption()) return FromRocks(verified, absl::StrCat("verify the backup in ", folder));
  return absl::DataLossError(absl::StrCat("verify the backup in ", folder, ": a file in it is damaged, ",
                                          verified.ToString(), "; back up to a new folder"));
}

void Backups::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  if (engine_ != nullptr) engine_->StopBackup();
}

bool Backups::Use(rocksdb::BackupEngine* engine) {
  absl::MutexLock lock(&mutex_);
  engine_ = engine;
  return !stopped_;
}

}  // namespace mannequin::store
