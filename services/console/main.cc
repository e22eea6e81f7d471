// mannequin-console: the web page and the JSON gateway. See README.md.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/service_main.h"
#include "services/console/console_server.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

// Readers' tokens go on with their calls: not over the network in plain text.
absl::Status CheckTokensStaySecret(const config::v1::ConsoleConfig& config) {
  if (config.tokens_file().empty() || !config.client().tls_ca_file().empty()) return absl::OkStatus();
  for (const std::string& address :
       {config.store(), config.fetcher(), config.embedder(), config.trainer(), config.generator(), config.scorer()}) {
    if (address.empty()) continue;
    ASSIGN_OR_RETURN(const rpc::HostPort where, rpc::ParseAddress(address, "address"));
    if (rpc::IsLoopback(where)) continue;
    return absl::InvalidArgumentError(absl::StrCat("tokens_file: readers' tokens would go to ", address,
                                                   " in plain text; set client { tls_ca_file: ... }"));
  }
  return absl::OkStatus();
}

absl::Status Serve(const config::v1::ConsoleConfig& config) {
  RETURN_IF_ERROR(CheckTokensStaySecret(config));
  const auto channel = [&config](const std::string& address, int port) {
    return rpc::NewChannel(address.empty() ? "127.0.0.1:" + std::to_string(port) : address, config.client());
  };
  const ConsoleChannels channels = {
      channel(config.store(), 8601),   channel(config.fetcher(), 8602),   channel(config.embedder(), 8603),
      channel(config.trainer(), 8604), channel(config.generator(), 8605), channel(config.scorer(), 8606),
  };
  ASSIGN_OR_RETURN(const std::unique_ptr<ConsoleServer> server, ConsoleServer::Start(config, channels));
  spdlog::info("the console is at http://{}/", server->address());
  rpc::WaitForSignal();
  server->Stop();
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  mannequin::config::v1::ConsoleConfig config;
  return mannequin::rpc::ServiceMain(argc, argv, {"console", "Web page and JSON gateway of Mannequin.", {}}, &config,
                                     [&] { return mannequin::Serve(config); });
}
