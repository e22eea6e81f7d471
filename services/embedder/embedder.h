// The embedder's logic: the current bundle's encoder, the index over the catalogue, and
// the two jobs. Knows no gRPC.
//
//   Embedder embedder(*store, BundleFolder(config.bundles()), {.folder = config.index()});
//   embedder.Start();
//   ASSIGN_OR_RETURN(v1::FindSimilarResponse found, embedder.FindSimilar(request));
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/model/bundle.h"
#include "common/store/job_worker.h"
#include "common/store/product_store.h"
#include "mannequin/v1/text_embedder.pb.h"
#include "services/embedder/embedding_bundle.h"
#include "services/embedder/index_follower.h"

namespace mannequin {

// Thread-safe. Bounds and errors of the calls are those of text_embedder.proto.
class Embedder {
 public:
  // `store` must outlive it.
  Embedder(ProductStore& store, BundleFolder bundles, IndexFollowerOptions index);
  ~Embedder();

  // Follows the current bundle and the catalogue, and takes jobs. Once.
  void Start();
  // Gives a running job back to the queue.
  void Stop();

  absl::StatusOr<v1::TrainEmbeddingResponse> TrainEmbedding(const v1::TrainEmbeddingRequest& request);
  absl::StatusOr<v1::EmbedCatalogResponse> EmbedCatalog(const v1::EmbedCatalogRequest& request);
  absl::StatusOr<v1::EmbedTextsResponse> EmbedTexts(const v1::EmbedTextsRequest& request) const;
  absl::StatusOr<v1::FindSimilarResponse> FindSimilar(const v1::FindSimilarRequest& request);
  absl::StatusOr<v1::BatchFindSimilarResponse> BatchFindSimilar(const v1::BatchFindSimilarRequest& request);

 private:
  absl::Status LoadBundle(const v1::BundleManifest& manifest, const std::string& folder);
  // FAILED_PRECONDITION when no bundle was trained yet.
  absl::StatusOr<EmbeddingBundle> Current() const;
  // FAILED_PRECONDITION when nothing is embedded with this bundle yet.
  absl::StatusOr<std::shared_ptr<const SimilarityIndex>> IndexOf(const EmbeddingBundle& bundle);
  absl::StatusOr<v1::Job> QueueJob(v1::JobKind kind, const google::protobuf::Message& spec);
  absl::Status RunJob(const v1::Job& job, JobContext& context);
  absl::Status RunTraining(const v1::Job& job, JobContext& context);
  absl::Status RunEmbedding(JobContext& context);

  ProductStore& store_;
  const BundleFolder bundles_;
  mutable absl::Mutex mutex_;
  EmbeddingBundle current_ ABSL_GUARDED_BY(mutex_);
  BundleFollower follower_;
  IndexFollower index_;
  JobWorker worker_;
};

}  // namespace mannequin
