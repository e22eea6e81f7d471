#include "services/store/rocks/rocks_store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/rocks/backup.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/fetch_leases.h"
#include "services/store/rocks/fetch_queue.h"
#include "services/store/rocks/format.h"
#include "services/store/rocks/prefix_cursor.h"
#include "services/store/rocks/rocks_edit.h"
#include "services/store/rocks/rocks_metrics.h"
#include "services/store/rocks/rocks_status.h"
#include "services/store/statistics.h"
#include "services/store/timestamp.h"

namespace mannequin {

using store::Database;
using store::Family;

absl::StatusOr<std::unique_ptr<RocksStore>> RocksStore::Open(const config::v1::StoreConfig& config, const Clock& clock,
                                                             rocksdb::Env* env) {
  RETURN_IF_ERROR(CheckScans(config.max_concurrent_scans()));
  ASSIGN_OR_RETURN(std::unique_ptr<Database> db, Database::Open(config.data(), config.block_cache_bytes(), env));
  RETURN_IF_ERROR(store::BringUpToFormat(*db));
  ASSIGN_OR_RETURN(const std::optional<v1::GetStatisticsResponse> statistics,
                   db->Read<v1::GetStatisticsResponse>(Family::kCounters, store::kStatisticsKey));
  ASSIGN_OR_RETURN(const std::optional<std::string> read_only, db->Get(Family::kCounters, store::kReadOnlyKey));
  const auto jobs = db->NewIterator(Family::kJobs);
  jobs->SeekToLast();
  RETURN_IF_ERROR(store::FromRocks(jobs->status(), "read the last job"));
  const std::string last_job_id = jobs->Valid() ? jobs->key().ToString() : "";

  store::PrefixCursor updates(*db, std::string(store::kUpdatedTag));
  updates.SeekBefore("");
  RETURN_IF_ERROR(updates.status());
  absl::Time last_time = absl::InfinitePast();
  if (updates.Valid()) last_time = store::TimeOfUpdate(updates.id());

  std::unique_ptr<RocksStore> opened(new RocksStore(std::move(db), config.max_concurrent_scans(), clock));
  opened->GoOnFrom(last_time, last_job_id);
  absl::MutexLock lock(&opened->mutex_);
  opened->read_only_ = read_only.value_or("");
  if (statistics) *opened->statistics_ = store::Statistics::FromProto(*statistics);
  return opened;
}

RocksStore::RocksStore(std::unique_ptr<Database> db, int max_concurrent_scans, const Clock& clock)
    : RecordStore(max_concurrent_scans, clock),
      db_(std::move(db)),
      metrics_(std::make_unique<store::RocksMetrics>(*db_)),
      statistics_(std::make_unique<store::Statistics>()),
      leases_(std::make_unique<store::FetchLeases>()),
      fetch_queue_(std::make_unique<store::FetchQueue>()),
      backups_(std::make_unique<store::Backups>(*db_, clock)) {}

RocksStore::~RocksStore() = default;

absl::Status RocksStore::WriteRocks(const std::function<absl::Status(store::RocksEdit&)>& body) {
  std::uint64_t ticket = 0;
  {
    absl::MutexLock lock(&mutex_);
    RETURN_IF_ERROR(CheckWritable());
    store::RocksEdit edit(*db_, *statistics_, store::ToProto(NextTime()), *leases_);
    RETURN_IF_ERROR(body(edit));
    // With nothing to write there is still what was read, perhaps not yet durable.
    ticket = db_->last_ticket();
    if (!edit.empty()) {
      ASSIGN_OR_RETURN(ticket, db_->Apply(edit.Finish()));
      *statistics_ = edit.statistics();
      for (const std::string& entry : edit.added_fetches()) fetch_queue_->Add(entry);
    }
  }
  return db_->Sync(ticket);
}

}  // namespace mannequin
