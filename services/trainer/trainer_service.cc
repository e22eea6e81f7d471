#include "services/trainer/trainer_service.h"

#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/status_macros.h"
#include "common/model/bundle.h"
#include "common/nn/device.h"
#include "common/rpc/status.h"
#include "common/store/job_state.h"
#include "common/store/job_worker.h"
#include "services/trainer/evaluate_bundles_job.h"
#include "services/trainer/lineage.h"
#include "services/trainer/measure_bundle.h"
#include "services/trainer/training_job.h"

namespace mannequin {
namespace {

constexpr absl::Duration kWatchEvery = absl::Milliseconds(500);
constexpr int kMaxAskedProducts = 1'000;

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
        environment{config.bundles(), config.work(), config.device(), config.threads()},
        bundles(config.bundles()),
        worker(store, "trainer", {v1::JOB_KIND_TRAIN_GAN, v1::JOB_KIND_EVALUATE_BUNDLES},
               [this](const v1::Job& job, JobContext& context) {
                 return job.kind() == v1::JOB_KIND_EVALUATE_BUNDLES
                            ? RunEvaluation(store, environment, job, environment.device, context)
                            : RunTraining(store, environment, job, context);
               }) {}

  absl::StatusOr<v1::Job> Create(const v1::CreateTrainingRequest& request) {
    RETURN_IF_ERROR(CompleteRequest(request).status());
    v1::CreateJobRequest create;
    create.set_kind(v1::JOB_KIND_TRAIN_GAN);
    create.mutable_spec()->PackFrom(request);
    ASSIGN_OR_RETURN(v1::CreateJobResponse created, store.CreateJob(create));
    worker.Wake();
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
    if (!std::filesystem::exists(CheckpointPath(environment.work, id))) {
      return absl::FailedPreconditionError(absl::StrCat("job_id: ", id, " has no checkpoint; start a new training"));
    }
    v1::CreateTrainingRequest request;
    if (!job.spec().UnpackTo(&request)) return absl::InternalError(absl::StrCat(id, ": its spec is not a training's"));
    request.set_resume_job_id(id);
    return Create(request);
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
    v1::CreateJobRequest create;
    create.set_kind(v1::JOB_KIND_EVALUATE_BUNDLES);
    create.mutable_spec()->PackFrom(complete);
    ASSIGN_OR_RETURN(v1::CreateJobResponse created, store.CreateJob(create));
    worker.Wake();
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
  const TrainingEnvironment environment;
  const BundleFolder bundles;
  absl::Notification stopped;
  JobWorker worker;
};

absl::Status TrainerService::Validate(const config::v1::TrainerConfig& config) {
  if (config.bundles().empty()) return absl::InvalidArgumentError("bundles: empty; give the folder of bundles");
  if (config.work().empty()) return absl::InvalidArgumentError("work: empty; give a folder for packs and checkpoints");
  if (config.threads() < 0)
    return absl::InvalidArgumentError(absl::StrCat("threads: ", config.threads(), " is negative"));
  return CheckDevice(config.device());
}

TrainerService::TrainerService(ProductStore& store, const config::v1::TrainerConfig& config)
    : impl_(std::make_unique<Impl>(store, config)) {}

TrainerService::~TrainerService() { Stop(); }

void TrainerService::Start() { impl_->worker.Start(); }

void TrainerService::Stop() {
  if (!impl_->stopped.HasBeenNotified()) impl_->stopped.Notify();
  impl_->worker.Stop();
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
  while (!context->IsCancelled()) {
    v1::WatchTrainingResponse response;
    const grpc::Status found = RespondWithJob(impl_->Get(request->job_id()), &response);
    if (!found.ok()) return found;
    if (!writer->Write(response) || HasEnded(response.job().state())) return grpc::Status::OK;
    if (impl_->stopped.WaitForNotificationWithTimeout(kWatchEvery)) {
      return rpc::ToGrpc(absl::UnavailableError("the trainer stops; watch again later"));
    }
  }
  return grpc::Status::CANCELLED;
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
