// mannequin-trainer: trains generators and discriminators. See README.md.
#include <memory>

#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/service_main.h"
#include "common/store/remote_store.h"
#include "services/trainer/trainer_service.h"
#include "services/trainer/training_process.h"
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

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  if (const std::optional<int> status = mannequin::TrainingProcessMain(argc, argv)) return *status;
  mannequin::config::v1::TrainerConfig config;
  return mannequin::rpc::ServiceMain(argc, argv,
                                     {"trainer", "Trains generators and discriminators on the catalogue.", {"store"}},
                                     &config, [&] { return mannequin::Serve(config); });
}
