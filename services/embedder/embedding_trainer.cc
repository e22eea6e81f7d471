#include "services/embedder/embedding_trainer.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/check_range.h"
#include "common/base/status_macros.h"
#include "common/text/normalizer.h"
#include "common/text/text_encoder.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

absl::Status SetInRange(absl::string_view field, int value, int low, int high, int* option) {
  if (value == 0) return absl::OkStatus();
  RETURN_IF_ERROR(CheckRange(field, value, low, high));
  *option = value;
  return absl::OkStatus();
}

v1::BundleManifest Describe(const TextModel& model) {
  v1::BundleManifest manifest;
  v1::EmbeddingInfo& info = *manifest.mutable_embedding();
  info.set_dimension(model.options().doc2vec.dimension);
  info.set_vocabulary_size(model.tokenizer().vocabulary_size());
  info.set_mode(ModeName(model.options().doc2vec.mode));
  info.set_vector(model.options().vector == VectorKind::kCombined ? "combined" : "doc2vec");
  info.set_products(model.trained_products());
  info.set_normalizer_version(kNormalizerVersion);
  return manifest;
}

absl::StatusOr<std::string> Publish(const TextModel& model, const BundleFolder& bundles) {
  ASSIGN_OR_RETURN(const std::string staging, bundles.Stage());
  auto remove = absl::MakeCleanup([&staging] {
    std::error_code ignored;
    std::filesystem::remove_all(staging, ignored);
  });
  RETURN_IF_ERROR(model.Save(staging));
  ASSIGN_OR_RETURN(const v1::BundleManifest manifest, bundles.Publish(staging, Describe(model)));
  std::move(remove).Cancel();
  ASSIGN_OR_RETURN(const std::string before, bundles.CurrentVersion());
  RETURN_IF_ERROR(bundles.Promote(manifest.version()).status());
  spdlog::info(
      "bundle {} is current, after \"{}\": embed the catalogue again; a generator and discriminator have to be "
      "trained on it",
      manifest.version(), before);
  return manifest.version();
}

// Share done: doc2vec is most of the work, or half of it before the labels are taught.
double ShareDone(const TextModelProgress& progress, VectorKind vector) {
  const double epochs = progress.epochs > 0 ? static_cast<double>(progress.epoch) / progress.epochs : 0;
  switch (progress.stage) {
    case TextModelProgress::Stage::kRead:
    case TextModelProgress::Stage::kTokenizer:
      return 0;
    case TextModelProgress::Stage::kDoc2Vec:
      return (vector == VectorKind::kCombined ? 0.6 : 0.99) * epochs;
    case TextModelProgress::Stage::kCombine:
      return 0.6 + 0.39 * epochs;
  }
  return 0;
}

v1::TrainEmbeddingProgress::Stage ToProto(TextModelProgress::Stage stage) {
  switch (stage) {
    case TextModelProgress::Stage::kRead:
      return v1::TrainEmbeddingProgress::STAGE_READ;
    case TextModelProgress::Stage::kTokenizer:
      return v1::TrainEmbeddingProgress::STAGE_TOKENIZER;
    case TextModelProgress::Stage::kDoc2Vec:
      return v1::TrainEmbeddingProgress::STAGE_DOC2VEC;
    case TextModelProgress::Stage::kCombine:
      return v1::TrainEmbeddingProgress::STAGE_COMBINE;
  }
  return v1::TrainEmbeddingProgress::STAGE_UNSPECIFIED;
}

// What the request says in words of its own, apart from the numbers.
absl::Status SetKinds(const v1::TrainEmbeddingRequest& request, TextModelOptions* options) {
  const auto check = [](absl::string_view field, bool valid, int value) {
    return valid ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrCat(field, ": ", value, " is unknown"));
  };
  RETURN_IF_ERROR(check("mode", v1::Doc2VecMode_IsValid(request.mode()), request.mode()));
  RETURN_IF_ERROR(check("objective", v1::Doc2VecObjective_IsValid(request.objective()), request.objective()));
  RETURN_IF_ERROR(check("tokenizer", v1::TokenizerKind_IsValid(request.tokenizer()), request.tokenizer()));
  RETURN_IF_ERROR(check("vector", v1::VectorKind_IsValid(request.vector()), request.vector()));
  options->doc2vec.mode = request.mode() == v1::DOC2VEC_MODE_PV_DM          ? Doc2VecMode::kPvDm
                          : request.mode() == v1::DOC2VEC_MODE_PV_DM_CONCAT ? Doc2VecMode::kPvDmConcat
                                                                            : Doc2VecMode::kPvDbow;
  options->doc2vec.hierarchical_softmax = request.objective() == v1::DOC2_VEC_OBJECTIVE_HIERARCHICAL_SOFTMAX;
  options->doc2vec.word_vectors = request.word_vectors();
  options->tokenizer.unigram = request.tokenizer() == v1::TOKENIZER_KIND_UNIGRAM;
  options->vector = request.vector() == v1::VECTOR_KIND_DOC2VEC ? VectorKind::kDoc2Vec : VectorKind::kCombined;
  return absl::OkStatus();
}

absl::Status SetRates(const v1::TrainEmbeddingRequest& request, Doc2VecOptions* options) {
  if (request.has_sample()) options->sample = request.sample();
  if (request.learning_rate() != 0) options->lr = static_cast<float>(request.learning_rate());
  options->min_lr = request.min_learning_rate() != 0 ? static_cast<float>(request.min_learning_rate())
                                                     : std::min(options->min_lr, options->lr);
  RETURN_IF_ERROR(CheckRange("sample", options->sample, 0.0, 1.0));
  RETURN_IF_ERROR(CheckRange("learning_rate", options->lr, 0.0f, 1.0f));
  if (options->lr == 0) {
    return absl::InvalidArgumentError(absl::StrCat("learning_rate: ", request.learning_rate(), " is too small"));
  }
  return CheckRange("min_learning_rate", options->min_lr, 0.0f, options->lr);
}

}  // namespace

absl::StatusOr<TextModelOptions> TrainingOptions(const v1::TrainEmbeddingRequest& request) {
  TextModelOptions options;
  RETURN_IF_ERROR(SetKinds(request, &options));
  options.doc2vec.seed = request.seed();
  RETURN_IF_ERROR(
      SetInRange("vocabulary_size", request.vocabulary_size(), 300, 64'000, &options.tokenizer.vocabulary_size));
  RETURN_IF_ERROR(SetInRange("dimension", request.dimension(), 8, 1'024, &options.doc2vec.dimension));
  RETURN_IF_ERROR(SetInRange("epochs", request.epochs(), 1, 1'000, &options.doc2vec.epochs));
  RETURN_IF_ERROR(SetInRange("window", request.window(), 1, 20, &options.doc2vec.window));
  RETURN_IF_ERROR(SetInRange("negative", request.negative(), 1, 50, &options.doc2vec.negative));
  RETURN_IF_ERROR(SetInRange("min_count", request.min_count(), 1, 1'000, &options.min_count));
  RETURN_IF_ERROR(SetRates(request, &options.doc2vec));
  return options;
}

absl::StatusOr<v1::TrainEmbeddingProgress> TrainEmbedding(ProductStore& store, const BundleFolder& bundles,
                                                          const v1::TrainEmbeddingRequest& request,
                                                          const TrainingReport& report) {
  ASSIGN_OR_RETURN(const TextModelOptions options, TrainingOptions(request));
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store.GetStatistics({}));
  if (statistics.products() == 0) {
    return absl::FailedPreconditionError("the store has no products to train on: run mannequin ingest first");
  }
  const ProductScan scan = [&store](const std::function<absl::Status(const v1::Product&)>& visit) {
    return store.ScanProducts({}, [&](const v1::StoredProduct& stored) { return visit(stored.product()); });
  };
  v1::TrainEmbeddingProgress progress;
  progress.set_products(statistics.products());
  absl::Time begin = absl::Now();
  std::int64_t words_before = 0;
  const auto told = [&](const TextModelProgress& trained) {
    const absl::Time now = absl::Now();
    // The first epoch's time holds the readings too.
    if (trained.stage == TextModelProgress::Stage::kDoc2Vec && words_before > 0) {
      progress.set_words_per_second(static_cast<double>(trained.words - words_before) /
                                    std::max(1e-9, absl::ToDoubleSeconds(now - begin)));
    }
    begin = now;
    words_before = trained.words;
    progress.set_stage(ToProto(trained.stage));
    progress.set_epoch(trained.epoch);
    progress.set_epochs(trained.epochs);
    progress.set_loss(trained.loss);
    return report(progress, ShareDone(trained, options.vector));
  };
  ASSIGN_OR_RETURN(const TextModel model, TextModel::Train(scan, options, told));
  progress.set_products(model.trained_products());
  progress.set_stage(v1::TrainEmbeddingProgress::STAGE_PUBLISH);
  progress.set_epoch(model.options().doc2vec.epochs);
  progress.set_epochs(model.options().doc2vec.epochs);
  progress.set_vocabulary_size(model.tokenizer().vocabulary_size());
  ASSIGN_OR_RETURN(*progress.mutable_bundle_version(), Publish(model, bundles));
  return progress;
}

}  // namespace mannequin
