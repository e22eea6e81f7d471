#include "services/embedder/embedding_trainer.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/text/normalizer.h"
#include "common/text/text_encoder.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

absl::Status SetInRange(absl::string_view field, int value, int low, int high, int* option) {
  if (value == 0) return absl::OkStatus();
  if (value < low || value > high) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": ", value, " is not ", low, " to ", high));
  }
  *option = value;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ReadTexts(ProductStore& store, const TrainingReport& report) {
  std::vector<std::string> texts;
  RETURN_IF_ERROR(store.ScanProducts({}, [&](const v1::StoredProduct& stored) {
    texts.push_back(ProductText(stored.product()));
    return texts.size() % 4096 == 0 ? report({}, 0) : absl::OkStatus();
  }));
  if (texts.empty()) {
    return absl::FailedPreconditionError("the store has no products to train on: run mannequin ingest first");
  }
  return texts;
}

v1::BundleManifest Describe(const TextModel& model) {
  v1::BundleManifest manifest;
  v1::EmbeddingInfo& info = *manifest.mutable_embedding();
  info.set_dimension(model.options().doc2vec.dimension);
  info.set_vocabulary_size(model.tokenizer().vocabulary_size());
  info.set_mode(model.options().doc2vec.mode == Doc2VecMode::kPvDm ? "pv-dm" : "pv-dbow");
  info.set_products(model.trained_texts());
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

}  // namespace

absl::StatusOr<TextModelOptions> TrainingOptions(const v1::TrainEmbeddingRequest& request) {
  if (!v1::Doc2VecMode_IsValid(request.mode())) {
    return absl::InvalidArgumentError(absl::StrCat("mode: ", request.mode(), " is unknown"));
  }
  TextModelOptions options;
  options.doc2vec.mode = request.mode() == v1::DOC2VEC_MODE_PV_DM ? Doc2VecMode::kPvDm : Doc2VecMode::kPvDbow;
  options.doc2vec.seed = request.seed();
  RETURN_IF_ERROR(SetInRange("vocabulary_size", request.vocabulary_size(), 100, 64'000, &options.vocabulary_size));
  RETURN_IF_ERROR(SetInRange("dimension", request.dimension(), 8, 1'024, &options.doc2vec.dimension));
  RETURN_IF_ERROR(SetInRange("epochs", request.epochs(), 1, 1'000, &options.doc2vec.epochs));
  RETURN_IF_ERROR(SetInRange("window", request.window(), 1, 20, &options.doc2vec.window));
  RETURN_IF_ERROR(SetInRange("negative", request.negative(), 1, 50, &options.doc2vec.negative));
  return options;
}

absl::StatusOr<v1::TrainEmbeddingProgress> TrainEmbedding(ProductStore& store, const BundleFolder& bundles,
                                                          const v1::TrainEmbeddingRequest& request,
                                                          const TrainingReport& report) {
  ASSIGN_OR_RETURN(const TextModelOptions options, TrainingOptions(request));
  ASSIGN_OR_RETURN(const std::vector<std::string> texts, ReadTexts(store, report));
  v1::TrainEmbeddingProgress progress;
  progress.set_products(static_cast<std::int64_t>(texts.size()));
  absl::Time begin = absl::Now();
  std::int64_t words_before = 0;
  std::size_t at = 0;
  ASSIGN_OR_RETURN(
      const TextModel model,
      TextModel::Train([&]() -> const std::string* { return at < texts.size() ? &texts[at++] : nullptr; }, options,
                       [&](const Doc2VecProgress& trained) {
                         const absl::Time now = absl::Now();
                         // The first epoch's time holds the tokenizer's training too.
                         if (words_before > 0) {
                           progress.set_words_per_second(static_cast<double>(trained.words - words_before) /
                                                         std::max(1e-9, absl::ToDoubleSeconds(now - begin)));
                         }
                         begin = now;
                         words_before = trained.words;
                         progress.set_epoch(trained.epoch);
                         progress.set_epochs(trained.epochs);
                         progress.set_loss(trained.loss);
                         return report(progress, 0.99 * trained.epoch / trained.epochs);
                       }));
  progress.set_vocabulary_size(model.tokenizer().vocabulary_size());
  ASSIGN_OR_RETURN(*progress.mutable_bundle_version(), Publish(model, bundles));
  return progress;
}

}  // namespace mannequin
