// Statistics and backups.
#include "services/store/rocks/backup.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/disk_bytes.h"
#include "services/store/rocks/rocks_store.h"
#include "services/store/statistics.h"

namespace mannequin {

absl::StatusOr<v1::GetStatisticsResponse> RocksStore::GetStatistics(const v1::GetStatisticsRequest&) {
  v1::GetStatisticsResponse response;
  {
    absl::MutexLock lock(&mutex_);
    response = statistics_->ToProto();
  }
  response.set_disk_bytes(store::DiskBytes(db_->folder()));
  return response;
}

absl::StatusOr<v1::CreateBackupResponse> RocksStore::CreateBackup(
    const v1::CreateBackupRequest& request, const std::function<bool(const v1::CreateBackupResponse&)>& progress) {
  return backups_->Create(request, progress);
}

void RocksStore::Stop() { backups_->Stop(); }

}  // namespace mannequin
