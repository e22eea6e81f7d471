#include "services/store/store_service.h"

#include <cstddef>
#include <utility>

#include "common/rpc/status.h"

namespace mannequin {
namespace {

using rpc::Respond;
using rpc::ToGrpc;

constexpr std::size_t kMessageBytes = std::size_t{1} << 20;

// Gathers items into messages of about kMessageBytes.
//
//   Chunker<v1::ScanProductsResponse> chunker(writer);
//   chunker.Add(product.ByteSizeLong(), [&](auto& message) { *message.add_products() = product; });
//   chunker.Flush();
template <typename Message>
class Chunker {
 public:
  explicit Chunker(grpc::ServerWriter<Message>& writer) : writer_(writer) {}

  // CANCELLED once the caller is gone.
  template <typename AddTo>
  absl::Status Add(std::size_t bytes, const AddTo& add) {
    add(message_);
    bytes_ += bytes;
    return bytes_ < kMessageBytes ? absl::OkStatus() : Flush();
  }

  absl::Status Flush() {
    if (bytes_ == 0) return absl::OkStatus();
    const bool sent = writer_.Write(message_);
    message_.Clear();
    bytes_ = 0;
    return sent ? absl::OkStatus() : absl::CancelledError("the caller is gone");
  }

 private:
  grpc::ServerWriter<Message>& writer_;
  Message message_;
  std::size_t bytes_ = 0;
};

}  // namespace

grpc::Status StoreService::UpsertProducts(grpc::ServerContext* context,
                                          grpc::ServerReader<v1::UpsertProductsRequest>* reader,
                                          v1::UpsertProductsResponse* response) {
  v1::UpsertProductsRequest first;
  v1::UpsertProductsRequest request;
  if (!reader->Read(&first)) return grpc::Status::OK;
  bool more = reader->Read(&request);
  // A caller that breaks off has not said that this is all.
  if (!more && context->IsCancelled()) return grpc::Status::CANCELLED;
  if (!more) return Respond(store_.UpsertProducts(first), response);
  const std::unique_ptr<ProductWriter> products = store_.WriteProducts();
  absl::Status written = products->Write(first);
  while (written.ok() && more) {
    written = products->Write(request);
    // After a fault the caller is told, and not waited for.
    if (written.ok()) more = reader->Read(&request);
  }
  if (context->IsCancelled()) return grpc::Status::CANCELLED;
  return written.ok() ? Respond(products->Finish(), response) : ToGrpc(written);
}

grpc::Status StoreService::CreateBackup(grpc::ServerContext*, const v1::CreateBackupRequest* request,
                                        grpc::ServerWriter<v1::CreateBackupResponse>* writer) {
  // False once the caller is gone.
  const auto send = [&](const v1::CreateBackupResponse& message) { return writer->Write(message); };
  const absl::StatusOr<v1::CreateBackupResponse> backup = store_.CreateBackup(*request, send);
  if (!backup.ok()) return ToGrpc(backup.status());
  send(*backup);
  return grpc::Status::OK;
}

grpc::Status StoreService::CheckIntegrity(grpc::ServerContext*, const v1::CheckIntegrityRequest* request,
                                          grpc::ServerWriter<v1::CheckIntegrityResponse>* writer) {
  return ToGrpc(store_.CheckIntegrity(*request, [&](const v1::CheckIntegrityResponse& message) {
    return writer->Write(message) ? absl::OkStatus() : absl::CancelledError("the caller is gone");
  }));
}

grpc::Status StoreService::ScanProducts(grpc::ServerContext*, const v1::ScanProductsRequest* request,
                                        grpc::ServerWriter<v1::ScanProductsResponse>* writer) {
  Chunker<v1::ScanProductsResponse> chunker(*writer);
  absl::Status status = store_.ScanProducts(*request, [&](const v1::StoredProduct& product) {
    return chunker.Add(product.ByteSizeLong(),
                       [&](v1::ScanProductsResponse& message) { *message.add_products() = product; });
  });
  if (status.ok()) status = chunker.Flush();
  return ToGrpc(status);
}

grpc::Status StoreService::ScanEmbeddings(grpc::ServerContext*, const v1::ScanEmbeddingsRequest* request,
                                          grpc::ServerWriter<v1::ScanEmbeddingsResponse>* writer) {
  Chunker<v1::ScanEmbeddingsResponse> chunker(*writer);
  absl::Status status = store_.ScanEmbeddings(*request, [&](const v1::Embedding& embedding) {
    return chunker.Add(embedding.ByteSizeLong(),
                       [&](v1::ScanEmbeddingsResponse& message) { *message.add_embeddings() = embedding; });
  });
  if (status.ok()) status = chunker.Flush();
  return ToGrpc(status);
}

grpc::Status StoreService::ExportRecords(grpc::ServerContext*, const v1::ExportRecordsRequest* request,
                                         grpc::ServerWriter<v1::ExportRecordsResponse>* writer) {
  Chunker<v1::ExportRecordsResponse> chunker(*writer);
  absl::Status status = store_.ExportRecords(*request, [&](const v1::ExportedRecord& record) {
    return chunker.Add(record.ByteSizeLong(),
                       [&](v1::ExportRecordsResponse& message) { *message.add_records() = record; });
  });
  if (status.ok()) status = chunker.Flush();
  return ToGrpc(status);
}

grpc::Status StoreService::ExportPictures(grpc::ServerContext*, const v1::ExportPicturesRequest* request,
                                          grpc::ServerWriter<v1::ExportPicturesResponse>* writer) {
  return ToGrpc(store_.ExportPictures(*request, [&](const v1::ExportPicturesResponse& message) {
    return writer->Write(message) ? absl::OkStatus() : absl::CancelledError("the caller is gone");
  }));
}

grpc::ServerUnaryReactor* StoreService::GetProduct(grpc::CallbackServerContext* context,
                                                   const v1::GetProductRequest* request,
                                                   v1::GetProductResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(Respond(store_.GetProduct(*request), response));
  return reactor;
}

#define MANNEQUIN_UNARY(Method)                                                               \
  grpc::Status StoreService::Method(grpc::ServerContext*, const v1::Method##Request* request, \
                                    v1::Method##Response* response) {                         \
    return Respond(store_.Method(*request), response);                                        \
  }
MANNEQUIN_UNARY(GetIngestCheckpoint)
MANNEQUIN_UNARY(BatchGetProducts)
MANNEQUIN_UNARY(ListProducts)
MANNEQUIN_UNARY(PutImage)
MANNEQUIN_UNARY(GetImage)
MANNEQUIN_UNARY(LeaseFetches)
MANNEQUIN_UNARY(CompleteFetches)
MANNEQUIN_UNARY(RetryFetches)
MANNEQUIN_UNARY(RefreshFetches)
MANNEQUIN_UNARY(PutEmbeddings)
MANNEQUIN_UNARY(CreateJob)
MANNEQUIN_UNARY(GetJob)
MANNEQUIN_UNARY(ListJobs)
MANNEQUIN_UNARY(LeaseJob)
MANNEQUIN_UNARY(HeartbeatJob)
MANNEQUIN_UNARY(FinishJob)
MANNEQUIN_UNARY(CancelJob)
MANNEQUIN_UNARY(PauseJob)
MANNEQUIN_UNARY(ResumeJob)
MANNEQUIN_UNARY(PutPlaceholder)
MANNEQUIN_UNARY(GetPlaceholder)
MANNEQUIN_UNARY(ListPlaceholders)
MANNEQUIN_UNARY(PutVerdicts)
MANNEQUIN_UNARY(GetVerdict)
MANNEQUIN_UNARY(ListVerdicts)
MANNEQUIN_UNARY(PutReview)
MANNEQUIN_UNARY(ListReviews)
MANNEQUIN_UNARY(GetStatistics)
MANNEQUIN_UNARY(SetReadOnly)
#undef MANNEQUIN_UNARY

}  // namespace mannequin
