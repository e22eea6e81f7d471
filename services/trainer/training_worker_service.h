// The RPC of a training worker (proto/mannequin/v1/training_worker.proto): runs processes of trainings whose trainer
// is on another machine, one a device, and lets none outlive the call that it runs for.
//
//   RETURN_IF_ERROR(TrainingWorkerService::Validate(config));
//   TrainingWorkerService worker(config);
//   ... serve it with rpc::Server ...
//   worker.Stop();                         // what runs saves a checkpoint and ends
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "mannequin/config/v1/config.pb.h"
#include "mannequin/v1/training_worker.grpc.pb.h"

namespace mannequin {

struct TrainingWorkerOptions {
  // A trainer that says nothing for so long (remote_process.h) is gone. Less than it takes the trainer to find its
  // connection broken: what it then starts must not meet what it left.
  absl::Duration max_trainer_silence = absl::Seconds(20);
  // Between asking a process to end and SIGKILL.
  absl::Duration grace = absl::Seconds(60);
};

// Thread-safe.
class TrainingWorkerService final : public v1::TrainingWorker::Service {
 public:
  // INVALID_ARGUMENT or NOT_FOUND names what is wrong; CheckDevice's errors.
  static absl::Status Validate(const config::v1::TrainingWorkerConfig& config);

  // `config` must have passed Validate().
  explicit TrainingWorkerService(const config::v1::TrainingWorkerConfig& config,
                                 const TrainingWorkerOptions& options = {});
  ~TrainingWorkerService() override;

  // Asks the processes to end, and returns when all have. From then on calls are UNAVAILABLE. Idempotent.
  void Stop();

  // How long no process has run; zero while one does.
  absl::Duration Idle() const;

  // Beside the contract's errors: UNAVAILABLE once stopped. A call for the training that a device is busy with takes
  // the device over: that is a trainer which goes on with another one's job.
  grpc::Status RunTrainingProcess(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::RunTrainingProcessResponse, v1::RunTrainingProcessRequest>* stream) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
