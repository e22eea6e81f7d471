// When to try again what was refused for want of room, as a part of the error.
//
//   return WithRetryAfter(absl::ResourceExhaustedError("..."), absl::Milliseconds(40));
//
// common/rpc/retry_after.h sends it to the client.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace mannequin {

inline constexpr char kRetryAfterPayload[] = "mannequin/retry-after-ms";

// `status` is an error. In whole milliseconds, at least one.
inline absl::Status WithRetryAfter(absl::Status status, absl::Duration after) {
  const std::int64_t milliseconds = std::max<std::int64_t>(1, absl::ToInt64Milliseconds(after));
  status.SetPayload(kRetryAfterPayload, absl::Cord(absl::StrCat(milliseconds)));
  return status;
}

// Not set: trying again helps nobody, or nobody knows when.
inline std::optional<absl::Duration> RetryAfter(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryAfterPayload);
  std::int64_t milliseconds = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &milliseconds)) return std::nullopt;
  return absl::Milliseconds(milliseconds);
}

}  // namespace mannequin
