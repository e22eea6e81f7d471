#include "common/rpc/retry_after.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"

namespace mannequin::rpc {

void SendRetryAfter(const absl::Status& status, grpc::ServerContext& context) {
  if (const std::optional<absl::Duration> after = RetryAfter(status)) {
    context.AddTrailingMetadata(kRetryPushback, std::to_string(absl::ToInt64Milliseconds(*after)));
  }
}

absl::Status ReceiveRetryAfter(absl::Status status, const grpc::ClientContext& context) {
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto found = metadata.find(kRetryPushback);
  std::int64_t milliseconds = 0;
  // A negative push-back means never.
  if (status.ok() || found == metadata.end() ||
      !absl::SimpleAtoi({found->second.data(), found->second.size()}, &milliseconds) || milliseconds < 0) {
    return status;
  }
  return WithRetryAfter(std::move(status), absl::Milliseconds(milliseconds));
}

}  // namespace mannequin::rpc
