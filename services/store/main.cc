// mannequin-store: the store as a process of its own.
#include <iostream>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/rpc/server.h"
#include "services/store/rocks_store.h"
#include "services/store/store_service.h"

namespace {

using namespace mannequin;  // NOLINT: main is where it all comes together.

absl::Status Run(const config::v1::StoreConfig& config) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, RocksStore::Open(config, Clock::Real()));
  StoreService service(*store);
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server, rpc::Server::Start("store", config.server(), {&service}));
  server->SetServing(true);
  rpc::WaitForSignal();
  server->Drain();
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  rpc::BlockSignals();
  CLI::App app("Keeps products, images, embeddings, jobs, placeholders and verdicts.", "mannequin-store");
  std::string file, data, listen, admin_listen;
  app.add_option("--config", file, "text-format mannequin.config.v1.StoreConfig");
  app.add_option("--data", data, "RocksDB's folder (over the file's)");
  app.add_option("--listen", listen, "HOST:PORT of the RPCs (over the file's)");
  app.add_option("--admin-listen", admin_listen, "HOST:PORT of health and metrics (over the file's)");
  CLI11_PARSE(app, argc, argv);

  config::v1::StoreConfig config;
  absl::Status status = file.empty() ? absl::OkStatus() : ReadTextConfig(file, &config);
  if (!data.empty()) config.set_data(data);
  if (!listen.empty()) config.mutable_server()->set_listen(listen);
  if (!admin_listen.empty()) config.mutable_server()->set_admin_listen(admin_listen);
  if (status.ok()) status = InitLog("store", config.server().log());
  if (status.ok()) status = Run(config);
  if (status.ok()) return 0;
  std::cerr << "mannequin-store: " << status << "\n";
  return 1;
}
