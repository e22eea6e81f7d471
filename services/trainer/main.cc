// mannequin-trainer: trains generators and discriminators. See README.md.
#include <string>

#include "CLI/CLI.hpp"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/store/remote_store.h"
#include "services/trainer/trainer_service.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

absl::Status Serve(const config::v1::TrainerConfig& config) {
  RETURN_IF_ERROR(TrainerService::Validate(config));
  InitImages();
  const std::unique_ptr<ProductStore> store = NewRemoteStore(rpc::NewChannel(config.store()));
  TrainerService service(*store, config);
  ASSIGN_OR_RETURN(std::unique_ptr<rpc::Server> server, rpc::Server::Start("trainer", config.server(), {&service}));
  service.Start();
  server->SetServing(true);
  spdlog::info("serving on {}", server->address());
  rpc::WaitForSignal();
  server->SetServing(false);
  service.Stop();
  server->Drain();
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  using namespace mannequin;
  rpc::BlockSignals();
  CLI::App app("Trains generators and discriminators on the catalogue.", "mannequin-trainer");
  std::string file, listen, store, bundles, work, device;
  app.add_option("--config", file, "TrainerConfig in protobuf text format");
  app.add_option("--listen", listen, "HOST:PORT of the RPCs, over the file's");
  app.add_option("--store", store, "HOST:PORT of the store, over the file's");
  app.add_option("--bundles", bundles, "folder of bundles, over the file's");
  app.add_option("--work", work, "folder of packs and checkpoints, over the file's");
  app.add_option("--device", device, "\"cpu\" or \"cuda:N\", over the file's");
  CLI11_PARSE(app, argc, argv);

  config::v1::TrainerConfig config;
  absl::Status status = file.empty() ? absl::OkStatus() : ReadTextConfig(file, &config);
  if (!listen.empty()) config.mutable_server()->set_listen(listen);
  if (!store.empty()) config.set_store(store);
  if (!bundles.empty()) config.set_bundles(bundles);
  if (!work.empty()) config.set_work(work);
  if (!device.empty()) config.set_device(device);
  if (status.ok() && config.store().empty()) status = absl::InvalidArgumentError("store: empty; give HOST:PORT");
  if (status.ok()) status = InitLog("trainer", config.server().log());
  if (status.ok()) status = Serve(config);
  if (status.ok()) return 0;
  spdlog::error("{}", status.ToString());
  return 1;
}
