#include "common/rpc/retry_after.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mannequin::rpc {
namespace {

constexpr absl::string_view kWords = "; try again in ", kUnit = " ms";

// Of the last words of `message`; empty when it has none.
absl::string_view MillisecondsSaid(absl::string_view message) {
  const std::size_t at = message.rfind(kWords);
  if (at == absl::string_view::npos || !absl::ConsumeSuffix(&message, kUnit)) return {};
  return message.substr(std::min(message.size(), at + kWords.size()));
}

}  // namespace

void SendRetryAfter(const absl::Status& status, grpc::ServerContext& context) {
  if (const std::optional<absl::Duration> after = RetryAfter(status)) {
    context.AddTrailingMetadata(kRetryPushback, std::to_string(absl::ToInt64Milliseconds(*after)));
  }
}

absl::Status ReceiveRetryAfter(absl::Status status, const grpc::ClientContext& context) {
  if (status.ok()) return status;
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto found = metadata.find(kRetryPushback);
  const std::string said = found == metadata.end() ? std::string(MillisecondsSaid(status.message()))
                                                   : std::string(found->second.data(), found->second.size());
  std::int64_t milliseconds = 0;
  // A negative push-back means never.
  if (!absl::SimpleAtoi(said, &milliseconds) || milliseconds < 0) return status;
  return WithRetryAfter(std::move(status), absl::Milliseconds(milliseconds));
}

absl::Status SayRetryAfter(const absl::Status& status) {
  const std::optional<absl::Duration> after = RetryAfter(status);
  if (!after.has_value()) return status;
  return WithRetryAfter(
      absl::Status(status.code(), absl::StrCat(status.message(), kWords, absl::ToInt64Milliseconds(*after), kUnit)),
      *after);
}

}  // namespace mannequin::rpc
