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
#include "common/store/product_store.h"
#include "mannequin/config/v1/config.pb.h"

namespace rocksdb {
class Env;
}

namespace mannequin {

namespace store {
class Backups;
class Database;
class Edit;
class FetchLeases;
class FetchQueue;
class ProductSegment;
struct Statistics;
}  // namespace store

// Thread-safe.
class RocksStore final : public ProductStore {
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
  absl::StatusOr<v1::GetIngestCheckpointResponse> GetIngestCheckpoint(
      const v1::GetIngestCheckpointRequest& request) override;
  absl::StatusOr<v1::UpsertProductsResponse> UpsertProducts(const v1::UpsertProductsRequest& request) override;
  absl::StatusOr<v1::GetProductResponse> GetProduct(const v1::GetProductRequest& request) override;
  absl::StatusOr<v1::BatchGetProductsResponse> BatchGetProducts(const v1::BatchGetProductsRequest& request) override;
  absl::StatusOr<v1::ListProductsResponse> ListProducts(const v1::ListProductsRequest& request) override;
  absl::Status ScanProducts(const v1::ScanProductsRequest& request,
                            const std::function<absl::Status(const v1::StoredProduct&)>& visit) override;

  absl::StatusOr<v1::PutImageResponse> PutImage(const v1::PutImageRequest& request) override;
  absl::StatusOr<v1::GetImageResponse> GetImage(const v1::GetImageRequest& request) override;

  absl::StatusOr<v1::LeaseFetchesResponse> LeaseFetches(const v1::LeaseFetchesRequest& request) override;
  absl::StatusOr<v1::CompleteFetchesResponse> CompleteFetches(const v1::CompleteFetchesRequest& request) override;
  // Both in batches, each atomic: a crash on the way leaves some for the next call.
  absl::StatusOr<v1::RetryFetchesResponse> RetryFetches(const v1::RetryFetchesRequest& request) override;
  absl::StatusOr<v1::RefreshFetchesResponse> RefreshFetches(const v1::RefreshFetchesRequest& request) override;

  absl::StatusOr<v1::PutEmbeddingsResponse> PutEmbeddings(const v1::PutEmbeddingsRequest& request) override;
  absl::Status ScanEmbeddings(const v1::ScanEmbeddingsRequest& request,
                              const std::function<absl::Status(const v1::Embedding&)>& visit) override;

  absl::StatusOr<v1::CreateJobResponse> CreateJob(const v1::CreateJobRequest& request) override;
  absl::StatusOr<v1::GetJobResponse> GetJob(const v1::GetJobRequest& request) override;
  absl::StatusOr<v1::ListJobsResponse> ListJobs(const v1::ListJobsRequest& request) override;
  absl::StatusOr<v1::LeaseJobResponse> LeaseJob(const v1::LeaseJobRequest& request) override;
  absl::StatusOr<v1::HeartbeatJobResponse> HeartbeatJob(const v1::HeartbeatJobRequest& request) override;
  absl::StatusOr<v1::FinishJobResponse> FinishJob(const v1::FinishJobRequest& request) override;
  absl::StatusOr<v1::CancelJobResponse> CancelJob(const v1::CancelJobRequest& request) override;
  absl::StatusOr<v1::PauseJobResponse> PauseJob(const v1::PauseJobRequest& request) override;
  absl::StatusOr<v1::ResumeJobResponse> ResumeJob(const v1::ResumeJobRequest& request) override;

  absl::StatusOr<v1::PutPlaceholderResponse> PutPlaceholder(const v1::PutPlaceholderRequest& request) override;
  absl::StatusOr<v1::GetPlaceholderResponse> GetPlaceholder(const v1::GetPlaceholderRequest& request) override;
  absl::StatusOr<v1::ListPlaceholdersResponse> ListPlaceholders(const v1::ListPlaceholdersRequest& request) override;

  absl::StatusOr<v1::PutVerdictsResponse> PutVerdicts(const v1::PutVerdictsRequest& request) override;
  absl::StatusOr<v1::GetVerdictResponse> GetVerdict(const v1::GetVerdictRequest& request) override;
  absl::StatusOr<v1::ListVerdictsResponse> ListVerdicts(const v1::ListVerdictsRequest& request) override;
  absl::StatusOr<v1::PutReviewResponse> PutReview(const v1::PutReviewRequest& request) override;
  absl::StatusOr<v1::ListReviewsResponse> ListReviews(const v1::ListReviewsRequest& request) override;

  absl::StatusOr<v1::GetStatisticsResponse> GetStatistics(const v1::GetStatisticsRequest& request) override;
  absl::StatusOr<v1::CreateBackupResponse> CreateBackup(
      const v1::CreateBackupRequest& request,
      const std::function<bool(const v1::CreateBackupResponse&)>& progress) override;
  // Before the store closes: a backup that is under way ends as UNAVAILABLE instead of
  // holding the process up, and no other one begins.
  void StopBackups();
  absl::Status CheckIntegrity(const v1::CheckIntegrityRequest& request,
                              const std::function<absl::Status(const v1::CheckIntegrityResponse&)>& visit) override;

 private:
  using Renditions = google::protobuf::RepeatedPtrField<v1::Rendition>;

  RocksStore(std::unique_ptr<store::Database> db, int max_concurrent_scans, const Clock& clock);

  // A call's place among those of its kind that may run at once; given back with it.
  using Slot = std::unique_ptr<std::atomic<int>, void (*)(std::atomic<int>*)>;
  // RESOURCE_EXHAUSTED, naming `bound`, when all are taken.
  static absl::StatusOr<Slot> TakeSlot(std::atomic<int>& taken, int most, absl::string_view bound);
  absl::StatusOr<Slot> TakeScanSlot() { return TakeSlot(scans_, max_concurrent_scans_, "max_concurrent_scans"); }

  // The clock's time, or a nanosecond behind the last one given when the clock has not
  // moved on or went back: whoever follows the changes by their time finds each behind
  // those before.
  google::protobuf::Timestamp NextTime() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Runs `body` under the writer mutex, makes what it put into the edit visible if it
  // answers OK, and returns when that and all it read is durable.
  absl::Status Write(const std::function<absl::Status(store::Edit&)>& body);

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

  // The pieces of a write that several calls share; in products.cc and images.cc.
  absl::Status UpsertProduct(const v1::Product& product, store::Edit& edit, v1::UpsertProductsResponse& counts);
  absl::Status StoreImage(const v1::StoredProduct& before, const v1::Image& image, const std::string& sha256,
                          const Renditions& renditions, store::Edit& edit, v1::StoredProduct& after);

  // The pieces of the crawl's queue; in fetches.cc.
  absl::Status LeaseFromOrigin(const std::string& origin, const v1::LeaseFetchesRequest& request, absl::Time expires,
                               v1::LeaseFetchesResponse& response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Calls `body` with each product of that state, and writes those for which it answers
  // true as it has changed them; with a new time of update when the state is another now.
  absl::Status ChangeAll(v1::ImageState state,
                         const std::function<bool(const v1::StoredProduct& before, v1::StoredProduct& after)>& body);

  const Clock& clock_;
  const std::unique_ptr<store::Database> db_;
  const int max_concurrent_scans_;
  std::atomic<int> scans_{0};
  std::atomic<int> writers_{0};

  absl::Mutex mutex_;  // The writer mutex.
  const std::unique_ptr<store::Statistics> statistics_ ABSL_PT_GUARDED_BY(mutex_);
  const std::unique_ptr<store::FetchLeases> leases_ ABSL_PT_GUARDED_BY(mutex_);
  const std::unique_ptr<store::FetchQueue> fetch_queue_ ABSL_PT_GUARDED_BY(mutex_);
  // The origin that LeaseFetches gave from last.
  std::string lease_origin_ ABSL_GUARDED_BY(mutex_);
  absl::Time last_time_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // The greatest id of a job so far: the next must sort behind it.
  std::string last_job_id_ ABSL_GUARDED_BY(mutex_);

  const std::unique_ptr<store::Backups> backups_;
  absl::Mutex check_mutex_;  // One CheckIntegrity at a time.
};

}  // namespace mannequin
