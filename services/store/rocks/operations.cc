// Statistics, backups, and a store that takes no changes.
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/rocks/backup.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/disk_bytes.h"
#include "services/store/rocks/rocks_status.h"
#include "services/store/rocks/rocks_store.h"
#include "services/store/statistics.h"
#include "services/store/validate.h"

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

absl::Status RocksStore::CheckWritable() const {
  if (read_only_.empty()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("the store takes no changes: ", read_only_));
}

absl::StatusOr<v1::SetReadOnlyResponse> RocksStore::SetReadOnly(const v1::SetReadOnlyRequest& request) {
  RETURN_IF_ERROR(store::CheckText("reason", request.reason(), 0, 1024));
  std::uint64_t ticket = 0;
  {
    // Changes are made under this mutex: none is half made.
    absl::MutexLock lock(&mutex_);
    rocksdb::WriteBatch batch;
    const rocksdb::Slice key = store::ToSlice(store::kReadOnlyKey);
    if (request.reason().empty()) {
      RETURN_IF_ERROR(store::FromRocks(batch.Delete(db_->handle(store::Family::kCounters), key), "set read-only"));
    } else {
      RETURN_IF_ERROR(
          store::FromRocks(batch.Put(db_->handle(store::Family::kCounters), key, request.reason()), "set read-only"));
    }
    ASSIGN_OR_RETURN(ticket, db_->Apply(batch));
    read_only_ = request.reason();
  }
  RETURN_IF_ERROR(db_->Sync(ticket));
  return v1::SetReadOnlyResponse();
}

void RocksStore::Stop() { backups_->Stop(); }

}  // namespace mannequin
