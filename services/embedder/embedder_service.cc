#include "services/embedder/embedder_service.h"

#include "common/rpc/status.h"

namespace mannequin {

EmbedderService::EmbedderService(ProductStore& store, const config::v1::EmbedderConfig& config)
    : embedder_(store, BundleFolder(config.bundles()), {.folder = config.index()}) {}

grpc::Status EmbedderService::TrainEmbedding(grpc::ServerContext*, const v1::TrainEmbeddingRequest* request,
                                             v1::TrainEmbeddingResponse* response) {
  return rpc::Respond(embedder_.TrainEmbedding(*request), response);
}

grpc::Status EmbedderService::EmbedCatalog(grpc::ServerContext*, const v1::EmbedCatalogRequest* request,
                                           v1::EmbedCatalogResponse* response) {
  return rpc::Respond(embedder_.EmbedCatalog(*request), response);
}

grpc::Status EmbedderService::EmbedTexts(grpc::ServerContext*, const v1::EmbedTextsRequest* request,
                                         v1::EmbedTextsResponse* response) {
  return rpc::Respond(embedder_.EmbedTexts(*request), response);
}

grpc::Status EmbedderService::FindSimilar(grpc::ServerContext*, const v1::FindSimilarRequest* request,
                                          v1::FindSimilarResponse* response) {
  return rpc::Respond(embedder_.FindSimilar(*request), response);
}

grpc::Status EmbedderService::BatchFindSimilar(grpc::ServerContext*, const v1::BatchFindSimilarRequest* request,
                                               v1::BatchFindSimilarResponse* response) {
  return rpc::Respond(embedder_.BatchFindSimilar(*request), response);
}

}  // namespace mannequin
