// Whether the services answer, as the System tab shows it: grpc.health.v1 asked of each.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/console/gateway.h"

namespace mannequin {

// {"services":[{"name":"store","state":"serving","message":""},...],"metrics":[...]}; `state` is
// "serving", "not_serving" or "unreachable", and `message` says why it is unreachable.
// All are asked at once; none holds the answer up past `timeout`.
std::string ServiceHealthJson(const ConsoleChannels& channels, const std::vector<std::string>& metrics,
                              absl::Duration timeout);

}  // namespace mannequin
