// mannequin-embedder: product text as vectors. See README.md.
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/store/remote_store.h"
#include "services/embedder/embedder_service.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

absl::Status Serve(const config::v1::EmbedderConfig& config) {
  if (config.store().empty()) return absl::InvalidArgumentError("store: empty; give HOST:PORT");
  if (config.bundles().empty()) return absl::InvalidArgumentError("bundles: empty; give a folder");
  const std::unique_ptr<ProductStore> store = NewRemoteStore(rpc::NewChannel(config.store()));
  EmbedderService service(*store, config);
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server,
                   rpc::Server::Start("embedder", config.server(), {&service}));
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
  using namespace mannequin;
  rpc::BlockSignals();
  CLI::App app("Turns product text into vectors, and finds similar products.", "mannequin-embedder");
  std::string file, listen, store, bundles;
  app.add_option("--config", file, "EmbedderConfig in protobuf text format");
  app.add_option("--listen", listen, "HOST:PORT of the RPCs, over the file's");
  app.add_option("--store", store, "HOST:PORT of the store, over the file's");
  app.add_option("--bundles", bundles, "folder of bundles, over the file's");
  CLI11_PARSE(app, argc, argv);

  config::v1::EmbedderConfig config;
  absl::Status status = file.empty() ? absl::OkStatus() : ReadTextConfig(file, &config);
  if (!listen.empty()) config.mutable_server()->set_listen(listen);
  if (!store.empty()) config.set_store(store);
  if (!bundles.empty()) config.set_bundles(bundles);
  if (status.ok()) status = InitLog("embedder", config.server().log());
  if (status.ok()) status = Serve(config);
  if (status.ok()) return 0;
  spdlog::error("{}", status.ToString());
  return 1;
}
