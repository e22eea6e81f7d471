// mannequin-fetcher: fetches product images. See README.md.
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/store/remote_store.h"
#include "services/fetcher/fetcher_service.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

absl::Status Serve(const config::v1::FetcherConfig& config) {
  RETURN_IF_ERROR(FetcherService::Validate(config));
  InitImages();
  const std::unique_ptr<ProductStore> store = NewRemoteStore(rpc::NewChannel(config.store()));
  FetcherService service(*store, config);
  ASSIGN_OR_RETURN(std::unique_ptr<rpc::Server> server, rpc::Server::Start("fetcher", config.server(), {&service}));
  service.Start();
  server->SetServing(true);
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
  CLI::App app("Fetches the images that listings name, and keeps only good ones.", "mannequin-fetcher");
  std::string file;
  std::string listen;
  std::string store;
  app.add_option("--config", file, "FetcherConfig in protobuf text format");
  app.add_option("--listen", listen, "HOST:PORT of the RPCs, over the file's");
  app.add_option("--store", store, "HOST:PORT of the store, over the file's");
  CLI11_PARSE(app, argc, argv);

  config::v1::FetcherConfig config;
  absl::Status status = file.empty() ? absl::OkStatus() : ReadTextConfig(file, &config);
  if (!listen.empty()) config.mutable_server()->set_listen(listen);
  if (!store.empty()) config.set_store(store);
  if (status.ok() && config.store().empty()) status = absl::InvalidArgumentError("store: empty; give HOST:PORT");
  if (status.ok()) status = InitLog("fetcher", config.server().log());
  if (status.ok()) status = Serve(config);
  if (status.ok()) return 0;
  spdlog::error("{}", status.ToString());
  return 1;
}
