// Statistics and backups.
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "rocksdb/utilities/backup_engine.h"
#include "services/store/backup.h"
#include "services/store/database.h"
#include "services/store/fetch_leases.h"
#include "services/store/rocks_status.h"
#include "services/store/rocks_store.h"
#include "services/store/statistics.h"
#include "services/store/validate.h"

namespace mannequin {
namespace {

// Files come and go meanwhile; one that is gone takes no space.
std::int64_t DiskBytes(const std::string& folder) {
  std::int64_t bytes = 0;
  std::error_code error;
  for (auto file = std::filesystem::directory_iterator(folder, error);
       !error && file != std::filesystem::directory_iterator(); file.increment(error)) {
    std::error_code gone;
    const std::uintmax_t size = file->file_size(gone);
    if (!gone) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

}  // namespace

absl::StatusOr<v1::GetStatisticsResponse> RocksStore::GetStatistics(const v1::GetStatisticsRequest&) {
  v1::GetStatisticsResponse response;
  {
    absl::MutexLock lock(&mutex_);
    response = statistics_->ToProto();
  }
  response.set_disk_bytes(DiskBytes(db_->folder()));
  return response;
}

absl::StatusOr<v1::CreateBackupResponse> RocksStore::CreateBackup(
    const v1::CreateBackupRequest& request, const std::function<void(const v1::CreateBackupResponse&)>&) {
  RETURN_IF_ERROR(store::CheckText("folder", request.folder(), 1, 4096));
  std::error_code error;
  if (std::filesystem::equivalent(request.folder(), db_->folder(), error)) {
    return absl::InvalidArgumentError("folder: is the store's data; name another one, best on another disk");
  }
  absl::MutexLock lock(&backup_mutex_);
  const std::string what = absl::StrCat("back up to ", request.folder());
  rocksdb::BackupEngine* made = nullptr;
  const rocksdb::BackupEngineOptions options(request.folder());
  RETURN_IF_ERROR(store::FromRocks(rocksdb::BackupEngine::Open(options, rocksdb::Env::Default(), &made), what));
  const std::unique_ptr<rocksdb::BackupEngine> engine(made);
  rocksdb::CreateBackupOptions create;
  create.flush_before_backup = true;
  rocksdb::BackupID id = 0;
  RETURN_IF_ERROR(store::FromRocks(engine->CreateNewBackup(create, &db_->rocks(), &id), what));
  RETURN_IF_ERROR(
      store::FromRocks(engine->VerifyBackup(id, /*verify_with_checksum=*/true), absl::StrCat("verify ", what)));
  rocksdb::BackupInfo info;
  RETURN_IF_ERROR(store::FromRocks(engine->GetBackupInfo(id, &info), what));
  v1::CreateBackupResponse response;
  response.set_backup_id(id);
  response.set_size_bytes(static_cast<std::int64_t>(info.size));
  return response;
}

absl::Status RestoreBackup(const std::string& backup_folder, const std::string& data) {
  std::error_code error;
  if (!std::filesystem::is_directory(backup_folder, error)) {
    return absl::NotFoundError(absl::StrCat(backup_folder, ": there is no backup"));
  }
  if (std::filesystem::exists(data, error) && !std::filesystem::is_empty(data, error)) {
    return absl::AlreadyExistsError(absl::StrCat(data, ": is not empty; move it away, or restore into another folder"));
  }
  const std::string what = absl::StrCat("restore ", backup_folder, " into ", data);
  rocksdb::BackupEngineReadOnly* opened = nullptr;
  const rocksdb::BackupEngineOptions options(backup_folder);
  RETURN_IF_ERROR(
      store::FromRocks(rocksdb::BackupEngineReadOnly::Open(options, rocksdb::Env::Default(), &opened), what));
  const std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(opened);
  rocksdb::BackupInfo latest;
  if (engine->GetLatestBackupInfo(&latest).IsNotFound()) {
    return absl::NotFoundError(absl::StrCat(backup_folder, ": there is no backup"));
  }
  RETURN_IF_ERROR(store::FromRocks(engine->VerifyBackup(latest.backup_id, /*verify_with_checksum=*/true), what));
  return store::FromRocks(engine->RestoreDBFromBackup(latest.backup_id, data, data), what);
}

}  // namespace mannequin
