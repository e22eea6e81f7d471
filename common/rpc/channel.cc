#include "common/rpc/channel.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/rpc/call_interceptors.h"
#include "common/rpc/grpc_log.h"
#include "common/rpc/method_access.h"
#include "common/rpc/tls.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace mannequin::rpc {
namespace {

constexpr int kMaxMessageBytes = 64 << 20;

// Is there one server and no other one to go to?
bool IsOneServer(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  unsigned char ip[sizeof(in6_addr)];
  return host == "localhost" || inet_pton(AF_INET, host.c_str(), ip) == 1 || inet_pton(AF_INET6, host.c_str(), ip) == 1;
}

// Service config: round robin over a name's addresses, and up to four tries on
// UNAVAILABLE of calls that may be sent twice (method_access.h). With `watch` only servers
// that say SERVING are called.
std::string ServiceConfig(bool watch) {
  std::vector<std::string> names;
  for (const MethodAccess& row : AllMethodAccess()) {
    if (!row.MaySendTwice()) continue;
    const std::pair<std::string, std::string> name = absl::StrSplit(row.path.substr(1), '/');
    names.push_back(absl::StrCat(R"({"service":")", name.first, R"(","method":")", name.second, "\"}"));
  }
  return absl::StrCat(
      "{", watch ? R"("healthCheckConfig":{"serviceName":""},)" : "",
      R"("loadBalancingConfig":[{"round_robin":{}}],"methodConfig":[{"name":[)", absl::StrJoin(names, ","),
      R"(],"retryPolicy":{"maxAttempts":4,"initialBackoff":"0.1s","maxBackoff":"2s","backoffMultiplier":2,)"
      R"("retryableStatusCodes":["UNAVAILABLE"]}}]})");
}

grpc::ChannelArguments ArgumentsWith(const std::string& service_config) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(service_config);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  // By default half a minute: replicas that are replaced one after another may all have gone by then.
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 2'000);
  return arguments;
}

}  // namespace

grpc::ChannelArguments ChannelArguments() {
  static const std::string service_config = ServiceConfig(false);
  return ArgumentsWith(service_config);
}

std::shared_ptr<grpc::Channel> NewChannel(const std::string& address, const config::v1::ClientConfig& client) {
  LogGrpcAsOurs();
  static const std::string watching = ServiceConfig(true);
  return grpc::experimental::CreateCustomChannelWithInterceptors(
      address, ClientCredentialsOf(client), IsOneServer(address) ? ChannelArguments() : ArgumentsWith(watching),
      ClientInterceptors());
}

}  // namespace mannequin::rpc
