#include "services/embedder/embedder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/text/normalizer.h"
#include "services/embedder/catalog_embedder.h"
#include "services/embedder/embedding_trainer.h"
#include "services/embedder/similar_finder.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr int kMaxTexts = 1'000;

absl::Status CheckTextSize(absl::string_view field, const std::string& text) {
  if (text.size() <= kMaxTextBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", text.size(), " bytes are over the bound of ", kMaxTextBytes));
}

v1::TextVector ToProto(absl::StatusOr<EncodedText> encoded) {
  v1::TextVector vector;
  if (!encoded.ok()) {
    vector.set_refused_reason(std::string(encoded.status().message()));
    return vector;
  }
  vector.mutable_values()->Add(encoded->values.begin(), encoded->values.end());
  vector.set_coverage(encoded->coverage);
  for (std::string& piece : encoded->pieces) vector.add_pieces(std::move(piece));
  return vector;
}

VectorSpace SpaceOf(const EmbeddingBundle& bundle) { return {bundle.embedding_version, bundle.encoder->dimension()}; }

}  // namespace

Embedder::Embedder(ProductStore& store, BundleFolder bundles, IndexFollowerOptions index)
    : store_(store),
      bundles_(std::move(bundles)),
      follower_(bundles_, [this](const v1::BundleManifest& manifest,
                                 const std::string& folder) { return LoadBundle(manifest, folder); }),
      index_(store, std::move(index),
             [this]() -> absl::StatusOr<VectorSpace> {
               ASSIGN_OR_RETURN(const EmbeddingBundle bundle, Current());
               return SpaceOf(bundle);
             }),
      worker_(store, "embedder", {v1::JOB_KIND_TRAIN_EMBEDDING, v1::JOB_KIND_EMBED_CATALOG},
              [this](const v1::Job& job, JobContext& context) { return RunJob(job, context); }) {}

Embedder::~Embedder() { Stop(); }

void Embedder::Start() {
  follower_.Start();
  index_.Start();
  worker_.Start();
}

void Embedder::Stop() {
  index_.Stop();  // first, for a job that ends with a pass of it
  worker_.Stop();
  follower_.Stop();
}

absl::Status Embedder::LoadBundle(const v1::BundleManifest& manifest, const std::string& folder) {
  if (!manifest.has_embedding()) {
    return absl::FailedPreconditionError(absl::StrCat("bundle ", manifest.version(), " has no embedding"));
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const TextEncoder> encoder, TextEncoder::Load(folder));
  // A trained generator's bundle copies its parent's embedding: vectors stay good.
  std::string trained_by = manifest.version();
  for (v1::BundleManifest bundle = manifest; bundle.has_gan() && bundle.parents_size() > 0;) {
    absl::StatusOr<v1::BundleManifest> parent = bundles_.Open(bundle.parents(0));
    if (!parent.ok()) break;  // pruned: the vectors have to be made again
    bundle = *std::move(parent);
    trained_by = bundle.version();
  }
  absl::MutexLock lock(&mutex_);
  current_ = {manifest.version(), std::move(trained_by), std::move(encoder)};
  return absl::OkStatus();
}

absl::StatusOr<EmbeddingBundle> Embedder::Current() const {
  absl::MutexLock lock(&mutex_);
  if (current_.encoder == nullptr) {
    return absl::FailedPreconditionError("no embedding is trained yet: run mannequin embed train");
  }
  return current_;
}

absl::StatusOr<std::shared_ptr<const SimilarityIndex>> Embedder::IndexOf(const EmbeddingBundle& bundle) {
  ASSIGN_OR_RETURN(std::shared_ptr<const SimilarityIndex> index, index_.Of(SpaceOf(bundle)));
  if (index->size() > 0) return index;
  return absl::FailedPreconditionError(
      absl::StrCat("the catalogue is not embedded with bundle ", bundle.version, " yet: run mannequin embed catalog"));
}

absl::StatusOr<v1::Job> Embedder::QueueJob(v1::JobKind kind, const google::protobuf::Message& spec) {
  v1::CreateJobRequest request;
  request.set_kind(kind);
  request.mutable_spec()->PackFrom(spec);
  ASSIGN_OR_RETURN(v1::CreateJobResponse created, store_.CreateJob(request));
  worker_.Wake();
  return std::move(*created.mutable_job());
}

absl::StatusOr<v1::TrainEmbeddingResponse> Embedder::TrainEmbedding(const v1::TrainEmbeddingRequest& request) {
  RETURN_IF_ERROR(TrainingOptions(request).status());
  v1::TrainEmbeddingResponse response;
  ASSIGN_OR_RETURN(*response.mutable_job(), QueueJob(v1::JOB_KIND_TRAIN_EMBEDDING, request));
  return response;
}

absl::StatusOr<v1::EmbedCatalogResponse> Embedder::EmbedCatalog(const v1::EmbedCatalogRequest& request) {
  v1::EmbedCatalogResponse response;
  ASSIGN_OR_RETURN(*response.mutable_job(), QueueJob(v1::JOB_KIND_EMBED_CATALOG, request));
  return response;
}

absl::StatusOr<v1::EmbedTextsResponse> Embedder::EmbedTexts(const v1::EmbedTextsRequest& request) const {
  if (request.texts_size() < 1 || request.texts_size() > kMaxTexts) {
    return absl::InvalidArgumentError(absl::StrCat("texts: ", request.texts_size(), " are not 1 to ", kMaxTexts));
  }
  for (int i = 0; i < request.texts_size(); ++i) {
    RETURN_IF_ERROR(CheckTextSize(absl::StrCat("texts[", i, "]"), request.texts(i)));
  }
  ASSIGN_OR_RETURN(const EmbeddingBundle bundle, Current());
  v1::EmbedTextsResponse response;
  response.set_bundle_version(bundle.version);
  for (const std::string& text : request.texts()) *response.add_vectors() = ToProto(bundle.encoder->Encode(text));
  return response;
}

absl::StatusOr<v1::FindSimilarResponse> Embedder::FindSimilar(const v1::FindSimilarRequest& request) {
  RETURN_IF_ERROR(CheckFindSimilar(request));
  ASSIGN_OR_RETURN(const EmbeddingBundle bundle, Current());
  ASSIGN_OR_RETURN(const std::shared_ptr<const SimilarityIndex> index, IndexOf(bundle));
  return SimilarFinder(store_, bundle, *index).Find(request);
}

absl::StatusOr<v1::BatchFindSimilarResponse> Embedder::BatchFindSimilar(const v1::BatchFindSimilarRequest& request) {
  RETURN_IF_ERROR(CheckBatchFindSimilar(request));
  ASSIGN_OR_RETURN(const EmbeddingBundle bundle, Current());
  ASSIGN_OR_RETURN(const std::shared_ptr<const SimilarityIndex> index, IndexOf(bundle));
  return SimilarFinder(store_, bundle, *index).FindMany(request);
}

absl::Status Embedder::RunJob(const v1::Job& job, JobContext& context) {
  return job.kind() == v1::JOB_KIND_TRAIN_EMBEDDING ? RunTraining(job, context) : RunEmbedding(context);
}

absl::Status Embedder::RunTraining(const v1::Job& job, JobContext& context) {
  v1::TrainEmbeddingRequest request;
  if (!job.spec().UnpackTo(&request)) return absl::InvalidArgumentError("spec: not a TrainEmbeddingRequest");
  ASSIGN_OR_RETURN(const v1::TrainEmbeddingProgress last,
                   mannequin::TrainEmbedding(
                       store_, bundles_, request, [&](const v1::TrainEmbeddingProgress& progress, double done) {
                         context.Report(progress, done);
                         return context.stopping() ? absl::CancelledError("asked to stop") : absl::OkStatus();
                       }));
  context.Report(last, 1);
  return follower_.Check();
}

absl::Status Embedder::RunEmbedding(JobContext& context) {
  RETURN_IF_ERROR(follower_.Check());
  ASSIGN_OR_RETURN(const EmbeddingBundle bundle, Current());
  ASSIGN_OR_RETURN(const v1::EmbedCatalogProgress last,
                   mannequin::EmbedCatalog(store_, *bundle.encoder, bundle.embedding_version,
                                           [&](const v1::EmbedCatalogProgress& progress, double done) {
                                             context.Report(progress, done);
                                             return context.stopping() ? absl::CancelledError("asked to stop")
                                                                       : absl::OkStatus();
                                           }));
  context.Report(last, 1);
  // Whoever sees the job's end finds what it embedded. When that fails the job is done all the
  // same: the follower goes on trying.
  if (const absl::Status refreshed = index_.Refresh(SpaceOf(bundle)); !refreshed.ok()) {
    spdlog::warn("the index does not have what was embedded yet: {}", refreshed.ToString());
  }
  return absl::OkStatus();
}

}  // namespace mannequin
