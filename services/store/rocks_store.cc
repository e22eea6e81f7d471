#include "services/store/rocks_store.h"

#include <optional>
#include <utility>

#include "common/base/status_macros.h"
#include "services/store/backup.h"
#include "services/store/database.h"
#include "services/store/edit.h"
#include "services/store/fetch_leases.h"
#include "services/store/rocks_status.h"
#include "services/store/statistics.h"

namespace mannequin {

using store::Database;
using store::Edit;
using store::Family;

absl::StatusOr<std::unique_ptr<RocksStore>> RocksStore::Open(const config::v1::StoreConfig& config, const Clock& clock,
                                                             rocksdb::Env* env) {
  ASSIGN_OR_RETURN(std::unique_ptr<Database> db, Database::Open(config.data(), config.block_cache_bytes(), env));
  ASSIGN_OR_RETURN(const std::optional<v1::GetStatisticsResponse> statistics,
                   db->Read<v1::GetStatisticsResponse>(Family::kCounters, "statistics"));
  const auto jobs = db->NewIterator(Family::kJobs);
  jobs->SeekToLast();
  RETURN_IF_ERROR(store::FromRocks(jobs->status(), "read the last job"));
  const std::string last_job_id = jobs->Valid() ? jobs->key().ToString() : "";

  std::unique_ptr<RocksStore> opened(new RocksStore(std::move(db), clock));
  absl::MutexLock lock(&opened->mutex_);
  if (statistics) *opened->statistics_ = store::Statistics::FromProto(*statistics);
  opened->last_job_id_ = last_job_id;
  return opened;
}

RocksStore::RocksStore(std::unique_ptr<Database> db, const Clock& clock)
    : clock_(clock),
      db_(std::move(db)),
      statistics_(std::make_unique<store::Statistics>()),
      leases_(std::make_unique<store::FetchLeases>()),
      backups_(std::make_unique<store::Backups>(*db_, clock_)) {}

RocksStore::~RocksStore() = default;

absl::Status RocksStore::Write(const std::function<absl::Status(Edit&)>& body) {
  std::uint64_t ticket = 0;
  {
    absl::MutexLock lock(&mutex_);
    Edit edit(*db_, *statistics_);
    RETURN_IF_ERROR(body(edit));
    // With nothing to write there is still what was read, perhaps not yet durable.
    ticket = db_->last_ticket();
    if (!edit.empty()) {
      ASSIGN_OR_RETURN(ticket, db_->Apply(edit.Finish()));
      *statistics_ = edit.statistics();
    }
  }
  return db_->Sync(ticket);
}

}  // namespace mannequin
