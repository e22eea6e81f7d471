// The store over gRPC: each handler delegates to a mannequin::ProductStore and turns its
// status once. Streams are cut into messages of about 1 MiB.
//
//   StoreService service(*store);
//   ASSIGN_OR_RETURN(auto server, rpc::Server::Start("store", config.server(), {&service}));
#pragma once

#include "common/store/product_store.h"
#include "mannequin/v1/product_store.grpc.pb.h"

namespace mannequin {

// Thread-safe. `v1::ProductStore` is the generated service, `ProductStore` our interface.
class StoreService final : public v1::ProductStore::WithCallbackMethod_GetProduct<v1::ProductStore::Service> {
 public:
  // `store` must outlive the service.
  explicit StoreService(ProductStore& store) : store_(store) {}

  grpc::Status UpsertProducts(grpc::ServerContext* context, grpc::ServerReader<v1::UpsertProductsRequest>* reader,
                              v1::UpsertProductsResponse* response) override;
  grpc::Status ScanProducts(grpc::ServerContext* context, const v1::ScanProductsRequest* request,
                            grpc::ServerWriter<v1::ScanProductsResponse>* writer) override;
  grpc::Status CreateBackup(grpc::ServerContext* context, const v1::CreateBackupRequest* request,
                            grpc::ServerWriter<v1::CreateBackupResponse>* writer) override;
  grpc::Status CheckIntegrity(grpc::ServerContext* context, const v1::CheckIntegrityRequest* request,
                              grpc::ServerWriter<v1::CheckIntegrityResponse>* writer) override;
  grpc::Status ExportRecords(grpc::ServerContext* context, const v1::ExportRecordsRequest* request,
                             grpc::ServerWriter<v1::ExportRecordsResponse>* writer) override;
  grpc::Status ExportPictures(grpc::ServerContext* context, const v1::ExportPicturesRequest* request,
                              grpc::ServerWriter<v1::ExportPicturesResponse>* writer) override;
  grpc::Status ScanEmbeddings(grpc::ServerContext* context, const v1::ScanEmbeddingsRequest* request,
                              grpc::ServerWriter<v1::ScanEmbeddingsResponse>* writer) override;

  grpc::ServerUnaryReactor* GetProduct(grpc::CallbackServerContext* context, const v1::GetProductRequest* request,
                                       v1::GetProductResponse* response) override;

// The unary calls, all alike.
#define MANNEQUIN_UNARY(Method)                                                         \
  grpc::Status Method(grpc::ServerContext* context, const v1::Method##Request* request, \
                      v1::Method##Response* response) override;
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

 private:
  ProductStore& store_;
};

}  // namespace mannequin
