// The trainer's RPCs (proto/mannequin/v1/gan_trainer.proto) over a store, and the workers
// that run trainings, side by side where they have devices of their own.
//
//   RETURN_IF_ERROR(TrainerService::Validate(config));
//   TrainerService trainer(store, config);
//   trainer.Start();                       // from now on queued trainings run
//   ... serve it with rpc::Server ...
//   trainer.Stop();                        // one that runs goes back to the queue
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "common/store/product_store.h"
#include "grpcpp/server_context.h"
#include "mannequin/config/v1/config.pb.h"
#include "mannequin/v1/gan_trainer.grpc.pb.h"

namespace mannequin {

// Thread-safe. InitImages() must have been called.
class TrainerService final : public v1::GanTrainer::Service {
 public:
  // INVALID_ARGUMENT names what is missing; CheckDevice's errors.
  static absl::Status Validate(const config::v1::TrainerConfig& config);

  // `config` must have passed Validate(). `store` must outlive the service.
  TrainerService(ProductStore& store, const config::v1::TrainerConfig& config);
  ~TrainerService() override;

  void Start();
  // Streams of WatchTraining end with UNAVAILABLE. Idempotent.
  void Stop();

  grpc::Status CreateTraining(grpc::ServerContext* context, const v1::CreateTrainingRequest* request,
                              v1::CreateTrainingResponse* response) override;
  grpc::Status GetTraining(grpc::ServerContext* context, const v1::GetTrainingRequest* request,
                           v1::GetTrainingResponse* response) override;
  grpc::Status ListTrainings(grpc::ServerContext* context, const v1::ListTrainingsRequest* request,
                             v1::ListTrainingsResponse* response) override;
  grpc::Status WatchTraining(grpc::ServerContext* context, const v1::WatchTrainingRequest* request,
                             grpc::ServerWriter<v1::WatchTrainingResponse>* writer) override;
  grpc::Status GetTrainingCurve(grpc::ServerContext* context, const v1::GetTrainingCurveRequest* request,
                                v1::GetTrainingCurveResponse* response) override;
  grpc::Status GetTrainingSample(grpc::ServerContext* context, const v1::GetTrainingSampleRequest* request,
                                 v1::GetTrainingSampleResponse* response) override;
  grpc::Status CancelTraining(grpc::ServerContext* context, const v1::CancelTrainingRequest* request,
                              v1::CancelTrainingResponse* response) override;
  grpc::Status ResumeTraining(grpc::ServerContext* context, const v1::ResumeTrainingRequest* request,
                              v1::ResumeTrainingResponse* response) override;
  grpc::Status PromoteBundle(grpc::ServerContext* context, const v1::PromoteBundleRequest* request,
                             v1::PromoteBundleResponse* response) override;
  grpc::Status ListBundles(grpc::ServerContext* context, const v1::ListBundlesRequest* request,
                           v1::ListBundlesResponse* response) override;
  grpc::Status EvaluateBundles(grpc::ServerContext* context, const v1::EvaluateBundlesRequest* request,
                               v1::EvaluateBundlesResponse* response) override;
  grpc::Status GetLineage(grpc::ServerContext* context, const v1::GetLineageRequest* request,
                          v1::GetLineageResponse* response) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
