#include "services/trainer/trainer_service.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check_range.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/model/bundle.h"
#include "common/nn/device.h"
#include "common/rpc/status.h"
#include "common/store/job_state.h"
#include "common/store/job_worker.h"
#include "services/trainer/checkpoints.h"
#include "services/trainer/curve.h"
#include "services/trainer/device_name.h"
#include "services/trainer/device_queue.h"
#include "services/trainer/evaluate_bundles_job.h"
#include "services/trainer/lineage.h"
#include "services/trainer/measure_bundle.h"
#include "services/trainer/sample_grids.h"
#include "services/trainer/training_job.h"
#include "services/trainer/training_workers.h"

namespace mannequin {
namespace {

constexpr absl::Duration kWatchEvery = absl::Milliseconds(500);
constexpr int kMaxAskedProducts = 1'000;
constexpr int kDefaultPoints = 1'000, kMaxPoints = 100'000;

const std::vector<v1::JobKind> kKinds = {v1::JOB_KIND_TRAIN_GAN, v1::JOB_KIND_EVALUATE_BUNDLES};

std::vector<std::string> DevicesOf(const config::v1::TrainerConfig& config) {
  if (config.devices_size() > 0) return {config.devices().begin(), config.devices().end()};
  if (!config.device().empty()) return {config.device() == "cuda" ? "cuda:0" : config.device()};
  return AllOwnDevices();
}

TrainingEnvironment EnvironmentOf(const config::v1::TrainerConfig& config) {
  TrainingEnvironment environment;
  environment.bundles = config.bundles();
  environment.work = std::filesystem::absolute(config.work()).string();
  environment.threads = config.threads();
  environment.opt_out = config.opt_out();
  environment.max_pack_bytes = config.max_pack_bytes();
  environment.supervisor.program = config.program();
  if (config.max_silence_seconds() > 0) {
    environment.supervisor.max_silence = absl::Seconds(config.max_silence_seconds());
  }
  return environment;
}

// A job into a response that holds one.
template <typename Response>
grpc::Status RespondWithJob(absl::StatusOr<v1::Job> job, Response* response) {
  if (!job.ok()) return rpc::ToGrpc(job.status());
  *response->mutable_job() = *std::move(job);
  return grpc::Status::OK;
}

}  // namespace

struct TrainerService::Impl {
  Impl(ProductStore& product_store, const config::v1::TrainerConfig& config)
      : store(product_store),
        environment(EnvironmentOf(config)),
        bundles(config.bundles()),
        training_workers(DevicesOf(config), config.rendezvous_port(), config.client()),
        queue(store, kKinds, DevicesOf(config),
              [this](const std::string& device) { return training_workers.CanStart(device); }) {
    environment.supervisor.workers = &training_workers;
    // As many as can have a device each.
    for (std::size_t i = 0; i < queue.size(); ++i) {
      workers.push_back(std::make_unique<JobWorker>(
          store, "trainer", kKinds,
          [this](const v1::Job& job, JobContext& context) {
            const std::vector<std::string> devices = queue.DevicesOf(job.id());
            return job.kind() == v1::JOB_KIND_EVALUATE_BUNDLES
                       ? RunEvaluation(store, environment, job, devices.front(), context)
                       : RunTraining(store, environment, job, devices, context);
          },
          [this] { return queue.Next(); }));
    }
  }

  absl::StatusOr<v1::Job> Create(const v1::CreateTrainingRequest& request) {
    RETURN_IF_ERROR(CompleteRequest(request).status());
    RETURN_IF_ERROR(queue.Check({request.devices().begin(), request.devices().end()}));
    v1::CreateJobRequest create;
    create.set_kind(v1::JOB_KIND_TRAIN_GAN);
    create.mutable_spec()->PackFrom(request);
    ASSIGN_OR_RETURN(v1::CreateJobResponse created, store.CreateJob(create));
    for (const auto& worker : workers) worker->Wake();
    return created.job();
  }

  absl::StatusOr<v1::Job> Get(const std::string& id) {
    v1::GetJobRequest request;
    request.set_id(id);
    ASSIGN_OR_RETURN(v1::GetJobResponse found, store.GetJob(request));
    if (found.job().kind() == v1::JOB_KIND_TRAIN_GAN) return found.job();
    return absl::NotFoundError(
        absl::StrCat("job_id: ", id, " is not a training but ", v1::JobKind_Name(found.job().kind())));
  }

  absl::StatusOr<v1::Job> Cancel(const std::string& id) {
    RETURN_IF_ERROR(Get(id).status());
    v1::CancelJobRequest request;
    request.set_id(id);
    ASSIGN_OR_RETURN(v1::CancelJobResponse cancelled, store.CancelJob(request));
    return cancelled.job();
  }

  absl::StatusOr<v1::Job> Resume(const std::string& id) {
    ASSIGN_OR_RETURN(const v1::Job job, Get(id));
    if (!HasEnded(job.state())) {
      return absl::FailedPreconditionError(absl::StrCat("job_id: ", id, " has not ended; cancel it first"));
    }
    if (!Checkpoints::AnyIn(JobFolder(environment.work, id))) {
      return absl::FailedPreconditionError(absl::StrCat("job_id: ", id, " has no checkpoint; start a new training"));
    }
    v1::CreateTrainingRequest request;
    if (!job.spec().UnpackTo(&request)) return absl::InternalError(absl::StrCat(id, ": its spec is not a training's"));
    request.set_resume_job_id(id);
    return Create(request);
  }

  absl::StatusOr<v1::GetTrainingCurveResponse> Curve(const v1::GetTrainingCurveRequest& request) {
    RETURN_IF_ERROR(CheckRange("max_points", request.max_points(), 0, kMaxPoints));
    RETURN_IF_ERROR(Get(request.job_id()).status());
    const int points = request.max_points() == 0 ? kDefaultPoints : request.max_points();
    const absl::StatusOr<std::vector<v1::TrainingPoint>> curve =
        ReadCurve(JobFolder(environment.work, request.job_id()) + kCurveFile, static_cast<std::size_t>(points));
    if (absl::IsNotFound(curve.status()) || (curve.ok() && curve->empty())) {
      return absl::NotFoundError(absl::StrCat("job_id: ", request.job_id(), " has no point of its curves yet"));
    }
    RETURN_IF_ERROR(curve.status());
    v1::GetTrainingCurveResponse response;
    response.mutable_points()->Assign(curve->begin(), curve->end());
    return response;
  }

  absl::StatusOr<v1::GetTrainingSampleResponse> Sample(const v1::GetTrainingSampleRequest& request) {
    if (request.step() < 0)
      return absl::InvalidArgumentError(absl::StrCat("step: ", request.step(), ", expected 0 or more"));
    RETURN_IF_ERROR(Get(request.job_id()).status());
    const std::string folder = JobFolder(environment.work, request.job_id());
    ASSIGN_OR_RETURN(const std::vector<std::int64_t> steps, SampleGridSteps(folder));
    const auto behind =
        request.step() == 0 ? steps.end() : std::upper_bound(steps.begin(), steps.end(), request.step());
    if (behind == steps.begin()) {
      return absl::NotFoundError(
          steps.empty() ? absl::StrCat("job_id: ", request.job_id(), " has no grid of samples yet")
                        : absl::StrCat("step: the first grid of ", request.job_id(), " is of step ", steps.front()));
    }
    v1::GetTrainingSampleResponse response;
    response.set_step(*(behind - 1));
    ASSIGN_OR_RETURN(*response.mutable_png(), ReadFile(SampleGridPath(folder, response.step())));
    response.mutable_steps()->Assign(steps.begin(), steps.end());
    return response;
  }

  absl::StatusOr<v1::ListTrainingsResponse> List(const v1::ListTrainingsRequest& request) {
    v1::ListJobsRequest list;
    list.set_kind(v1::JOB_KIND_TRAIN_GAN);
    list.set_page_size(request.page_size());
    list.set_page_token(request.page_token());
    ASSIGN_OR_RETURN(v1::ListJobsResponse jobs, store.ListJobs(list));
    v1::ListTrainingsResponse response;
    response.mutable_jobs()->Swap(jobs.mutable_jobs());
    response.set_next_page_token(jobs.next_page_token());
    return response;
  }

  absl::StatusOr<v1::ListBundlesResponse> ListBundles() const {
    v1::ListBundlesResponse response;
    ASSIGN_OR_RETURN(const std::vector<v1::BundleManifest> manifests, bundles.List());
    for (const v1::BundleManifest& manifest : manifests) *response.add_bundles() = manifest;
    ASSIGN_OR_RETURN(*response.mutable_current_version(), bundles.CurrentVersion());
    return response;
  }

  absl::StatusOr<v1::PromoteBundleResponse> Promote(const v1::PromoteBundleRequest& request) const {
    v1::PromoteBundleResponse response;
    ASSIGN_OR_RETURN(const v1::BundleManifest candidate, Find(request.version()));
    ASSIGN_OR_RETURN(const GateResult gate, CompareWithCurrent(bundles, candidate));
    RETURN_IF_ERROR(CheckGate(gate, request.force()));
    for (const v1::GateRow& row : gate.rows) *response.add_gate() = row;
    ASSIGN_OR_RETURN(*response.mutable_bundle(), bundles.Promote(request.version()));
    return response;
  }

  absl::StatusOr<v1::Job> Evaluate(const v1::EvaluateBundlesRequest& request) {
    ASSIGN_OR_RETURN(const v1::EvaluateBundlesRequest complete, CompleteEvaluation(bundles, request));
    if (!request.device().empty()) RETURN_IF_ERROR(queue.CheckEvaluation(request.device()));
    v1::CreateJobRequest create;
    create.set_kind(v1::JOB_KIND_EVALUATE_BUNDLES);
    create.mutable_spec()->PackFrom(complete);
    ASSIGN_OR_RETURN(v1::CreateJobResponse created, store.CreateJob(create));
    for (const auto& worker : workers) worker->Wake();
    return created.job();
  }

  absl::StatusOr<v1::GetLineageResponse> Lineage(const v1::GetLineageRequest& request) const {
    if (request.product_ids_size() > kMaxAskedProducts) {
      return absl::InvalidArgumentError(absl::StrCat("product_ids: ", request.product_ids_size(), " are more than ",
                                                     kMaxAskedProducts, "; ask in several calls"));
    }
    std::string version = request.version();
    if (version.empty()) {
      ASSIGN_OR_RETURN(version, bundles.CurrentVersion());
      if (version.empty()) return absl::NotFoundError("version: empty, and no bundle is current");
    }
    ASSIGN_OR_RETURN(const v1::BundleManifest manifest, Find(version));
    ASSIGN_OR_RETURN(const std::vector<std::string> trained,
                     TrainedAmong(bundles.FolderOf(version), manifest,
                                  {request.product_ids().begin(), request.product_ids().end()}));
    v1::GetLineageResponse response;
    response.set_version(version);
    *response.mutable_lineage() = manifest.lineage();
    response.mutable_trained_product_ids()->Assign(trained.begin(), trained.end());
    return response;
  }

  // By its manifest; files are not verified.
  absl::StatusOr<v1::BundleManifest> Find(const std::string& version) const {
    ASSIGN_OR_RETURN(const std::vector<v1::BundleManifest> manifests, bundles.List());
    for (const v1::BundleManifest& manifest : manifests) {
      if (manifest.version() == version) return manifest;
    }
    return absl::NotFoundError(absl::StrCat("version: there is no bundle \"", version, "\""));
  }

  ProductStore& store;
  TrainingEnvironment environment;
  const BundleFolder bundles;
  const TrainingWorkers training_workers;
  SteadyNotification stopped;
  DeviceQueue queue;
  std::vector<std::unique_ptr<JobWorker>> workers;
};

absl::Status TrainerService::Validate(const config::v1::TrainerConfig& config) {
  if (config.bundles().empty()) return absl::InvalidArgumentError("bundles: empty; give the folder of bundles");
  if (config.work().empty()) return absl::InvalidArgumentError("work: empty; give a folder for packs and checkpoints");
  if (config.threads() < 0)
    return absl::InvalidArgumentError(absl::StrCat("threads: ", config.threads(), " is negative"));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("max_pack_bytes", config.max_pack_bytes(), 0, std::int64_t{1} << 50));
  RETURN_IF_ERROR(CheckRange("max_silence_seconds", config.max_silence_seconds(), 0, 86'400));
  RETURN_IF_ERROR(CheckRange("rendezvous_port", config.rendezvous_port(), 0, 65'535 - config.devices_size()));
  std::vector<std::string> own;
  std::set<std::string> of_workers;
  for (const std::string& device : config.devices()) {
    if (WorkerOf(device).empty()) {
      own.push_back(device);
      continue;
    }
    RETURN_IF_ERROR(CheckWorkerDevice(device));
    if (!of_workers.insert(device).second) {
      return absl::InvalidArgumentError(absl::StrCat("devices: \"", device, "\" is there twice"));
    }
  }
  RETURN_IF_ERROR(CheckOwnDevices(own));
  return CheckDevice(config.device());
}

TrainerService::TrainerService(ProductStore& store, const config::v1::TrainerConfig& config)
    : impl_(std::make_unique<Impl>(store, config)) {}

TrainerService::~TrainerService() { Stop(); }

void TrainerService::Start() {
  for (const auto& worker : impl_->workers) worker->Start();
}

void TrainerService::Stop() {
  if (!impl_->stopped.HasBeenNotified()) impl_->stopped.Notify();
  for (const auto& worker : impl_->workers) worker->Stop();
}

grpc::Status TrainerService::CreateTraining(grpc::ServerContext*, const v1::CreateTrainingRequest* request,
                                            v1::CreateTrainingResponse* response) {
  return RespondWithJob(impl_->Create(*request), response);
}

grpc::Status TrainerService::GetTraining(grpc::ServerContext*, const v1::GetTrainingRequest* request,
                                         v1::GetTrainingResponse* response) {
  return RespondWithJob(impl_->Get(request->job_id()), response);
}

grpc::Status TrainerService::ListTrainings(grpc::ServerContext*, const v1::ListTrainingsRequest* request,
                                           v1::ListTrainingsResponse* response) {
  return rpc::Respond(impl_->List(*request), response);
}

grpc::Status TrainerService::WatchTraining(grpc::ServerContext* context, const v1::WatchTrainingRequest* request,
                                           grpc::ServerWriter<v1::WatchTrainingResponse>* writer) {
  std::string sent_sample;
  while (!context->IsCancelled()) {
    v1::WatchTrainingResponse response;
    const grpc::Status found = RespondWithJob(impl_->Get(request->job_id()), &response);
    if (!found.ok()) return found;
    v1::TrainingProgress progress;
    if (response.job().progress().UnpackTo(&progress) && progress.sample_path() != sent_sample) {
      sent_sample = progress.sample_path();
      // It may be on another trainer's machine.
      absl::StatusOr<std::string> png = ReadFile(sent_sample);
      if (png.ok()) response.set_sample_png(*std::move(png));
    }
    if (!writer->Write(response) || HasEnded(response.job().state())) return grpc::Status::OK;
    if (impl_->stopped.WaitFor(kWatchEvery)) {
      return rpc::ToGrpc(absl::UnavailableError("the trainer stops; watch again later"));
    }
  }
  return grpc::Status::CANCELLED;
}

grpc::Status TrainerService::GetTrainingCurve(grpc::ServerContext*, const v1::GetTrainingCurveRequest* request,
                                              v1::GetTrainingCurveResponse* response) {
  return rpc::Respond(impl_->Curve(*request), response);
}

grpc::Status TrainerService::GetTrainingSample(grpc::ServerContext*, const v1::GetTrainingSampleRequest* request,
                                               v1::GetTrainingSampleResponse* response) {
  return rpc::Respond(impl_->Sample(*request), response);
}

grpc::Status TrainerService::CancelTraining(grpc::ServerContext*, const v1::CancelTrainingRequest* request,
                                            v1::CancelTrainingResponse* response) {
  return RespondWithJob(impl_->Cancel(request->job_id()), response);
}

grpc::Status TrainerService::ResumeTraining(grpc::ServerContext*, const v1::ResumeTrainingRequest* request,
                                            v1::ResumeTrainingResponse* response) {
  return RespondWithJob(impl_->Resume(request->job_id()), response);
}

grpc::Status TrainerService::PromoteBundle(grpc::ServerContext*, const v1::PromoteBundleRequest* request,
                                           v1::PromoteBundleResponse* response) {
  return rpc::Respond(impl_->Promote(*request), response);
}

grpc::Status TrainerService::ListBundles(grpc::ServerContext*, const v1::ListBundlesRequest*,
                                         v1::ListBundlesResponse* response) {
  return rpc::Respond(impl_->ListBundles(), response);
}

grpc::Status TrainerService::EvaluateBundles(grpc::ServerContext*, const v1::EvaluateBundlesRequest* request,
                                             v1::EvaluateBundlesResponse* response) {
  return RespondWithJob(impl_->Evaluate(*request), response);
}

grpc::Status TrainerService::GetLineage(grpc::ServerContext*, const v1::GetLineageRequest* request,
                                        v1::GetLineageResponse* response) {
  return rpc::Respond(impl_->Lineage(*request), response);
}

}  // namespace mannequin
