// A training's process on another machine, by the training worker there (training_worker_service.h): a call of
// TrainingWorker.RunTrainingProcess that lasts as long as the process. It has no deadline, since a training has none:
// an empty message every kSignOfLife tells the worker that its trainer is there, the process' reports tell the
// trainer, and keepalive finds a connection that leads nowhere.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "mannequin/v1/training_worker.pb.h"
#include "services/trainer/running_process.h"

namespace mannequin {

inline constexpr absl::Duration kSignOfLife = absl::Seconds(2);

// Errors show at the end of the process. INVALID_ARGUMENT, FAILED_PRECONDITION and the like from the worker, or a
// call that it refuses, are what `end` says; a worker that cannot be reached or goes away is a Crash.
// `worker`, "HOST:PORT", is for messages.
std::unique_ptr<RunningProcess> StartRemoteProcess(const std::shared_ptr<grpc::Channel>& channel,
                                                   const std::string& worker, const v1::StartTrainingProcess& start);

}  // namespace mannequin
