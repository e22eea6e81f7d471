// The Connect protocol's rules for unary calls in JSON: names and HTTP statuses of the
// error codes, the error body, the timeout header.
// Source: https://connectrpc.com/docs/protocol
//
//   HTTP/1.1 404 Not Found
//   Content-Type: application/json
//
//   {"code":"not_found","message":"no product \"B000\""}
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mannequin {

// "not_found". OK has no name in the protocol and is not asked for.
absl::string_view ConnectCode(absl::StatusCode code);

// 404 for NOT_FOUND, as the protocol's table says.
int ConnectHttpStatus(absl::StatusCode code);

// {"code":...,"message":...}. `status` is an error.
std::string ConnectErrorJson(const absl::Status& status);

// Value of Connect-Timeout-Ms: at most 10 digits, at least 1. INVALID_ARGUMENT otherwise.
absl::StatusOr<absl::Duration> ParseConnectTimeout(absl::string_view header);

}  // namespace mannequin
