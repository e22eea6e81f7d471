// mannequin-trainer: trains generators and discriminators; `mannequin-trainer training-worker` lends this machine's
// devices to a trainer on another one. See README.md.
#include <signal.h>

#include <cstring>
#include <memory>

#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/service_main.h"
#include "common/store/remote_store.h"
#include "services/trainer/trainer_service.h"
#include "services/trainer/training_process.h"
#include "services/trainer/training_worker_service.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

absl::Status Serve(const config::v1::TrainerConfig& config) {
  RETURN_IF_ERROR(TrainerService::Validate(config));
  InitImages();
  const std::unique_ptr<ProductStore> store = NewRemoteStore(rpc::NewChannel(config.store(), config.client()));
  TrainerService service(*store, config);
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server,
                   rpc::Server::Start("trainer", config.server(), {&service}));
  service.Start();
  server->SetServing(true);
  spdlog::info("serving on {}", server->address());
  rpc::WaitForSignal();
  server->SetServing(false);
  service.Stop();  // first: calls that watch a job end with it
  server->Drain();
  return absl::OkStatus();
}

// True when it was idle for long enough, false when a signal asked it to end.
bool WaitUntilIdle(const TrainingWorkerService& worker, absl::Duration max_idle) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
  const timespec pause = absl::ToTimespec(absl::Milliseconds(200));
  while (sigtimedwait(&set, nullptr, &pause) < 0) {
    if (worker.Idle() >= max_idle) return true;
  }
  return false;
}

absl::Status ServeWorker(const config::v1::TrainingWorkerConfig& config) {
  RETURN_IF_ERROR(TrainingWorkerService::Validate(config));
  TrainingWorkerService service(config);
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server,
                   rpc::Server::Start("training-worker", config.server(), {&service}));
  server->SetServing(true);
  spdlog::info("serving on {}", server->address());
  const bool idle = WaitUntilIdle(
      service, config.max_idle_seconds() == 0 ? absl::InfiniteDuration() : absl::Seconds(config.max_idle_seconds()));
  server->SetServing(false);
  service.Stop();
  server->Drain();
  if (idle) spdlog::info("no training for {} s: ends", config.max_idle_seconds());
  // Whoever waits for its end, as a Job of Kubernetes, shall not take a machine that goes for the end of the work.
  if (!idle && config.max_idle_seconds() > 0) return absl::AbortedError("was asked to end before it was idle");
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  if (const std::optional<int> status = mannequin::TrainingProcessMain(argc, argv)) return *status;
  if (argc > 1 && std::strcmp(argv[1], "training-worker") == 0) {
    mannequin::config::v1::TrainingWorkerConfig config;
    return mannequin::rpc::ServiceMain(
        argc - 1, argv + 1, {"training-worker", "Lends this machine's devices to a trainer on another one.", {"work"}},
        &config, [&] { return mannequin::ServeWorker(config); });
  }
  mannequin::config::v1::TrainerConfig config;
  return mannequin::rpc::ServiceMain(argc, argv,
                                     {"trainer", "Trains generators and discriminators on the catalogue.", {"store"}},
                                     &config, [&] { return mannequin::Serve(config); });
}
