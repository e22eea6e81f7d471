// The embedder's logic: the current bundle's encoder, the index over the catalogue, and
// the two jobs. Knows no gRPC.
//
//   Embedder embedder(*store, BundleFolder(config.bundles()));
//   RETURN_IF_ERROR(embedder.Start());
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
#include "common/text/text_encoder.h"
#include "mannequin/v1/text_embedder.pb.h"
#include "services/embedder/similarity_index.h"

namespace mannequin {

// Thread-safe. Bounds and errors of the calls are those of text_embedder.proto.
class Embedder {
 public:
  // `store` must outlive it.
  Embedder(ProductStore& store, BundleFolder bundles);
  ~Embedder();

  // Follows the current bundle and takes jobs. Once.
  void Start();
  // Gives a running job back to the queue.
  void Stop();

  absl::StatusOr<v1::TrainEmbeddingResponse> TrainEmbedding(const v1::TrainEmbeddingRequest& request);
  absl::StatusOr<v1::EmbedCatalogResponse> EmbedCatalog(const v1::EmbedCatalogRequest& request);
  absl::StatusOr<v1::EmbedTextsResponse> EmbedTexts(const v1::EmbedTextsRequest& request) const;
  absl::StatusOr<v1::FindSimilarResponse> FindSimilar(const v1::FindSimilarRequest& request);

 private:
  struct Bundle {
    std::string version;
    std::string embedding_version;  // of the bundle that trained the embedding
    std::shared_ptr<const TextEncoder> encoder;
  };

  absl::Status LoadBundle(const v1::BundleManifest& manifest, const std::string& folder);
  // FAILED_PRECONDITION when no bundle was trained yet.
  absl::StatusOr<Bundle> Current() const;
  // The index of this bundle, read from the store when there is none yet or the
  // catalogue was embedded since.
  absl::StatusOr<std::shared_ptr<const SimilarityIndex>> IndexOf(const Bundle& bundle);
  absl::StatusOr<v1::Job> QueueJob(v1::JobKind kind, const google::protobuf::Message& spec);
  absl::Status RunJob(const v1::Job& job, JobContext& context);
  absl::Status RunTraining(const v1::Job& job, JobContext& context);
  absl::Status RunEmbedding(JobContext& context);

  ProductStore& store_;
  const BundleFolder bundles_;
  mutable absl::Mutex mutex_;
  Bundle current_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const SimilarityIndex> index_ ABSL_GUARDED_BY(mutex_);
  // Held while the index is read, so that it is read once.
  absl::Mutex load_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  BundleFollower follower_;
  JobWorker worker_;
};

}  // namespace mannequin
