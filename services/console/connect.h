// The Connect protocol's rules in JSON: names and HTTP statuses of the error codes, the
// error body, the timeout header, and the envelopes of streams.
// Source: https://connectrpc.com/docs/protocol
//
//   HTTP/1.1 404 Not Found
//   Content-Type: application/json
//
//   {"code":"not_found","message":"no product \"B000\""}
//
// A stream's body, both ways, is envelopes one after another:
//
//   flags (1 byte)  length (4 bytes, big endian)  JSON of that length
//
// A server's last one has the flag kConnectEndOfStream: {} or {"error":{...}}. The HTTP status is
// 200 whatever becomes of the call.
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

inline constexpr unsigned char kConnectEndOfStream = 2;

// One envelope.
std::string ConnectEnvelope(absl::string_view json, unsigned char flags = 0);

// The envelope that ends a stream; `status` may be OK.
std::string ConnectEndOfStream(const absl::Status& status);

// The one message that a server-streaming call's body is. INVALID_ARGUMENT when it is cut short,
// compressed, or more than one. The view is into `body`.
absl::StatusOr<absl::string_view> OnlyConnectMessage(absl::string_view body);

}  // namespace mannequin
