#include "common/rpc/channel.h"

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

// Service config: round robin over a name's addresses, and up to four tries on
// UNAVAILABLE of calls that may be sent twice (method_access.h).
std::string ServiceConfig() {
  std::vector<std::string> names;
  for (const MethodAccess& row : AllMethodAccess()) {
    if (!row.MaySendTwice()) continue;
    const std::pair<std::string, std::string> name = absl::StrSplit(row.path.substr(1), '/');
    names.push_back(absl::StrCat(R"({"service":")", name.first, R"(","method":")", name.second, "\"}"));
  }
  return absl::StrCat(
      R"({"loadBalancingConfig":[{"round_robin":{}}],"methodConfig":[{"name":[)", absl::StrJoin(names, ","),
      R"(],"retryPolicy":{"maxAttempts":4,"initialBackoff":"0.1s","maxBackoff":"2s","backoffMultiplier":2,)"
      R"("retryableStatusCodes":["UNAVAILABLE"]}}]})");
}

}  // namespace

grpc::ChannelArguments ChannelArguments() {
  static const std::string service_config = ServiceConfig();
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(service_config);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  return arguments;
}

std::shared_ptr<grpc::Channel> NewChannel(const std::string& address, const config::v1::ClientConfig& client) {
  LogGrpcAsOurs();
  return grpc::experimental::CreateCustomChannelWithInterceptors(address, ClientCredentialsOf(client),
                                                                 ChannelArguments(), ClientInterceptors());
}

}  // namespace mannequin::rpc
