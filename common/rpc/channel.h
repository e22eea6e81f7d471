// The one channel factory: keepalive, message size, round robin over all addresses of
// a name, and retries of idempotent calls on UNAVAILABLE.
//
//   auto stub = v1::ProductStore::NewStub(rpc::NewChannel("store:8601"));
#pragma once

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"

namespace mannequin::rpc {

// Never fails: an address that cannot be reached shows at the first call.
std::shared_ptr<grpc::Channel> NewChannel(const std::string& address);

// Every call has a deadline.
inline void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

}  // namespace mannequin::rpc
