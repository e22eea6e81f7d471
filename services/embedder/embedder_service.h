// The embedder over gRPC: each handler delegates to Embedder.
//
//   EmbedderService service(*store, config);
//   ASSIGN_OR_RETURN(auto server, rpc::Server::Start("embedder", config.server(), {&service}));
//   service.Start();
#pragma once

#include "common/store/product_store.h"
#include "mannequin/config/v1/config.pb.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"
#include "services/embedder/embedder.h"

namespace mannequin {

// Thread-safe.
class EmbedderService final : public v1::TextEmbedder::Service {
 public:
  // `store` must outlive the service.
  EmbedderService(ProductStore& store, const config::v1::EmbedderConfig& config);

  // Follows the current bundle and the catalogue, and takes jobs.
  void Start() { embedder_.Start(); }
  // Gives a running job back to the queue. Idempotent.
  void Stop() { embedder_.Stop(); }

  grpc::Status TrainEmbedding(grpc::ServerContext* context, const v1::TrainEmbeddingRequest* request,
                              v1::TrainEmbeddingResponse* response) override;
  grpc::Status EmbedCatalog(grpc::ServerContext* context, const v1::EmbedCatalogRequest* request,
                            v1::EmbedCatalogResponse* response) override;
  grpc::Status EmbedTexts(grpc::ServerContext* context, const v1::EmbedTextsRequest* request,
                          v1::EmbedTextsResponse* response) override;
  grpc::Status FindSimilar(grpc::ServerContext* context, const v1::FindSimilarRequest* request,
                           v1::FindSimilarResponse* response) override;
  grpc::Status BatchFindSimilar(grpc::ServerContext* context, const v1::BatchFindSimilarRequest* request,
                                v1::BatchFindSimilarResponse* response) override;

 private:
  Embedder embedder_;
};

}  // namespace mannequin
