#include "services/trainer/measure_bundle.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

// An empty manifest when there is none.
absl::StatusOr<v1::BundleManifest> Current(const BundleFolder& bundles) {
  ASSIGN_OR_RETURN(const std::string version, bundles.CurrentVersion());
  ASSIGN_OR_RETURN(const std::vector<v1::BundleManifest> manifests, bundles.List());
  for (const v1::BundleManifest& manifest : manifests) {
    if (manifest.version() == version) return manifest;
  }
  return v1::BundleManifest();
}

absl::StatusOr<v1::Quality> MeasureCurrent(const QualityMeter& meter, const v1::BundleManifest& current,
                                           const v1::BundleManifest& parent, const std::string& folder,
                                           const std::string& device) {
  if (EmbeddingDigest(current) != EmbeddingDigest(parent)) {
    return absl::FailedPreconditionError("its text embedding is another one");
  }
  ASSIGN_OR_RETURN(const LoadedGan gan, LoadGan(current, folder, device));
  return meter.Measure(DrawWith(gan), JudgeWith(gan), gan.resolution());
}

}  // namespace

std::string EmbeddingDigest(const v1::BundleManifest& manifest) {
  std::string digest;
  for (const v1::BundleFile& file : manifest.files()) {
    if (file.path() == "tokenizer.model" || file.path() == "doc2vec.safetensors") {
      absl::StrAppend(&digest, file.path(), " ", file.sha256(), "\n");
    }
  }
  return digest;
}

absl::Status MeasureCandidate(const QualityMeter& meter, const LoadedGan& gan, const BundleFolder& bundles,
                              const v1::BundleManifest& parent, const std::string& device,
                              v1::BundleManifest* candidate) {
  v1::GanInfo& info = *candidate->mutable_gan();
  ASSIGN_OR_RETURN(*info.mutable_quality(), meter.Measure(DrawWith(gan), JudgeWith(gan), gan.resolution()));
  ASSIGN_OR_RETURN(const v1::BundleManifest current, Current(bundles));
  if (!current.has_gan()) return absl::OkStatus();
  absl::StatusOr<v1::Quality> baseline =
      MeasureCurrent(meter, current, parent, bundles.FolderOf(current.version()), device);
  if (absl::IsCancelled(baseline.status())) return baseline.status();
  if (!baseline.ok()) {
    spdlog::warn("the current bundle {} is not measured beside the new one: {}", current.version(),
                 std::string(baseline.status().message()));
    return absl::OkStatus();
  }
  info.set_baseline_version(current.version());
  *info.mutable_baseline() = *std::move(baseline);
  return absl::OkStatus();
}

absl::StatusOr<GateResult> CompareWithCurrent(const BundleFolder& bundles, const v1::BundleManifest& candidate) {
  ASSIGN_OR_RETURN(const v1::BundleManifest current, Current(bundles));
  return CompareBundles(candidate, current);
}

}  // namespace mannequin
