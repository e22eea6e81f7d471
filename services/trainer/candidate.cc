#include "services/trainer/candidate.h"

#include <filesystem>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/nn/gan.h"
#include "google/protobuf/text_format.h"
#include "services/trainer/evaluate.h"
#include "services/trainer/lineage.h"
#include "services/trainer/measure_bundle.h"
#include "services/trainer/model_card.h"
#include "services/trainer/training_job.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

constexpr char kMeasuredNetworks[] = "/measured";
constexpr char kJudgeWeights[] = "/judge.safetensors", kJudgeInfo[] = "/judge.textproto",
               kJudgeCheckpoint[] = "/judge.checkpoint";
constexpr std::uint64_t kHeldOutBank = 2;  // stream of the job's seed

absl::Status MakeEmpty(const std::string& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  fs::create_directories(folder, error);
  return error ? absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", folder)) : absl::OkStatus();
}

}  // namespace

v1::BundleManifest Candidate::ManifestAt(std::int64_t step) const {
  v1::BundleManifest manifest;
  manifest.add_parents(plan_.parent().version());
  *manifest.mutable_embedding() = plan_.parent().embedding();
  v1::GanInfo& gan = *manifest.mutable_gan();
  gan.set_preset(options_.shape.preset);
  gan.set_resolution(options_.shape.resolution);
  gan.set_features(options_.shape.features);
  gan.set_noise_dimension(options_.shape.noise);
  for (const std::string& category : pack_.categories) gan.add_categories(category);
  gan.set_steps(step);
  gan.set_images(step * plan_.request().batch());
  gan.set_loss(options_.loss);
  return manifest;
}

absl::Status Candidate::MakeMeter() {
  if (meter_) return absl::OkStatus();
  ASSIGN_OR_RETURN(meter_, QualityMeter::Create(pack_, {plan_.request().seed(), options_.device, 0}, stopping_));
  return absl::OkStatus();
}

absl::StatusOr<v1::Quality> Candidate::Measure(const GanTraining& training, std::int64_t step) {
  RETURN_IF_ERROR(MakeMeter());
  const std::string networks = plan_.folder() + kMeasuredNetworks;
  const auto remove = absl::MakeCleanup([&] {
    std::error_code ignored;
    fs::remove_all(networks, ignored);
  });
  RETURN_IF_ERROR(MakeEmpty(networks));
  RETURN_IF_ERROR(training.SaveNetworks(networks));
  ASSIGN_OR_RETURN(const LoadedGan loaded, LoadGan(ManifestAt(step), networks, options_.device));
  ASSIGN_OR_RETURN(v1::Quality quality, meter_->Measure(DrawWith(loaded), JudgeWith(loaded)));
  spdlog::info("step {}: Fréchet distance {:.2f}, recall {:.2f}, category told {:.2f}", step,
               quality.frechet_distance(), quality.recall(), quality.category_agreement());
  return quality;
}

absl::StatusOr<const Pack*> Candidate::JudgePack() {
  if (!judge_pack_) {
    ASSIGN_OR_RETURN(judge_pack_, Pack::Open(plan_.folder() + kJudgePackFolder));
  }
  return judge_pack_.get();
}

absl::Status Candidate::TrainJudge(const std::function<bool(const JudgeProgress&)>& progress) {
  const std::string weights = plan_.folder() + kJudgeWeights, info_path = plan_.folder() + kJudgeInfo;
  if (plan_.request().judge_steps() < 0 || fs::exists(info_path)) return absl::OkStatus();
  const JudgeTrainingOptions options = {plan_.request().seed(), options_.device, plan_.request().judge_steps(),
                                        plan_.folder() + kJudgeCheckpoint};
  ASSIGN_OR_RETURN(const Pack* pack, JudgePack());
  ASSIGN_OR_RETURN(const v1::JudgeInfo info, mannequin::TrainJudge(*pack, options, weights, progress));
  std::string text;
  google::protobuf::TextFormat::PrintToString(info, &text);
  RETURN_IF_ERROR(WriteFileAtomically(info_path, text));  // after the weights: it says that they are whole
  std::error_code ignored;
  fs::remove(plan_.folder() + kJudgeCheckpoint, ignored);
  return absl::OkStatus();
}

absl::Status Candidate::AddJudge(const std::string& bundle, v1::GanInfo* gan) const {
  const std::string info_path = plan_.folder() + kJudgeInfo;
  if (!fs::exists(info_path)) return absl::OkStatus();
  RETURN_IF_ERROR(ReadTextConfig(info_path, gan->mutable_judge()));
  return CopyFile(plan_.folder() + kJudgeWeights, bundle + kJudgeWeights);
}

absl::StatusOr<v1::Quality> Candidate::Stage(const GanTraining& training, std::int64_t step, double seconds) {
  const v1::CreateTrainingRequest& request = plan_.request();
  const std::string bundle = plan_.folder() + kStagedBundle;
  RETURN_IF_ERROR(MakeEmpty(bundle));
  RETURN_IF_ERROR(training.SaveNetworks(bundle));
  for (const char* file : {"tokenizer.model", "doc2vec.safetensors"}) {
    RETURN_IF_ERROR(CopyFile(absl::StrCat(plan_.parent_folder(), "/", file), absl::StrCat(bundle, "/", file)));
  }
  v1::BundleManifest manifest = ManifestAt(step);
  v1::GanInfo& gan = *manifest.mutable_gan();
  RETURN_IF_ERROR(AddJudge(bundle, &gan));
  // Judged by what was written, through the code that serves it.
  ASSIGN_OR_RETURN(const LoadedGan loaded, LoadGan(manifest, bundle, options_.device));
  const Pack* judged = &pack_;
  if (gan.has_judge()) {
    ASSIGN_OR_RETURN(judged, JudgePack());
  }
  ASSIGN_OR_RETURN(const OverlayBank bank, RenderOverlayBank(kOverlayPatches, loaded.judged_side(),
                                                             request.seed() + kHeldOutBank, VariedOverlay));
  ASSIGN_OR_RETURN(const Evaluation evaluation, Evaluate(loaded, *judged, bank, request.seed()));
  for (const v1::Calibration& calibration : evaluation.calibrations) {
    *gan.add_calibrations() = calibration;
    spdlog::info("{}: AUC {:.3f}, calibration error {:.3f}", calibration.reason(), calibration.auc(),
                 calibration.expected_calibration_error());
  }
  gan.set_confidence_floor(evaluation.confidence_floor);
  RETURN_IF_ERROR(MakeMeter());
  RETURN_IF_ERROR(
      MeasureCandidate(*meter_, loaded, BundleFolder(plan_.bundles()), plan_.parent(), options_.device, &manifest));
  RETURN_IF_ERROR(AddLineage(bundle, seconds, manifest.mutable_lineage()));
  RETURN_IF_ERROR(WriteFileAtomically(bundle + "/MODEL_CARD.md", ModelCard(manifest, pack_, evaluation, request)));
  std::string text;
  google::protobuf::TextFormat::PrintToString(manifest, &text);
  RETURN_IF_ERROR(WriteFileAtomically(plan_.folder() + kStagedManifest, text));
  return gan.quality();
}

absl::Status Candidate::AddLineage(const std::string& bundle, double seconds, v1::Lineage* lineage) const {
  lineage->set_seed(plan_.request().seed());
  lineage->set_job_id(plan_.job_id());
  lineage->set_program(absl::StrCat("mannequin ", MANNEQUIN_VERSION));
  lineage->set_request(plan_.request().Utf8DebugString());
  lineage->set_seconds(seconds);
  lineage->set_device(absl::StrJoin(plan_.devices(), ", "));
  return WriteLineage(pack_, bundle, lineage);
}

}  // namespace mannequin
