// mannequin-generator: draws products from their text. See README.md.
#include <memory>

#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/service_main.h"
#include "common/store/remote_store.h"
#include "services/generator/generator_service.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

absl::Status Serve(const config::v1::GeneratorConfig& config) {
  InitImages();
  const std::unique_ptr<ProductStore> store = NewRemoteStore(rpc::NewChannel(config.store(), config.client()));
  GeneratorService service(*store, config);
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server,
                   rpc::Server::Start("generator", config.server(), {&service}));
  service.Start();
  server->SetServing(true);
  spdlog::info("serving on {}", server->address());
  rpc::WaitForSignal();
  server->Drain();
  service.Stop();
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  mannequin::config::v1::GeneratorConfig config;
  return mannequin::rpc::ServiceMain(
      argc, argv,
      {"generator", "Draws products from their text, and keeps the placeholders' review.", {"store", "bundles"}},
      &config, [&] { return mannequin::Serve(config); });
}
