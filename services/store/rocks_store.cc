#include "services/store/rocks_store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/backup.h"
#include "services/store/database.h"
#include "services/store/edit.h"
#include "services/store/fetch_leases.h"
#include "services/store/fetch_queue.h"
#include "services/store/format.h"
#include "services/store/prefix_cursor.h"
#include "services/store/rocks_status.h"
#include "services/store/statistics.h"
#include "services/store/timestamp.h"

namespace mannequin {

using store::Database;
using store::Edit;
using store::Family;

namespace {

constexpr int kDefaultConcurrentScans = 16;

}  // namespace

absl::StatusOr<std::unique_ptr<RocksStore>> RocksStore::Open(const config::v1::StoreConfig& config, const Clock& clock,
                                                             rocksdb::Env* env) {
  if (config.max_concurrent_scans() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_concurrent_scans: ", config.max_concurrent_scans(), ", expected at least 1, or 0 for 16"));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Database> db, Database::Open(config.data(), config.block_cache_bytes(), env));
  RETURN_IF_ERROR(store::BringUpToFormat(*db));
  ASSIGN_OR_RETURN(const std::optional<v1::GetStatisticsResponse> statistics,
                   db->Read<v1::GetStatisticsResponse>(Family::kCounters, store::kStatisticsKey));
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
  absl::MutexLock lock(&opened->mutex_);
  if (statistics) *opened->statistics_ = store::Statistics::FromProto(*statistics);
  opened->last_job_id_ = last_job_id;
  opened->last_time_ = last_time;
  return opened;
}

RocksStore::RocksStore(std::unique_ptr<Database> db, int max_concurrent_scans, const Clock& clock)
    : clock_(clock),
      db_(std::move(db)),
      max_concurrent_scans_(max_concurrent_scans == 0 ? kDefaultConcurrentScans : max_concurrent_scans),
      statistics_(std::make_unique<store::Statistics>()),
      leases_(std::make_unique<store::FetchLeases>()),
      fetch_queue_(std::make_unique<store::FetchQueue>()),
      backups_(std::make_unique<store::Backups>(*db_, clock_)) {}

RocksStore::~RocksStore() = default;

absl::StatusOr<RocksStore::Slot> RocksStore::TakeSlot(std::atomic<int>& taken, int most, absl::string_view bound) {
  Slot slot(&taken, [](std::atomic<int>* of) { --*of; });
  if (++taken <= most) return slot;
  return absl::ResourceExhaustedError(absl::StrCat(bound, ": ", most, " are under way; try again when one has ended"));
}

google::protobuf::Timestamp RocksStore::NextTime() {
  last_time_ = std::max(clock_.Now(), last_time_ + absl::Nanoseconds(1));
  return store::ToProto(last_time_);
}

absl::Status RocksStore::Write(const std::function<absl::Status(Edit&)>& body) {
  std::uint64_t ticket = 0;
  {
    absl::MutexLock lock(&mutex_);
    Edit edit(*db_, *statistics_, NextTime());
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
