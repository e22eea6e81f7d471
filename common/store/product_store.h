// The store as every service sees it. One contract, several implementations:
// RocksStore (embedded, services/store) and RemoteStore (gRPC, beside this file).
//
// Requests, responses, bounds and errors are those of
// proto/mannequin/v1/product_store.proto, field by field; nothing is said twice here.
//
//   v1::GetProductRequest request;
//   request.set_id("B00X");
//   ASSIGN_OR_RETURN(v1::GetProductResponse found, store.GetProduct(request));
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mannequin/v1/product_store.pb.h"

namespace mannequin {

// One long stream of products into the store. Not thread-safe.
//
//   const std::unique_ptr<ProductWriter> writer = store.WriteProducts();
//   while (...) RETURN_IF_ERROR(writer->Write(request));
//   ASSIGN_OR_RETURN(v1::UpsertProductsResponse counts, writer->Finish());
class ProductWriter {
 public:
  // Without Finish: what was not yet kept is dropped.
  virtual ~ProductWriter() = default;
  // Gathers; may keep what was gathered so far. After an error only the destructor.
  virtual absl::Status Write(const v1::UpsertProductsRequest& request) = 0;
  // All that was written is durable when this returns OK. Sums of the whole stream.
  virtual absl::StatusOr<v1::UpsertProductsResponse> Finish() = 0;
};

// Thread-safe. A write is durable when its call returns OK.
class ProductStore {
 public:
  virtual ~ProductStore() = default;

  // Many batches, in order: faster than one by one, and not atomic. Eight at once; the
  // ninth gets RESOURCE_EXHAUSTED. The store must outlive the writer.
  virtual std::unique_ptr<ProductWriter> WriteProducts() = 0;
  virtual absl::StatusOr<v1::GetIngestCheckpointResponse> GetIngestCheckpoint(
      const v1::GetIngestCheckpointRequest& request) = 0;
  // One batch, atomic.
  virtual absl::StatusOr<v1::UpsertProductsResponse> UpsertProducts(const v1::UpsertProductsRequest& request) = 0;
  virtual absl::StatusOr<v1::GetProductResponse> GetProduct(const v1::GetProductRequest& request) = 0;
  virtual absl::StatusOr<v1::BatchGetProductsResponse> BatchGetProducts(const v1::BatchGetProductsRequest& request) = 0;
  virtual absl::StatusOr<v1::ListProductsResponse> ListProducts(const v1::ListProductsRequest& request) = 0;
  // Calls `visit` for each product of one snapshot in id order, on this thread, with
  // constant memory. Ends early with the status that `visit` returns when it is not OK.
  virtual absl::Status ScanProducts(const v1::ScanProductsRequest& request,
                                    const std::function<absl::Status(const v1::StoredProduct&)>& visit) = 0;

  virtual absl::StatusOr<v1::PutImageResponse> PutImage(const v1::PutImageRequest& request) = 0;
  virtual absl::StatusOr<v1::GetImageResponse> GetImage(const v1::GetImageRequest& request) = 0;

  virtual absl::StatusOr<v1::LeaseFetchesResponse> LeaseFetches(const v1::LeaseFetchesRequest& request) = 0;
  virtual absl::StatusOr<v1::CompleteFetchesResponse> CompleteFetches(const v1::CompleteFetchesRequest& request) = 0;
  virtual absl::StatusOr<v1::RetryFetchesResponse> RetryFetches(const v1::RetryFetchesRequest& request) = 0;
  virtual absl::StatusOr<v1::RefreshFetchesResponse> RefreshFetches(const v1::RefreshFetchesRequest& request) = 0;

  virtual absl::StatusOr<v1::PutEmbeddingsResponse> PutEmbeddings(const v1::PutEmbeddingsRequest& request) = 0;
  // As ScanProducts.
  virtual absl::Status ScanEmbeddings(const v1::ScanEmbeddingsRequest& request,
                                      const std::function<absl::Status(const v1::Embedding&)>& visit) = 0;

  virtual absl::StatusOr<v1::CreateJobResponse> CreateJob(const v1::CreateJobRequest& request) = 0;
  virtual absl::StatusOr<v1::GetJobResponse> GetJob(const v1::GetJobRequest& request) = 0;
  virtual absl::StatusOr<v1::ListJobsResponse> ListJobs(const v1::ListJobsRequest& request) = 0;
  virtual absl::StatusOr<v1::LeaseJobResponse> LeaseJob(const v1::LeaseJobRequest& request) = 0;
  virtual absl::StatusOr<v1::HeartbeatJobResponse> HeartbeatJob(const v1::HeartbeatJobRequest& request) = 0;
  virtual absl::StatusOr<v1::FinishJobResponse> FinishJob(const v1::FinishJobRequest& request) = 0;
  virtual absl::StatusOr<v1::CancelJobResponse> CancelJob(const v1::CancelJobRequest& request) = 0;
  virtual absl::StatusOr<v1::PauseJobResponse> PauseJob(const v1::PauseJobRequest& request) = 0;
  virtual absl::StatusOr<v1::ResumeJobResponse> ResumeJob(const v1::ResumeJobRequest& request) = 0;

  virtual absl::StatusOr<v1::PutPlaceholderResponse> PutPlaceholder(const v1::PutPlaceholderRequest& request) = 0;
  virtual absl::StatusOr<v1::GetPlaceholderResponse> GetPlaceholder(const v1::GetPlaceholderRequest& request) = 0;
  virtual absl::StatusOr<v1::ListPlaceholdersResponse> ListPlaceholders(const v1::ListPlaceholdersRequest& request) = 0;

  virtual absl::StatusOr<v1::PutVerdictsResponse> PutVerdicts(const v1::PutVerdictsRequest& request) = 0;
  virtual absl::StatusOr<v1::GetVerdictResponse> GetVerdict(const v1::GetVerdictRequest& request) = 0;
  virtual absl::StatusOr<v1::ListVerdictsResponse> ListVerdicts(const v1::ListVerdictsRequest& request) = 0;
  virtual absl::StatusOr<v1::PutReviewResponse> PutReview(const v1::PutReviewRequest& request) = 0;
  virtual absl::StatusOr<v1::ListReviewsResponse> ListReviews(const v1::ListReviewsRequest& request) = 0;

  virtual absl::StatusOr<v1::GetStatisticsResponse> GetStatistics(const v1::GetStatisticsRequest& request) = 0;
  // The answer is the stream's last message; `progress` sees those before it, on this
  // thread, at least once, and may be empty. When it answers false the backup ends as
  // CANCELLED; earlier ones stay as they are.
  virtual absl::StatusOr<v1::CreateBackupResponse> CreateBackup(
      const v1::CreateBackupRequest& request, const std::function<bool(const v1::CreateBackupResponse&)>& progress) = 0;
  // Calls `visit` with each message, on this thread. Ends early with the status that it
  // returns when it is not OK. UNAVAILABLE while another check is under way.
  virtual absl::Status CheckIntegrity(const v1::CheckIntegrityRequest& request,
                                      const std::function<absl::Status(const v1::CheckIntegrityResponse&)>& visit) = 0;

  // For moving a store. As ScanProducts.
  virtual absl::Status ExportRecords(const v1::ExportRecordsRequest& request,
                                     const std::function<absl::Status(const v1::ExportedRecord&)>& visit) = 0;
  virtual absl::Status ExportPictures(const v1::ExportPicturesRequest& request,
                                      const std::function<absl::Status(const v1::ExportPicturesResponse&)>& visit) = 0;
  virtual absl::StatusOr<v1::SetReadOnlyResponse> SetReadOnly(const v1::SetReadOnlyRequest& request) = 0;
};

}  // namespace mannequin
