#include "services/trainer/training_job.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/base/check_range.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/nn/device.h"
#include "common/nn/shape.h"
#include "common/text/text_encoder.h"
#include "services/trainer/batches.h"
#include "services/trainer/evaluate.h"
#include "services/trainer/gan_training.h"
#include "services/trainer/health.h"
#include "services/trainer/lineage.h"
#include "services/trainer/measure_bundle.h"
#include "services/trainer/model_card.h"
#include "services/trainer/pack.h"
#include "services/trainer/quality_meter.h"
#include "services/trainer/recipe.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

constexpr int kNoise = 100;
constexpr std::size_t kMaxLicenseBytes = 1'024;
constexpr int kOverlayPatches = 240;
constexpr std::size_t kSamples = 32;
constexpr int kSampleColumns = 8;
constexpr std::size_t kStandardised = 20'000;  // texts whose variance is measured, at most
constexpr int kLossSteps = 10;                 // between waits for the device to read losses
constexpr absl::Duration kSampleInterval = absl::Seconds(20);
// Streams of the job's seed.
constexpr std::uint64_t kTrainingBank = 1, kHeldOutBank = 2;

absl::Status Stopped() { return absl::CancelledError("the training was stopped; its last checkpoint is kept"); }

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  return error ? absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", path)) : absl::OkStatus();
}

absl::Status CopyFile(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  return error ? absl::ErrnoToStatus(error.value(), absl::StrCat("cannot copy ", from, " to ", to)) : absl::OkStatus();
}

class Run {
 public:
  Run(ProductStore& store, const TrainingEnvironment& environment, const v1::Job& job,
      const v1::CreateTrainingRequest& request, JobContext& context)
      : store_(store),
        environment_(environment),
        job_(job),
        request_(request),
        context_(context),
        bundles_(environment.bundles),
        folder_(absl::StrCat(environment.work, "/", job.id())) {}

  absl::Status All() {
    RETURN_IF_ERROR(OpenEmbedding());
    RETURN_IF_ERROR(MakeFolder(folder_));
    RETURN_IF_ERROR(PackProducts());
    RETURN_IF_ERROR(Train());
    return Publish();
  }

 private:
  absl::Status OpenEmbedding() {
    ASSIGN_OR_RETURN(const std::string version, bundles_.CurrentVersion());
    if (version.empty()) {
      return absl::FailedPreconditionError(
          "there is no text embedding yet: train the embedding first (`mannequin embed train`)");
    }
    ASSIGN_OR_RETURN(parent_, bundles_.Open(version));
    if (!parent_.has_embedding()) {
      return absl::FailedPreconditionError(
          absl::StrCat("bundle ", version, " has no text embedding: train the embedding first"));
    }
    ASSIGN_OR_RETURN(encoder_, TextEncoder::Load(bundles_.FolderOf(version)));
    return absl::OkStatus();
  }

  void Say(const std::string& phase, double done) {
    progress_.set_phase(phase);
    context_.Report(progress_, done);
  }

  absl::Status PackProducts() {
    progress_.set_steps(request_.steps());
    Say("packing", 0);
    const absl::Time begin = absl::Now();
    PackOptions options;
    options.path = absl::StrCat(folder_, "/pack.u8");
    options.resolution = request_.resolution();
    options.max_products = request_.max_products();
    options.min_category_images = request_.min_category_images();
    options.threads = environment_.threads;
    options.seed = request_.seed();
    ASSIGN_OR_RETURN(pack_, BuildPack(
                                store_, *encoder_, options, [this] { return context_.stopping(); },
                                [this](double share) { context_.Report(progress_, 0.05 * share); }));
    progress_.set_products(static_cast<std::int64_t>(pack_->training.size() + pack_->held_out.size()));
    spdlog::info(
        "{}: packed {} products for training and {} held out, {} categories, in {:.1f} s ({} unreadable, {} "
        "without known text, {} in rare categories)",
        job_.id(), pack_->training.size(), pack_->held_out.size(), pack_->categories.size(),
        absl::ToDoubleSeconds(absl::Now() - begin), pack_->unreadable, pack_->no_text, pack_->rare);
    ASSIGN_OR_RETURN(bank_, RenderOverlayBank(kOverlayPatches, request_.resolution(), request_.seed() + kTrainingBank));
    return absl::OkStatus();
  }

  GanTrainingOptions Options() const {
    GanTrainingOptions options;
    options.shape = {request_.preset(),     request_.resolution(),
                     request_.features(),   kNoise,
                     encoder_->dimension(), static_cast<int>(pack_->categories.size())};
    options.loss = request_.loss() == v1::GAN_LOSS_BCE     ? "bce"
                   : request_.loss() == v1::GAN_LOSS_LSGAN ? "lsgan"
                                                           : "";
    options.device = request_.devices().empty() ? environment_.device : request_.devices(0);
    options.learning_rate = request_.learning_rate();
    options.seed = request_.seed();
    return options;
  }

  // Its own checkpoint first: then this is the same job, leased again.
  absl::StatusOr<std::int64_t> Resume() {
    std::string path = CheckpointPath(environment_.work, job_.id());
    if (!fs::exists(path)) {
      if (request_.resume_job_id().empty()) return 0;
      path = CheckpointPath(environment_.work, request_.resume_job_id());
    }
    ASSIGN_OR_RETURN(const GanTraining::Resumed resumed, training_->LoadCheckpoint(path));
    const auto categories = resumed.facts.find("categories");
    if (categories == resumed.facts.end() || categories->second != absl::StrJoin(pack_->categories, "\n")) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": the catalogue's categories have changed since this checkpoint; start a new training"));
    }
    spdlog::info("{}: goes on at step {} from {}", job_.id(), resumed.next_step, path);
    return resumed.next_step;
  }

  absl::Status Checkpoint(std::int64_t next_step) const {
    return training_->SaveCheckpoint(CheckpointPath(environment_.work, job_.id()), next_step,
                                     {{"categories", absl::StrJoin(pack_->categories, "\n")}});
  }

  // `count` texts spread evenly over `products`.
  std::vector<std::vector<float>> TextsOf(const std::vector<PackedProduct>& products, std::size_t count) const {
    std::vector<std::vector<float>> texts;
    for (std::size_t i = 0; i < count; ++i) {
      const float* text = pack_->text(products[i * products.size() / count].slot, 0);
      texts.emplace_back(text, text + pack_->text_dimension());
    }
    return texts;
  }

  absl::Status DrawSamples(std::int64_t step) {
    const std::vector<std::vector<float>> texts =
        TextsOf(pack_->held_out.empty() ? pack_->training : pack_->held_out, kSamples);
    ASSIGN_OR_RETURN(const std::string png,
                     EncodeImage(Sheet(training_->Sample(texts, request_.seed()), kSampleColumns), "image/png"));
    const std::string path = absl::StrFormat("%s/sample-%08d.png", folder_, step);
    RETURN_IF_ERROR(WriteFileAtomically(path, png));
    progress_.set_sample_path(path);
    return absl::OkStatus();
  }

  absl::Status Train() {
    ASSIGN_OR_RETURN(
        training_,
        GanTraining::Create(Options(), TextsOf(pack_->training, std::min(kStandardised, pack_->training.size()))));
    ASSIGN_OR_RETURN(std::int64_t step, Resume());
    std::ofstream losses(absl::StrCat(folder_, "/losses.csv"), step > 0 ? std::ios::app : std::ios::trunc);
    if (step == 0) losses << "step,loss_generator,loss_discriminator,images_per_second\n";
    const Recipe recipe = RecipeOf(request_.preset());
    BatchSource source(*pack_, pack_->training, bank_,
                       {.batch = request_.batch(),
                        .seed = request_.seed(),
                        .overlay_share = 0.25,
                        .flip = recipe.mirror,
                        .balance = recipe.balance,
                        .half_size_steps = HalfSizeSteps()},
                       step);
    const absl::Time begin = absl::Now();
    const std::int64_t first = step;
    absl::Time sampled = begin;
    bool out_of_time = false;
    while (step < request_.steps() && !out_of_time) {
      if (context_.stopping()) {
        if (step > first) RETURN_IF_ERROR(Checkpoint(step));
        return Stopped();
      }
      training_->Step(source.Next());
      ++step;
      const absl::Time now = absl::Now();
      const double seconds = absl::ToDoubleSeconds(now - begin);
      out_of_time = request_.max_seconds() > 0 && seconds >= request_.max_seconds();
      const bool last = step == request_.steps() || out_of_time;
      if (step % kLossSteps == 0 || last) RETURN_IF_ERROR(ReadLosses(step, losses));
      if (step % request_.checkpoint_steps() == 0 || last) RETURN_IF_ERROR(Checkpoint(step));
      if (now - sampled >= kSampleInterval || last) {
        RETURN_IF_ERROR(DrawSamples(step));
        sampled = now;
      }
      const auto done_steps = static_cast<double>(step - first);
      double left = seconds / done_steps * static_cast<double>(request_.steps() - step);
      if (request_.max_seconds() > 0) left = std::min(left, std::max(0.0, request_.max_seconds() - seconds));
      progress_.set_step(step);
      progress_.set_seconds(seconds);
      progress_.set_seconds_left(left);
      progress_.set_images_per_second(done_steps * request_.batch() / seconds);
      progress_.set_data_wait(source.wait_seconds() / seconds);
      Say("training", 0.05 + 0.9 * seconds / (seconds + left));
    }
    steps_done_ = step;
    return absl::OkStatus();
  }

  // Half the resolution costs a quarter, and more products have pictures that are large
  // enough: 64 pixels are too few to halve.
  std::int64_t HalfSizeSteps() const {
    if (!RecipeOf(request_.preset()).grows || request_.resolution() == 64) return 0;
    return request_.half_size_steps() == 0 ? request_.steps() / 2 : std::max<std::int64_t>(0, request_.half_size_steps());
  }

  absl::Status ReadLosses(std::int64_t step, std::ofstream& file) {
    const v1::TrainingPoint point = training_->TakePoint();
    health_.Add(point);
    progress_.set_loss_generator(point.loss_generator());
    progress_.set_loss_discriminator(point.loss_discriminator());
    progress_.set_health(health_.state());
    progress_.set_health_reason(health_.reason());
    file << step << ',' << point.loss_generator() << ',' << point.loss_discriminator() << ','
         << progress_.images_per_second() << std::endl;
    if (!std::isfinite(point.loss_generator() + point.loss_discriminator())) {
      context_.Report(progress_, 0.05);
      return absl::AbortedError(absl::StrCat("a loss is not a number after step ", step,
                                             ": the training diverged; lower the learning rate, or resume from the "
                                             "last checkpoint"));
    }
    return absl::OkStatus();
  }

  absl::Status Publish() {
    Say("calibrating", 0.95);
    ASSIGN_OR_RETURN(const std::string staging, bundles_.Stage());
    absl::Status status = FillBundle(staging);
    if (!status.ok()) {
      std::error_code ignored;
      fs::remove_all(staging, ignored);
      return status;
    }
    Say("publishing", 0.99);
    ASSIGN_OR_RETURN(const v1::BundleManifest published, bundles_.Publish(staging, manifest_));
    if (request_.promote()) RETURN_IF_ERROR(Promote(published));
    progress_.set_bundle_version(published.version());
    progress_.set_seconds_left(0);
    Say("done", 1);
    spdlog::info("{}: published {}{}", job_.id(), published.version(),
                 request_.promote() && progress_.not_promoted_reason().empty() ? ", now current" : "");
    return absl::OkStatus();
  }

  // Unless the gate refuses it: then the progress says why.
  absl::Status Promote(const v1::BundleManifest& published) {
    ASSIGN_OR_RETURN(const GateResult gate, CompareWithCurrent(bundles_, published));
    const absl::Status passed = CheckGate(gate, false);
    if (passed.ok()) return bundles_.Promote(published.version()).status();
    progress_.set_not_promoted_reason(std::string(passed.message()));
    spdlog::warn("{}: not promoted: {}", job_.id(), progress_.not_promoted_reason());
    return absl::OkStatus();
  }

  absl::Status FillBundle(const std::string& staging) {
    RETURN_IF_ERROR(training_->SaveNetworks(staging));
    for (const char* file : {"tokenizer.model", "doc2vec.safetensors"}) {
      RETURN_IF_ERROR(
          CopyFile(absl::StrCat(bundles_.FolderOf(parent_.version()), "/", file), absl::StrCat(staging, "/", file)));
    }
    manifest_.add_parents(parent_.version());
    *manifest_.mutable_embedding() = parent_.embedding();
    const GanTrainingOptions options = Options();
    v1::GanInfo& gan = *manifest_.mutable_gan();
    gan.set_preset(options.shape.preset);
    gan.set_resolution(options.shape.resolution);
    gan.set_features(options.shape.features);
    gan.set_noise_dimension(options.shape.noise);
    for (const std::string& category : pack_->categories) gan.add_categories(category);
    gan.set_steps(steps_done_);
    gan.set_images(steps_done_ * request_.batch());
    gan.set_loss(options.loss.empty() ? request_.preset() == "mannequin" ? "relativistic" : "lsgan" : options.loss);
    // Judged by what was written, through the code that serves it.
    ASSIGN_OR_RETURN(const LoadedGan loaded, LoadGan(manifest_, staging, options.device));
    ASSIGN_OR_RETURN(const OverlayBank bank,
                     RenderOverlayBank(kOverlayPatches, request_.resolution(), request_.seed() + kHeldOutBank));
    ASSIGN_OR_RETURN(const Evaluation evaluation, Evaluate(loaded, *pack_, bank, request_.seed()));
    for (const v1::Calibration& calibration : evaluation.calibrations) {
      *gan.add_calibrations() = calibration;
      spdlog::info("{}: {}: AUC {:.3f}, calibration error {:.3f}", job_.id(), calibration.reason(), calibration.auc(),
                   calibration.expected_calibration_error());
    }
    gan.set_confidence_floor(evaluation.confidence_floor);
    ASSIGN_OR_RETURN(const auto meter, QualityMeter::Create(*pack_, {request_.seed(), options.device, 0},
                                                            [this] { return context_.stopping(); }));
    RETURN_IF_ERROR(MeasureCandidate(*meter, loaded, bundles_, parent_, options.device, &manifest_));
    *progress_.mutable_quality() = gan.quality();
    RETURN_IF_ERROR(AddLineage(staging));
    return WriteFileAtomically(absl::StrCat(staging, "/MODEL_CARD.md"),
                               ModelCard(manifest_, *pack_, evaluation, request_));
  }

  absl::Status AddLineage(const std::string& staging) {
    v1::Lineage& lineage = *manifest_.mutable_lineage();
    lineage.set_seed(request_.seed());
    lineage.set_job_id(job_.id());
    lineage.set_program(absl::StrCat("mannequin ", MANNEQUIN_VERSION));
    lineage.set_request(request_.Utf8DebugString());
    lineage.set_seconds(progress_.seconds());
    lineage.set_device(Options().device.empty() ? "picked" : Options().device);
    return WriteLineage(*pack_, staging, &lineage);
  }

  ProductStore& store_;
  const TrainingEnvironment& environment_;
  const v1::Job& job_;
  const v1::CreateTrainingRequest& request_;
  JobContext& context_;
  const BundleFolder bundles_;
  const std::string folder_;
  v1::BundleManifest parent_, manifest_;
  std::unique_ptr<TextEncoder> encoder_;
  std::unique_ptr<Pack> pack_;
  OverlayBank bank_;
  std::unique_ptr<GanTraining> training_;
  HealthMonitor health_;
  v1::TrainingProgress progress_;
  std::int64_t steps_done_ = 0;
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
  const GanShape shape{request.preset(), request.resolution(), request.features(), kNoise, 1, 2};
  RETURN_IF_ERROR(CheckShape(shape));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("batch", request.batch(), 2, 1024));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("steps", request.steps(), 1, 10'000'000));
  RETURN_IF_ERROR(CheckRange<double>("max_seconds", request.max_seconds(), 0, 1e9));
  RETURN_IF_ERROR(CheckRange<double>("learning_rate", request.learning_rate(), 1e-8, 1));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("max_products", request.max_products(), 0, 1'000'000'000'000));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("min_category_images", request.min_category_images(), 1, 1'000'000));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("checkpoint_steps", request.checkpoint_steps(), 1, 10'000'000));
  if (request.data_license().size() > kMaxLicenseBytes) {
    return absl::InvalidArgumentError(absl::StrCat("data_license: ", request.data_license().size(),
                                                   " bytes are more than ", kMaxLicenseBytes,
                                                   "; name the licence or give its address"));
  }
  if (!v1::GanLoss_IsValid(request.loss())) {
    return absl::InvalidArgumentError(absl::StrCat("loss: ", request.loss(), " is not LSGAN or BCE"));
  }
  for (const std::string& device : request.devices()) RETURN_IF_ERROR(CheckDevice(device));
  return request;
}

std::string CheckpointPath(const std::string& work, const std::string& job_id) {
  return absl::StrCat(work, "/", job_id, "/checkpoint.safetensors");
}

absl::Status RunTraining(ProductStore& store, const TrainingEnvironment& environment, const v1::Job& job,
                         JobContext& context) {
  v1::CreateTrainingRequest spec;
  if (!job.spec().UnpackTo(&spec)) {
    return absl::InvalidArgumentError(absl::StrCat(job.id(), ": its spec is not a CreateTrainingRequest"));
  }
  ASSIGN_OR_RETURN(const v1::CreateTrainingRequest request, CompleteRequest(spec));
  SetCpuThreads(environment.threads);
  return Run(store, environment, job, request, context).All();
}

}  // namespace mannequin
