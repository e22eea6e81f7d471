// The store on engines that others run at scale: records in PostgreSQL (or what speaks its wire
// protocol), pictures in an S3 bucket. As many processes as one likes, on one schema and bucket.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<PostgresStore> store, PostgresStore::Open(config, Clock::Real()));
//
// A change is a transaction of READ COMMITTED that locks the rows it reads, counts what it changed,
// and runs again when the server says that others came in between. Pictures' bytes are in the bucket
// before the transaction begins (picture_objects.h).
//
// Of one process the times of updates are in the order in which changes become visible. Processes
// that share a store have clocks of their own: who follows the updates asks again from some seconds
// before the greatest time he has seen.
//
// Tables, and who uses them: README.md.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "mannequin/config/v1/config.pb.h"
#include "services/store/bucket/bucket.h"
#include "services/store/postgres/connection_pool.h"
#include "services/store/postgres/picture_objects.h"
#include "services/store/record_store.h"

namespace mannequin {

// Thread-safe. Calls go on for ten seconds while the server is gone, and answer UNAVAILABLE then; one
// whose COMMIT was not answered says that it may be kept or not.
class PostgresStore final : public RecordStore {
 public:
  // Makes schema and bucket when they are not there. `clock` must outlive the store.
  // INVALID_ARGUMENT names the field; UNAVAILABLE, PERMISSION_DENIED and NOT_FOUND are the server's;
  // FAILED_PRECONDITION when a newer program has made the schema.
  static absl::StatusOr<std::unique_ptr<PostgresStore>> Open(const config::v1::StoreConfig& config, const Clock& clock);
  // No call may be under way.
  ~PostgresStore() override;

  std::unique_ptr<ProductWriter> WriteProducts() override;
  absl::StatusOr<v1::LeaseFetchesResponse> LeaseFetches(const v1::LeaseFetchesRequest& request) override;
  absl::StatusOr<v1::GetStatisticsResponse> GetStatistics(const v1::GetStatisticsRequest& request) override;
  // UNIMPLEMENTED: the engines have their own.
  absl::StatusOr<v1::CreateBackupResponse> CreateBackup(
      const v1::CreateBackupRequest& request,
      const std::function<bool(const v1::CreateBackupResponse&)>& progress) override;
  absl::Status CheckIntegrity(const v1::CheckIntegrityRequest& request,
                              const std::function<absl::Status(const v1::CheckIntegrityResponse&)>& visit) override;

  // UNIMPLEMENTED: other processes write as well.
  absl::StatusOr<v1::SetReadOnlyResponse> SetReadOnly(const v1::SetReadOnlyRequest& request) override;

  // Records of one kind of another store, as they were there, in one change; what is here under their
  // keys is replaced. `pictures`: those that they show and that are not here yet.
  absl::Status Import(v1::RecordKind kind, const std::vector<v1::ExportedRecord>& records,
                      const std::vector<v1::ExportPicturesResponse>& pictures);
  // Records of a kind behind `after` up to `last` (empty: to the end), as they are kept.
  absl::Status VisitRecordsBetween(v1::RecordKind kind, const std::string& after, const std::string& last,
                                   store::RawVisitor visit);
  // For ingests that have ended there.
  absl::Status DropIngestCheckpoint(const std::string& source);
  // Of these hashes, those of pictures that are not here.
  absl::StatusOr<std::vector<std::string>> MissingPictures(const std::vector<std::string>& sha256s);

  // Deletes objects of the bucket whose time has come; answers how many. A thread does so each minute.
  absl::StatusOr<std::int64_t> SweepObjects() { return objects_.Sweep(); }

 private:
  PostgresStore(const config::v1::StoreConfig& config, std::string schema, std::unique_ptr<store::Bucket> bucket,
                const Clock& clock);

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

  // As Write.
  absl::Status WriteUntilKept(const std::function<absl::Status(store::Edit&)>& body,
                              const std::vector<store::NewPicture>& pictures);
  // One try of a change: ABORTED or CANCELLED when it must be tried again.
  absl::Status WriteOnce(const std::function<absl::Status(store::Edit&)>& body, const store::Uploads& uploads);
  absl::StatusOr<store::Statistics> ReadStatistics();
  absl::Status LeaseFromOrigins(store::Connection& connection, const v1::LeaseFetchesRequest& request,
                                absl::Duration lease, std::vector<std::pair<std::string, std::string>>& leased);
  void Sweep();

  store::ConnectionPool pool_;
  const std::unique_ptr<store::Bucket> bucket_;
  store::PictureObjects objects_;
  std::atomic<int> writers_{0};

  absl::Mutex mutex_;
  // Times of changes that are not yet visible.
  std::set<absl::Time> in_flight_ ABSL_GUARDED_BY(mutex_);
  // The origin that LeaseFetches gave from last.
  std::string lease_origin_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread sweeper_;
  absl::Mutex check_mutex_;  // One CheckIntegrity of this process at a time.
};

}  // namespace mannequin
