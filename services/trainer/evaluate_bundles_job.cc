#include "services/trainer/evaluate_bundles_job.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/check_range.h"
#include "common/base/status_macros.h"
#include "common/nn/device.h"
#include "common/nn/gan.h"
#include "common/text/text_encoder.h"
#include "services/trainer/device_name.h"
#include "services/trainer/measure_bundle.h"
#include "services/trainer/pack.h"
#include "services/trainer/quality_meter.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

class BundleEvaluation {
 public:
  BundleEvaluation(ProductStore& store, const TrainingEnvironment& environment, const v1::Job& job,
                   const std::string& device, JobContext& context)
      : store_(store),
        environment_(environment),
        job_(job),
        device_(device),
        context_(context),
        bundles_(environment.bundles),
        folder_(absl::StrCat(environment.work, "/", job.id())),
        begin_(absl::Now()) {}

  absl::Status All(const v1::EvaluateBundlesRequest& spec) {
    ASSIGN_OR_RETURN(request_, CompleteEvaluation(bundles_, spec));
    if (!request_.device().empty()) device_ = request_.device();
    for (const std::string& version : request_.versions()) {
      ASSIGN_OR_RETURN(v1::BundleManifest manifest, bundles_.Open(version));
      resolution_ = std::max(resolution_, manifest.gan().resolution());
      manifests_.push_back(std::move(manifest));
    }
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", folder_));
    const auto remove_folder = absl::MakeCleanup([this] {
      std::error_code ignored;
      std::filesystem::remove_all(folder_, ignored);
    });
    Say("packing", 0);
    ASSIGN_OR_RETURN(const std::unique_ptr<Pack> pack, PackFor(manifests_.front(), 0));
    Say("learning features", 0.3);
    ASSIGN_OR_RETURN(
        const std::unique_ptr<QualityMeter> meter,
        QualityMeter::Create(*pack, {request_.seed(), device_, 0}, [this] { return context_.stopping(); }));
    Say("measuring", 0.5);
    for (std::size_t i = 0; i < manifests_.size(); ++i) {
      RETURN_IF_ERROR(Measure(*meter, manifests_[i]));
      Say("measuring", 0.5 + 0.5 * static_cast<double>(i + 1) / static_cast<double>(manifests_.size()));
    }
    Say("done", 1);
    return absl::OkStatus();
  }

 private:
  void Say(const std::string& phase, double done) {
    progress_.set_phase(phase);
    progress_.set_seconds(absl::ToDoubleSeconds(absl::Now() - begin_));
    context_.Report(progress_, done);
  }

  // The products with texts by a bundle's embedding.
  absl::StatusOr<std::unique_ptr<Pack>> PackFor(const v1::BundleManifest& manifest, int number) {
    ASSIGN_OR_RETURN(const auto encoder, TextEncoder::Load(bundles_.FolderOf(manifest.version())));
    PackOptions options;
    options.folder = absl::StrCat(folder_, "/pack-", number);
    options.filter = request_.filter();
    options.opt_out = environment_.opt_out;
    if (environment_.max_pack_bytes > 0) options.max_bytes = environment_.max_pack_bytes;
    options.resolution = resolution_;
    options.max_products = request_.max_products();
    options.threads = environment_.threads;
    options.seed = request_.seed();
    return BuildPack(
        store_, *encoder, options, [this] { return context_.stopping(); },
        [this](double) { context_.Report(progress_, 0); });
  }

  absl::Status Measure(const QualityMeter& meter, const v1::BundleManifest& manifest) {
    ASSIGN_OR_RETURN(const LoadedGan gan, LoadGan(manifest, bundles_.FolderOf(manifest.version()), device_));
    const std::vector<std::vector<float>>* texts = nullptr;
    if (EmbeddingDigest(manifest) != EmbeddingDigest(manifests_.front())) {
      ASSIGN_OR_RETURN(texts, TextsBy(meter, manifest));
    }
    v1::BundleQuality& measured = *progress_.add_bundles();
    measured.set_version(manifest.version());
    absl::StatusOr<v1::Quality> quality = meter.Measure(DrawWith(gan), JudgeWith(gan), gan.resolution(), texts);
    if (!quality.ok()) {
      return absl::Status(quality.status().code(),
                          absl::StrCat("bundle ", manifest.version(), ": ", quality.status().message()));
    }
    *measured.mutable_quality() = *std::move(quality);
    return absl::OkStatus();
  }

  // One for each of the meter's products, by the bundle's embedding.
  absl::StatusOr<const std::vector<std::vector<float>>*> TextsBy(const QualityMeter& meter,
                                                                 const v1::BundleManifest& manifest) {
    std::vector<std::vector<float>>& texts = texts_[EmbeddingDigest(manifest)];
    if (!texts.empty()) return &texts;
    // As the first pack has them: the same shuffles of the same products.
    ASSIGN_OR_RETURN(const std::unique_ptr<Pack> pack, PackFor(manifest, static_cast<int>(texts_.size())));
    std::map<std::string, std::int64_t> slots;
    for (const auto* part : {&pack->training, &pack->held_out}) {
      for (const PackedProduct& product : *part) slots[product.id] = product.slot;
    }
    std::int64_t unknown = 0;
    for (const PackedProduct& product : meter.products()) {
      texts.emplace_back(static_cast<std::size_t>(pack->text_dimension()));
      const auto found = slots.find(product.id);
      if (found == slots.end()) {
        ++unknown;
        continue;
      }
      const float* text = pack->text(found->second, 0);
      texts.back().assign(text, text + pack->text_dimension());
    }
    if (unknown > 0) {
      spdlog::warn("{}: the embedding of {} knows nothing of {} products' texts", job_.id(), manifest.version(),
                   unknown);
    }
    return &texts;
  }

  ProductStore& store_;
  const TrainingEnvironment& environment_;
  const v1::Job& job_;
  std::string device_;
  JobContext& context_;
  const BundleFolder bundles_;
  const std::string folder_;
  const absl::Time begin_;
  v1::EvaluateBundlesRequest request_;
  int resolution_ = 0;
  std::vector<v1::BundleManifest> manifests_;
  std::map<std::string, std::vector<std::vector<float>>> texts_;  // by EmbeddingDigest
  v1::EvaluateBundlesProgress progress_;
};

}  // namespace

absl::StatusOr<v1::EvaluateBundlesRequest> CompleteEvaluation(const BundleFolder& bundles,
                                                              v1::EvaluateBundlesRequest request) {
  RETURN_IF_ERROR(CheckRange<std::int64_t>("max_products", request.max_products(), 0, 1'000'000'000'000));
  if (!WorkerOf(request.device()).empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("device: \"", request.device(),
                     "\" is a worker's; bundles are measured on the trainer's own machine: "
                     "name a device of that, or none"));
  }
  if (!request.device().empty()) RETURN_IF_ERROR(CheckDevice(request.device()));
  if (request.versions_size() > kMaxEvaluated) {
    return absl::InvalidArgumentError(
        absl::StrCat("versions: ", request.versions_size(), " are more than ", kMaxEvaluated));
  }
  if (request.versions().empty()) {
    ASSIGN_OR_RETURN(const std::string current, bundles.CurrentVersion());
    if (current.empty()) {
      return absl::FailedPreconditionError("versions: empty, and no bundle is current; name those to measure");
    }
    request.add_versions(current);
  }
  ASSIGN_OR_RETURN(const std::vector<v1::BundleManifest> manifests, bundles.List());
  std::set<std::string> named;
  for (const std::string& version : request.versions()) {
    if (!named.insert(version).second) {
      return absl::InvalidArgumentError(absl::StrCat("versions: ", version, " is named twice"));
    }
    const auto found = std::find_if(manifests.begin(), manifests.end(),
                                    [&](const v1::BundleManifest& manifest) { return manifest.version() == version; });
    if (found == manifests.end()) return absl::NotFoundError(absl::StrCat("versions: there is no bundle ", version));
    if (!found->has_gan()) {
      return absl::FailedPreconditionError(
          absl::StrCat("versions: ", version, " has no generator to measure; `mannequin train start` makes one"));
    }
  }
  return request;
}

absl::Status RunEvaluation(ProductStore& store, const TrainingEnvironment& environment, const v1::Job& job,
                           const std::string& device, JobContext& context) {
  v1::EvaluateBundlesRequest spec;
  if (!job.spec().UnpackTo(&spec)) {
    return absl::InvalidArgumentError(absl::StrCat(job.id(), ": its spec is not an EvaluateBundlesRequest"));
  }
  SetCpuThreads(environment.threads);
  return BundleEvaluation(store, environment, job, device, context).All(spec);
}

}  // namespace mannequin
