#include "services/embedder/embedder.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/text/normalizer.h"
#include "services/embedder/catalog_embedder.h"
#include "services/embedder/embedding_trainer.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr int kMaxTexts = 1'000;
constexpr int kMaxSimilar = 1'000;
constexpr int kDefaultSimilar = 10;

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

}  // namespace

Embedder::Embedder(ProductStore& store, BundleFolder bundles)
    : store_(store),
      bundles_(std::move(bundles)),
      follower_(bundles_, [this](const v1::BundleManifest& manifest,
                                 const std::string& folder) { return LoadBundle(manifest, folder); }),
      worker_(store, "embedder", {v1::JOB_KIND_TRAIN_EMBEDDING, v1::JOB_KIND_EMBED_CATALOG},
              [this](const v1::Job& job, JobContext& context) { return RunJob(job, context); }) {}

Embedder::~Embedder() { Stop(); }

void Embedder::Start() {
  follower_.Start();
  worker_.Start();
}

void Embedder::Stop() {
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

absl::StatusOr<Embedder::Bundle> Embedder::Current() const {
  absl::MutexLock lock(&mutex_);
  if (current_.encoder == nullptr) {
    return absl::FailedPreconditionError("no embedding is trained yet: run mannequin embed train");
  }
  return current_;
}

absl::StatusOr<std::shared_ptr<const SimilarityIndex>> Embedder::IndexOf(const Bundle& bundle) {
  absl::MutexLock load_lock(&load_mutex_);
  {
    absl::MutexLock lock(&mutex_);
    if (index_ != nullptr && index_->bundle_version() == bundle.embedding_version && index_->size() > 0) return index_;
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const SimilarityIndex> index,
                   SimilarityIndex::Load(store_, bundle.embedding_version, bundle.encoder->dimension()));
  spdlog::info("index of {} products, bundle {}", index->size(), bundle.version);
  absl::MutexLock lock(&mutex_);
  index_ = index;
  return index;
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
  ASSIGN_OR_RETURN(const Bundle bundle, Current());
  v1::EmbedTextsResponse response;
  response.set_bundle_version(bundle.version);
  for (const std::string& text : request.texts()) *response.add_vectors() = ToProto(bundle.encoder->Encode(text));
  return response;
}

absl::StatusOr<v1::FindSimilarResponse> Embedder::FindSimilar(const v1::FindSimilarRequest& request) {
  if (request.query_case() == v1::FindSimilarRequest::QUERY_NOT_SET) {
    return absl::InvalidArgumentError("query: give text or product_id");
  }
  if (request.count() < 0 || request.count() > kMaxSimilar) {
    return absl::InvalidArgumentError(absl::StrCat("count: ", request.count(), " is not 1 to ", kMaxSimilar));
  }
  RETURN_IF_ERROR(CheckTextSize("text", request.text()));
  ASSIGN_OR_RETURN(const Bundle bundle, Current());
  std::string text = request.text();
  if (request.has_product_id()) {
    v1::GetProductRequest get;
    get.set_id(request.product_id());
    ASSIGN_OR_RETURN(const v1::GetProductResponse found, store_.GetProduct(get));
    text = ProductText(found.product().product());
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const SimilarityIndex> index, IndexOf(bundle));
  if (index->size() == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the catalogue is not embedded with bundle ", bundle.version, " yet: queue EmbedCatalog"));
  }
  ASSIGN_OR_RETURN(const EncodedText encoded, bundle.encoder->Encode(text));
  const int count = request.count() == 0 ? kDefaultSimilar : request.count();
  const std::vector<Neighbour> neighbours =
      index->Find(encoded.values, static_cast<std::size_t>(count), request.product_id());

  v1::BatchGetProductsRequest batch;
  for (const Neighbour& neighbour : neighbours) batch.add_ids(neighbour.product_id);
  v1::FindSimilarResponse response;
  if (neighbours.empty()) return response;
  ASSIGN_OR_RETURN(const v1::BatchGetProductsResponse products, store_.BatchGetProducts(batch));
  absl::flat_hash_map<std::string, const v1::Product*> by_id;
  for (const v1::StoredProduct& stored : products.products()) by_id[stored.product().id()] = &stored.product();
  for (const Neighbour& neighbour : neighbours) {
    const auto found = by_id.find(neighbour.product_id);
    if (found == by_id.end()) continue;  // gone since
    v1::SimilarProduct& similar = *response.add_products();
    similar.set_product_id(neighbour.product_id);
    similar.set_cosine(neighbour.cosine);
    similar.set_title(found->second->title());
    *similar.mutable_category_path() = found->second->category_path();
  }
  return response;
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
  ASSIGN_OR_RETURN(const Bundle bundle, Current());
  ASSIGN_OR_RETURN(const v1::EmbedCatalogProgress last,
                   mannequin::EmbedCatalog(store_, *bundle.encoder, bundle.embedding_version,
                                           [&](const v1::EmbedCatalogProgress& progress, double done) {
                                             context.Report(progress, done);
                                             return context.stopping() ? absl::CancelledError("asked to stop")
                                                                       : absl::OkStatus();
                                           }));
  context.Report(last, 1);
  absl::MutexLock load_lock(&load_mutex_);
  absl::MutexLock lock(&mutex_);
  index_ = nullptr;  // The next search reads it again.
  return absl::OkStatus();
}

}  // namespace mannequin
