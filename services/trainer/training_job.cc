#include "services/trainer/training_job.h"

#include <algorithm>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/check_range.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/nn/shape.h"
#include "common/store/job_state.h"
#include "common/text/text_encoder.h"
#include "google/protobuf/text_format.h"
#include "services/trainer/measure_bundle.h"
#include "services/trainer/metrics.h"
#include "services/trainer/pack.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxProcesses = 64;
constexpr std::size_t kMaxLicenseBytes = 1'024;
constexpr double kPackingEnds = 0.05;  // of the job

class Run {
 public:
  Run(ProductStore& store, const TrainingEnvironment& environment, const v1::Job& job,
      const v1::CreateTrainingRequest& request, const std::vector<std::string>& devices, JobContext& context)
      : store_(store),
        environment_(environment),
        context_(context),
        bundles_(environment.bundles),
        folder_(JobFolder(environment.work, job.id())),
        metrics_(job.id()) {
    plan_.set_job_id(job.id());
    *plan_.mutable_request() = request;
    plan_.set_folder(folder_);
    plan_.set_bundles(fs::absolute(environment.bundles).string());
    if (!request.resume_job_id().empty()) plan_.set_resume_folder(JobFolder(environment.work, request.resume_job_id()));
    plan_.mutable_devices()->Assign(devices.begin(), devices.end());
    plan_.set_threads(environment.threads);
  }

  absl::Status All() {
    progress_.set_steps(plan_.request().steps());
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", folder_));
    RemoveOldPacks();
    bool ended = true;
    const auto drop_pack = absl::MakeCleanup([&] {
      if (!ended) return;
      const absl::Status removed = RemovePack(folder_ + kPackFolder);
      if (!removed.ok()) spdlog::warn("{}: {}", plan_.job_id(), removed.ToString());
    });
    const absl::Status status = Work();
    // Stopped without being cancelled, it will go on.
    ended = !context_.stopping() || context_.cancelled();
    return status;
  }

 private:
  absl::Status Work() {
    RETURN_IF_ERROR(Prepare());
    std::string text;
    google::protobuf::TextFormat::PrintToString(plan_, &text);
    const std::string path = folder_ + kPlanFile;
    RETURN_IF_ERROR(WriteFileAtomically(path, text));
    RETURN_IF_ERROR(Supervise(
        path, plan_, environment_.supervisor, [this] { return context_.stopping(); },
        [this](const v1::TrainingProgress& progress, double done) {
          progress_ = progress;
          metrics_.Set(progress);
          context_.Report(progress_, done);
        }));
    return Publish();
  }

  // Of jobs that ended while no trainer had them. What cannot be removed now is next time.
  void RemoveOldPacks() {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(environment_.work, error)) {
      const std::string id = entry.path().filename().string(), pack = entry.path().string() + kPackFolder;
      if (!absl::StartsWith(id, "job-") || !fs::exists(pack)) continue;
      v1::GetJobRequest request;
      request.set_id(id);
      const absl::StatusOr<v1::GetJobResponse> found = store_.GetJob(request);
      if (!found.ok() || !HasEnded(found->job().state())) continue;
      const absl::Status removed = RemovePack(pack);
      if (!removed.ok()) spdlog::warn("{}: {}", plan_.job_id(), removed.ToString());
    }
  }

  // The pack that an interrupted run of this job left, or a new one.
  absl::Status Prepare() {
    v1::TrainingPlan before;
    absl::StatusOr<std::unique_ptr<Pack>> pack = Pack::Open(folder_ + kPackFolder);
    if (pack.ok() && plan_.request().judge_steps() >= 0) pack = Pack::Open(folder_ + kJudgePackFolder);
    if (pack.ok() && ReadTextConfig(folder_ + kPlanFile, &before).ok() &&
        fs::exists(before.parent_folder() + "/manifest.textproto")) {
      *plan_.mutable_parent() = before.parent();
      plan_.set_parent_folder(before.parent_folder());
      spdlog::info("{}: goes on with the pack that it had", plan_.job_id());
      return absl::OkStatus();
    }
    if (absl::IsDataLoss(pack.status())) spdlog::warn("{}: {}", plan_.job_id(), pack.status().ToString());
    ASSIGN_OR_RETURN(const std::string version, bundles_.CurrentVersion());
    if (version.empty()) {
      return absl::FailedPreconditionError(
          "there is no text embedding yet: train the embedding first (`mannequin embed train`)");
    }
    ASSIGN_OR_RETURN(*plan_.mutable_parent(), bundles_.Open(version));
    if (!plan_.parent().has_embedding()) {
      return absl::FailedPreconditionError(
          absl::StrCat("bundle ", version, " has no text embedding: train the embedding first"));
    }
    plan_.set_parent_folder(bundles_.FolderOf(version));
    return PackProducts();
  }

  absl::Status PackProducts() {
    Say("packing", 0);
    const absl::Time begin = absl::Now();
    const v1::CreateTrainingRequest& request = plan_.request();
    ASSIGN_OR_RETURN(const std::unique_ptr<TextEncoder> encoder, TextEncoder::Load(plan_.parent_folder()));
    PackOptions options;
    options.folder = folder_ + kPackFolder;
    options.resolution = request.resolution();
    options.max_products = request.max_products();
    options.min_category_images = request.min_category_images();
    options.threads = environment_.threads;
    options.seed = request.seed();
    options.filter = request.filter();
    options.opt_out = environment_.opt_out;
    if (environment_.max_pack_bytes > 0) options.max_bytes = environment_.max_pack_bytes;
    ASSIGN_OR_RETURN(const std::unique_ptr<Pack> pack,
                     BuildPack(
                         store_, *encoder, options, [this] { return context_.stopping(); },
                         [this](double share) { context_.Report(progress_, kPackingEnds * share / 2); }));
    if (static_cast<std::int64_t>(pack->training.size()) < request.batch()) {
      return absl::FailedPreconditionError(absl::StrCat("only ", pack->training.size(),
                                                        " products can be trained on, a batch has ", request.batch(),
                                                        ": use a smaller batch or fetch more images"));
    }
    if (request.judge_steps() >= 0) {
      options.folder = folder_ + kJudgePackFolder;
      options.resolution = JudgeSide(request.resolution());
      options.as_stored = true;
      options.like = pack.get();
      RETURN_IF_ERROR(BuildPack(
                          store_, *encoder, options, [this] { return context_.stopping(); },
                          [this](double share) { context_.Report(progress_, kPackingEnds * (1 + share) / 2); })
                          .status());
    }
    progress_.set_products(static_cast<std::int64_t>(pack->training.size() + pack->held_out.size()));
    spdlog::info(
        "{}: packed {} products for training and {} held out, {} categories, in {:.1f} s ({} unreadable, {} "
        "without known text, {} in rare categories, {} opted out){}",
        plan_.job_id(), pack->training.size(), pack->held_out.size(), pack->categories.size(),
        absl::ToDoubleSeconds(absl::Now() - begin), pack->unreadable, pack->no_text, pack->rare, pack->opted_out,
        pack->jpeg() ? ", as JPEG" : "");
    return absl::OkStatus();
  }

  void Say(const std::string& phase, double done) {
    progress_.set_phase(phase);
    context_.Report(progress_, done);
  }

  absl::Status Publish() {
    v1::BundleManifest manifest;
    RETURN_IF_ERROR(ReadTextConfig(folder_ + kStagedManifest, &manifest));
    ASSIGN_OR_RETURN(const std::string staging, bundles_.Stage());
    std::error_code error;
    fs::copy(folder_ + kStagedBundle, staging, fs::copy_options::recursive | fs::copy_options::overwrite_existing,
             error);
    if (error) {
      std::error_code ignored;
      fs::remove_all(staging, ignored);
      return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot copy the bundle to ", staging));
    }
    ASSIGN_OR_RETURN(const v1::BundleManifest published, bundles_.Publish(staging, manifest));
    if (plan_.request().promote()) RETURN_IF_ERROR(Promote(published));
    for (const char* staged : {kStagedBundle, kStagedManifest}) fs::remove_all(folder_ + staged, error);
    progress_.set_bundle_version(published.version());
    progress_.set_seconds_left(0);
    Say("done", 1);
    spdlog::info("{}: published {}{}", plan_.job_id(), published.version(),
                 plan_.request().promote() && progress_.not_promoted_reason().empty() ? ", now current" : "");
    return absl::OkStatus();
  }

  // Unless the gate refuses it: then the progress says why.
  absl::Status Promote(const v1::BundleManifest& published) {
    ASSIGN_OR_RETURN(const GateResult gate, CompareWithCurrent(bundles_, published));
    const absl::Status passed = CheckGate(gate, false);
    if (passed.ok()) return bundles_.Promote(published.version()).status();
    progress_.set_not_promoted_reason(std::string(passed.message()));
    spdlog::warn("{}: not promoted: {}", plan_.job_id(), progress_.not_promoted_reason());
    return absl::OkStatus();
  }

  ProductStore& store_;
  const TrainingEnvironment& environment_;
  JobContext& context_;
  const BundleFolder bundles_;
  const std::string folder_;
  TrainingMetrics metrics_;
  v1::TrainingPlan plan_;
  v1::TrainingProgress progress_;
};

}  // namespace

absl::StatusOr<v1::CreateTrainingRequest> CompleteRequest(v1::CreateTrainingRequest request) {
  if (request.preset().empty()) request.set_preset("mannequin");
  if (request.resolution() == 0) request.set_resolution(128);
  if (request.features() == 0) request.set_features(64);
  if (request.batch() == 0) request.set_batch(64);
  if (request.steps() == 0) request.set_steps(10'000);
  if (request.learning_rate() == 0) request.set_learning_rate(2e-4);
  if (request.min_category_images() == 0) request.set_min_category_images(8);
  if (request.checkpoint_steps() == 0) request.set_checkpoint_steps(1'000);
  if (request.data_license().size() > kMaxLicenseBytes) {
    return absl::InvalidArgumentError(absl::StrCat("data_license: ", request.data_license().size(),
                                                   " bytes are more than ", kMaxLicenseBytes,
                                                   "; name the licence or give its address"));
  }
  const GanShape shape{request.preset(), request.resolution(), request.features(), kNoiseDimension, 1, 2};
  RETURN_IF_ERROR(CheckShape(shape));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("batch", request.batch(), 2, 1024));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("steps", request.steps(), 1, 10'000'000));
  RETURN_IF_ERROR(CheckRange<double>("max_seconds", request.max_seconds(), 0, 1e9));
  RETURN_IF_ERROR(CheckRange<double>("learning_rate", request.learning_rate(), 1e-8, 1));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("max_products", request.max_products(), 0, 1'000'000'000'000));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("min_category_images", request.min_category_images(), 1, 1'000'000));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("checkpoint_steps", request.checkpoint_steps(), 1, 10'000'000));
  if (request.keep_checkpoints() == 0) request.set_keep_checkpoints(2);
  RETURN_IF_ERROR(CheckRange<std::int64_t>("keep_checkpoints", request.keep_checkpoints(), 1, 100));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("half_size_steps", request.half_size_steps(), -1, 10'000'000));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("judge_steps", request.judge_steps(), -1, 10'000'000));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("evaluation_steps", request.evaluation_steps(), 0, 10'000'000));
  RETURN_IF_ERROR(
      CheckRange<std::int64_t>("devices", request.devices_size(), 0, std::min(kMaxProcesses, request.batch() / 2)));
  if (request.devices_size() > 1 && request.batch() % request.devices_size() != 0) {
    return absl::InvalidArgumentError(absl::StrCat("batch: ", request.batch(), " cannot be shared by ",
                                                   request.devices_size(), " devices; take a multiple"));
  }
  if (!v1::DivergencePolicy_IsValid(request.divergence_policy())) {
    return absl::InvalidArgumentError(
        absl::StrCat("divergence_policy: ", request.divergence_policy(), " is not WARN, ROLL_BACK or STOP"));
  }
  if (!v1::LearningRateSchedule_IsValid(request.learning_rate_schedule())) {
    return absl::InvalidArgumentError(
        absl::StrCat("learning_rate_schedule: ", request.learning_rate_schedule(), " is not CONSTANT or COSINE"));
  }
  if (!v1::GanLoss_IsValid(request.loss())) {
    return absl::InvalidArgumentError(absl::StrCat("loss: ", request.loss(), " is not RELATIVISTIC, LSGAN or BCE"));
  }
  const bool relativistic = request.preset() == "mannequin";
  if (request.loss() != v1::GAN_LOSS_UNSPECIFIED && (request.loss() == v1::GAN_LOSS_RELATIVISTIC) != relativistic) {
    return absl::InvalidArgumentError(absl::StrCat("loss: preset \"", request.preset(), "\" takes ",
                                                   relativistic ? "RELATIVISTIC" : "LSGAN or BCE", ", not ",
                                                   v1::GanLoss_Name(request.loss())));
  }
  return request;
}

std::string LossName(const v1::CreateTrainingRequest& request) {
  if (request.preset() == "mannequin") return "relativistic";
  return request.loss() == v1::GAN_LOSS_BCE ? "bce" : "lsgan";
}

std::string JobFolder(const std::string& work, const std::string& job_id) { return absl::StrCat(work, "/", job_id); }

absl::Status RunTraining(ProductStore& store, const TrainingEnvironment& environment, const v1::Job& job,
                         const std::vector<std::string>& devices, JobContext& context) {
  v1::CreateTrainingRequest spec;
  if (!job.spec().UnpackTo(&spec)) {
    return absl::InvalidArgumentError(absl::StrCat(job.id(), ": its spec is not a CreateTrainingRequest"));
  }
  ASSIGN_OR_RETURN(const v1::CreateTrainingRequest request, CompleteRequest(spec));
  return Run(store, environment, job, request, devices, context).All();
}

}  // namespace mannequin
