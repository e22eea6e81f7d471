// What all stores that keep records have in common: what each call checks, changes and
// answers. An engine brings atomic changes (edit.h), reads, walks in order, and the calls that
// are its own affair. RocksStore and PostgresStore are the two.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "common/store/product_store.h"
#include "services/store/edit.h"

namespace mannequin {
namespace store {

using Renditions = google::protobuf::RepeatedPtrField<v1::Rendition>;

// A picture that a change may keep.
struct NewPicture {
  const v1::Image* image = nullptr;
  const std::string* sha256 = nullptr;
  const Renditions* renditions = nullptr;
};

// The product, and where it stands in the order of the answer: what a later call with the
// same filter takes as `after`.
using ProductVisitor = absl::FunctionRef<bool(const v1::StoredProduct&, absl::string_view position)>;
template <typename Record>
using RecordVisitor = absl::FunctionRef<absl::StatusOr<bool>(const Record&)>;

using RawVisitor = absl::FunctionRef<absl::Status(absl::string_view key, absl::string_view value)>;

// Which verdicts ListVerdicts walks.
struct VerdictCondition {
  v1::VerdictKind kind = v1::VERDICT_KIND_UNSPECIFIED;  // UNSPECIFIED: any
  bool unreviewed = false;
};

}  // namespace store

// Thread-safe.
class RecordStore : public ProductStore {
 public:
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

  absl::Status ExportRecords(const v1::ExportRecordsRequest& request,
                             const std::function<absl::Status(const v1::ExportedRecord&)>& visit) override;
  absl::Status ExportPictures(const v1::ExportPicturesRequest& request,
                              const std::function<absl::Status(const v1::ExportPicturesResponse&)>& visit) override;

  // Before the store closes: calls that would hold the process up end as UNAVAILABLE, and no
  // other ones begin.
  virtual void Stop() {}

 protected:
  // `max_concurrent_scans`: 0 means 16. `clock` must outlive the store.
  RecordStore(int max_concurrent_scans, const Clock& clock);
  // INVALID_ARGUMENT for a negative number.
  static absl::Status CheckScans(int max_concurrent_scans);

  // A call's place among those of its kind that may run at once; given back with it.
  using Slot = std::unique_ptr<std::atomic<int>, void (*)(std::atomic<int>*)>;
  // RESOURCE_EXHAUSTED, naming `bound`, when all are taken.
  static absl::StatusOr<Slot> TakeSlot(std::atomic<int>& taken, int most, absl::string_view bound);

  // --- What an engine brings.

  // Makes what `body` put into the edit visible and durable, whole, when it answers OK; nothing
  // else. `body` may run more than once, each time from the start. `pictures`: all that it may
  // give to AddImage, alive as long as the call.
  virtual absl::Status Write(const std::function<absl::Status(store::Edit&)>& body,
                             const std::vector<store::NewPicture>& pictures) = 0;
  absl::Status Write(const std::function<absl::Status(store::Edit&)>& body) { return Write(body, {}); }

  // The record as it is kept; nothing when there is none.
  virtual absl::StatusOr<std::optional<std::string>> Get(store::Family family, absl::string_view key) = 0;
  // In the order of `keys`.
  virtual absl::StatusOr<std::vector<std::optional<std::string>>> GetMany(store::Family family,
                                                                          const std::vector<std::string>& keys) = 0;
  // The smallest rendition with at least `at_least_side`, or the picture itself, without its
  // hash; nothing when there is no such picture. `sha256` is one.
  virtual absl::StatusOr<std::optional<v1::Image>> ReadImage(const std::string& sha256, int at_least_side) = 0;
  virtual absl::StatusOr<std::optional<v1::IngestCheckpoint>> ReadIngestCheckpoint(const std::string& source) = 0;

  // The walks call `visit` with each record behind `after` (empty: from the first) until it
  // answers false, in the order of the keys, newest first for jobs. DATA_LOSS when a record is
  // damaged: never silently short.
  // `whole`: of one snapshot, however long it takes; else a page or a few.
  virtual absl::Status VisitProducts(const v1::ProductFilter& filter, absl::string_view after, bool whole,
                                     store::ProductVisitor visit) = 0;
  virtual absl::Status VisitEmbeddings(store::RecordVisitor<v1::Embedding> visit) = 0;
  // UNSPECIFIED: any. Perhaps more than those: `visit` looks again.
  virtual absl::Status VisitJobs(v1::JobKind kind, v1::JobState state, const std::string& before,
                                 store::RecordVisitor<v1::Job> visit) = 0;
  virtual absl::Status VisitPlaceholders(v1::PlaceholderState state, const std::string& after,
                                         store::RecordVisitor<v1::Placeholder> visit) = 0;
  // Perhaps also reviewed ones: `visit` looks again.
  virtual absl::Status VisitVerdicts(const store::VerdictCondition& condition, const std::string& after,
                                     store::RecordVisitor<v1::Verdict> visit) = 0;
  virtual absl::Status VisitReviews(const std::string& after, store::RecordVisitor<v1::Review> visit) = 0;

  // Each record of a kind behind `after`, as it is kept, of one snapshot.
  virtual absl::Status VisitRaw(v1::RecordKind kind, const std::string& after, store::RawVisitor visit) = 0;
  // The picture whole, with its hash; nothing when it is not there.
  virtual absl::StatusOr<std::optional<v1::ExportPicturesResponse>> ReadPicture(const std::string& sha256) = 0;

  // --- What is here for an engine.

  template <typename Message>
  absl::StatusOr<std::optional<Message>> Read(store::Family family, absl::string_view key) {
    absl::StatusOr<std::optional<std::string>> bytes = Get(family, key);
    if (!bytes.ok()) return bytes.status();
    if (!bytes->has_value()) return std::optional<Message>();
    absl::StatusOr<Message> message = store::Decode<Message>(family, key, **bytes);
    if (!message.ok()) return message.status();
    return std::optional<Message>(*std::move(message));
  }

  const Clock& clock() const { return clock_; }
  // What the ends of leases are compared with and made of. Stores of which several processes share the
  // records have the wall clock in common, and nothing better.
  virtual absl::Time LeaseNow() const { return clock_.Now(); }
  // The clock's time, or a nanosecond behind the last one given when the clock has not
  // moved on or went back: whoever follows the changes by their time finds each behind
  // those before.
  absl::Time NextTime();
  // What the data say of times and ids that were given out before; once, at the start.
  void GoOnFrom(absl::Time last_time, const std::string& last_job_id);

  // A request that was checked, however big it is; in one change.
  absl::StatusOr<v1::UpsertProductsResponse> Upsert(const v1::UpsertProductsRequest& request);
  // One product of it.
  static absl::Status UpsertProduct(const v1::Product& product, store::Edit& edit, v1::UpsertProductsResponse& counts);

 private:
  struct Shown;

  absl::StatusOr<Slot> TakeScanSlot() { return TakeSlot(scans_, max_concurrent_scans_, "max_concurrent_scans"); }
  absl::StatusOr<Shown> ShownOf(const std::string& product_id, bool or_placeholder);
  absl::StatusOr<bool> IsListed(const v1::ListPlaceholdersRequest& request, const v1::Placeholder& placeholder);
  std::string NextJobId(absl::Time now);
  // Calls `body` with each product of that state, and writes those for which it answers
  // true as it has changed them; with a new time of update when the state is another now.
  absl::Status ChangeAll(v1::ImageState state,
                         const std::function<bool(const v1::StoredProduct& before, v1::StoredProduct& after)>& body,
                         std::int64_t& changed);

  const Clock& clock_;
  const int max_concurrent_scans_;
  std::atomic<int> scans_{0};

  absl::Mutex order_mutex_;
  absl::Time last_time_ ABSL_GUARDED_BY(order_mutex_) = absl::InfinitePast();
  // The greatest id of a job so far: the next must sort behind it.
  std::string last_job_id_ ABSL_GUARDED_BY(order_mutex_);
};

}  // namespace mannequin
