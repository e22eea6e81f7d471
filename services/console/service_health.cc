#include "services/console/service_health.h"

#include <future>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "common/base/steady.h"
#include "google/protobuf/wrappers.pb.h"
#include "nlohmann/json.hpp"

namespace mannequin {
namespace {

// HealthCheckRequest without a service name is the empty message, and field 1 of
// HealthCheckResponse is a varint with 1 for SERVING: the wrapper types of the same wire
// shape spare a copy of health.proto.
nlohmann::json Check(const std::string& name, const std::shared_ptr<grpc::Channel>& channel, absl::Time deadline) {
  google::protobuf::StringValue request;
  google::protobuf::UInt32Value response;
  const absl::Status status = CallUnary(channel, "/grpc.health.v1.Health/Check", request, {deadline}, &response);
  if (!status.ok()) return {{"name", name}, {"state", "unreachable"}, {"message", std::string(status.message())}};
  return {{"name", name}, {"state", response.value() == 1 ? "serving" : "not_serving"}, {"message", ""}};
}

}  // namespace

std::string ServiceHealthJson(const ConsoleChannels& channels, const std::vector<std::string>& metrics,
                              absl::Duration timeout) {
  const absl::Time deadline = WallNow() + timeout;
  const std::pair<const char*, std::shared_ptr<grpc::Channel>> services[] = {
      {"store", channels.store},     {"fetcher", channels.fetcher},     {"embedder", channels.embedder},
      {"trainer", channels.trainer}, {"generator", channels.generator}, {"scorer", channels.scorer},
  };
  std::vector<std::future<nlohmann::json>> checks;
  for (const auto& [name, channel] : services) {
    checks.push_back(std::async(std::launch::async, Check, name, channel, deadline));
  }
  nlohmann::json answer = {{"services", nlohmann::json::array()}, {"metrics", metrics}};
  for (std::future<nlohmann::json>& check : checks) answer["services"].push_back(check.get());
  return answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace mannequin
