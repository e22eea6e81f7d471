// mannequin-console: the web page and the JSON gateway.
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "services/console/console_server.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

std::shared_ptr<grpc::Channel> Channel(const std::string& address, int port) {
  return rpc::NewChannel(address.empty() ? "127.0.0.1:" + std::to_string(port) : address);
}

absl::Status Run(const std::string& config_file, const std::string& listen) {
  config::v1::ConsoleConfig config;
  if (!config_file.empty()) RETURN_IF_ERROR(ReadTextConfig(config_file, &config));
  if (!listen.empty()) config.set_listen(listen);
  RETURN_IF_ERROR(InitLog("console", config.log()));
  const ConsoleChannels channels = {
      Channel(config.store(), 8601),   Channel(config.fetcher(), 8602),   Channel(config.embedder(), 8603),
      Channel(config.trainer(), 8604), Channel(config.generator(), 8605), Channel(config.scorer(), 8606),
  };
  ASSIGN_OR_RETURN(const std::unique_ptr<ConsoleServer> server, ConsoleServer::Start(config, channels));
  spdlog::info("the console is at http://{}/", server->address());
  const int signal = rpc::WaitForSignal();
  spdlog::info("signal {}: stopping", signal);
  server->Stop();
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  mannequin::rpc::BlockSignals();
  CLI::App app{"Web page and JSON gateway of Mannequin"};
  std::string config_file;
  std::string listen;
  app.add_option("--config", config_file, "Text proto of mannequin.config.v1.ConsoleConfig");
  app.add_option("--listen", listen, "HOST:PORT instead of the configuration's; default 127.0.0.1:8680");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = mannequin::Run(config_file, listen);
  if (!status.ok()) std::fprintf(stderr, "mannequin-console: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
