// The store in this process: ProductStore on RocksDB.
//
//   config::v1::StoreConfig config;
//   config.set_data("/var/lib/mannequin");
//   ASSIGN_OR_RETURN(std::unique_ptr<RocksStore> store, RocksStore::Open(config, Clock::Real()));
//
// Writing: one mutex is held while a change reads what it depends on, builds its batch
// and makes it visible; the fsync comes after the mutex is let go and one fsync serves
// all writers that wait for it (group commit). So counters, indexes and reference counts
// are exact without a lock a key, and many small writers share the disk's latency. What
// is visible is not yet durable for the length of an fsync; no call that wrote, or that
// answers "unchanged", returns before it is. Readers take no lock.
//
// Keys, column families and who uses them: README.md and keys.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "mannequin/config/v1/config.pb.h"
#include "services/store/record_store.h"

namespace rocksdb {
class Env;
}

namespace mannequin {

namespace store {
class Backups;
class Database;
class RocksEdit;
class FetchLeases;
class FetchQueue;
class ProductSegment;
class RocksMetrics;
struct Statistics;
}  // namespace store

// Thread-safe.
class RocksStore final : public RecordStore {
 public:
  // Makes the data folder when it is not there. `clock` must outlive the store; `env` is
  // RocksDB's file system, nullptr for the machine's.
  // INVALID_ARGUMENT for an empty folder name; FAILED_PRECONDITION with the pid of the
  // process that has the folder open; PERMISSION_DENIED when it cannot be written;
  // RESOURCE_EXHAUSTED; DATA_LOSS when it is damaged.
  static absl::StatusOr<std::unique_ptr<RocksStore>> Open(const config::v1::StoreConfig& config, const Clock& clock,
                                                          rocksdb::Env* env = nullptr);
  // No call may be under way.
  ~RocksStore() override;

  std::unique_ptr<ProductWriter> WriteProducts() override;
  absl::StatusOr<v1::LeaseFetchesResponse> LeaseFetches(const v1::LeaseFetchesRequest& request) override;
  absl::StatusOr<v1::GetStatisticsResponse> GetStatistics(const v1::GetStatisticsRequest& request) override;
  absl::StatusOr<v1::CreateBackupResponse> CreateBackup(
      const v1::CreateBackupRequest& request,
      const std::function<bool(const v1::CreateBackupResponse&)>& progress) override;
  absl::Status CheckIntegrity(const v1::CheckIntegrityRequest& request,
                              const std::function<absl::Status(const v1::CheckIntegrityResponse&)>& visit) override;
  absl::StatusOr<v1::SetReadOnlyResponse> SetReadOnly(const v1::SetReadOnlyRequest& request) override;
  // Ends a backup that is under way.
  void Stop() override;

 private:
  RocksStore(std::unique_ptr<store::Database> db, int max_concurrent_scans, const Clock& clock);

  // In records.cc.
  using RecordStore::Write;
  absl::Status Write(const std::function<absl::Status(store::Edit&)>& body,
                     const std::vector<store::NewPicture>& pictures) override;
  absl::StatusOr<std::optional<std::string>> Get(store::Family family, absl::string_view key) override;
  absl::StatusOr<std::vector<std::optional<std::string>>> GetMany(store::Family family,
                                                                  const std::vector<std::string>& keys) override;
  absl::StatusOr<std::optional<v1::Image>> ReadImage(const std::string& sha256, int at_least_side) override;
  absl::StatusOr<std::optional<v1::IngestCheckpoint>> ReadIngestCheckpoint(const std::string& source) override;
  absl::Status VisitProducts(const v1::ProductFilter& filter, absl::string_view after, bool whole,
                             store::ProductVisitor visit) override;
  absl::Status VisitEmbeddings(store::RecordVisitor<v1::Embedding> visit) override;
  absl::Status VisitJobs(v1::JobKind kind, v1::JobState state, const std::string& before,
                         store::RecordVisitor<v1::Job> visit) override;
  absl::Status VisitPlaceholders(v1::PlaceholderState state, const std::string& after,
                                 store::RecordVisitor<v1::Placeholder> visit) override;
  absl::Status VisitVerdicts(const store::VerdictCondition& condition, const std::string& after,
                             store::RecordVisitor<v1::Verdict> visit) override;
  absl::Status VisitReviews(const std::string& after, store::RecordVisitor<v1::Review> visit) override;
  absl::Status VisitRaw(v1::RecordKind kind, const std::string& after, store::RawVisitor visit) override;
  absl::StatusOr<std::optional<v1::ExportPicturesResponse>> ReadPicture(const std::string& sha256) override;

  // Runs `body` under the writer mutex, makes what it put into the edit visible if it
  // answers OK, and returns when that and all it read is durable.
  absl::Status WriteRocks(const std::function<absl::Status(store::RocksEdit&)>& body);

  // One process has the folder: a clock that nobody sets, so that a step forward takes no job away from a worker that
  // is alive, and one back leaves no job with a worker that is gone.
  absl::Time LeaseNow() const override { return clock().Steady(); }

  // UNAVAILABLE, with the reason, while it takes no changes.
  absl::Status CheckWritable() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The pieces of WriteProducts; in product_writer.cc. `is_new` and `places` are about
  // the segment's entries.
  absl::Status KeepSegment(store::ProductSegment& segment, const std::optional<v1::IngestCheckpoint>& checkpoint,
                           v1::UpsertProductsResponse& counts);
  absl::Status KeepAsEdits(const store::ProductSegment& segment, const std::vector<std::uint32_t>& places,
                           const std::optional<v1::IngestCheckpoint>& checkpoint, v1::UpsertProductsResponse& counts);
  // False, with nothing written, when one of them is not new any more. `ticket` is that
  // of the last change before they were found new, `now` a time behind it.
  absl::StatusOr<bool> KeepAsTables(const store::ProductSegment& segment, const std::vector<bool>& is_new,
                                    std::size_t new_products, std::uint64_t ticket,
                                    const google::protobuf::Timestamp& now,
                                    const std::optional<v1::IngestCheckpoint>& checkpoint);

  // A piece of the crawl's queue; in fetches.cc.
  absl::Status LeaseFromOrigin(const std::string& origin, const v1::LeaseFetchesRequest& request, absl::Time expires,
                               v1::LeaseFetchesResponse& response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::unique_ptr<store::Database> db_;
  const std::unique_ptr<store::RocksMetrics> metrics_;
  std::atomic<int> writers_{0};

  absl::Mutex mutex_;  // The writer mutex.
  const std::unique_ptr<store::Statistics> statistics_ ABSL_PT_GUARDED_BY(mutex_);
  const std::unique_ptr<store::FetchLeases> leases_ ABSL_PT_GUARDED_BY(mutex_);
  const std::unique_ptr<store::FetchQueue> fetch_queue_ ABSL_PT_GUARDED_BY(mutex_);
  // Why it takes no changes; empty: it does.
  std::string read_only_ ABSL_GUARDED_BY(mutex_);
  // The origin that LeaseFetches gave from last.
  std::string lease_origin_ ABSL_GUARDED_BY(mutex_);

  const std::unique_ptr<store::Backups> backups_;
  absl::Mutex check_mutex_;  // One CheckIntegrity at a time.
};

}  // namespace mannequin
