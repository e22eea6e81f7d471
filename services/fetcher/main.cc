// mannequin-fetcher: fetches product images. See README.md.
#include <memory>

#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/service_main.h"
#include "common/store/remote_store.h"
#include "services/fetcher/fetcher_service.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

absl::Status Serve(const config::v1::FetcherConfig& config) {
  RETURN_IF_ERROR(FetcherService::Validate(config));
  InitImages();
  const std::unique_ptr<ProductStore> store = NewRemoteStore(rpc::NewChannel(config.store(), config.client()));
  FetcherService service(*store, config);
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server,
                   rpc::Server::Start("fetcher", config.server(), {&service}));
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
  mannequin::config::v1::FetcherConfig config;
  return mannequin::rpc::ServiceMain(
      argc, argv, {"fetcher", "Fetches the images that listings name, and keeps only good ones.", {"store"}}, &config,
      [&] { return mannequin::Serve(config); });
}
