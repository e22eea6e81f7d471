// Sends RetryAfter of an error as gRPC's push-back, which clients with a retry policy
// honour by themselves.
// Source: https://github.com/grpc/proposal/blob/master/A6-client-retries.md
//
//   rpc::SendRetryAfter(status, *context);  // in the handler: "grpc-retry-pushback-ms: 40"
#pragma once

#include "absl/status/status.h"
#include "common/base/retry_after.h"
#include "grpcpp/client_context.h"
#include "grpcpp/server_context.h"

namespace mannequin::rpc {

inline constexpr char kRetryPushback[] = "grpc-retry-pushback-ms";

// Into the trailing metadata, when `status` says when.
void SendRetryAfter(const absl::Status& status, grpc::ServerContext& context);
// `status` with what the trailing metadata of an ended call, or else the last words of its message say;
// as it is when they say nothing.
absl::Status ReceiveRetryAfter(absl::Status status, const grpc::ClientContext& context);
// `status` with its RetryAfter, when there is one, as its last words: "...; try again in 40 ms". For a call
// that is refused before its handler: gRPC lets that send no metadata.
absl::Status SayRetryAfter(const absl::Status& status);

}  // namespace mannequin::rpc
