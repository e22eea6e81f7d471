// The one channel factory: TLS and tokens, keepalive, message size, round robin over all
// addresses of a name, retries on UNAVAILABLE of calls that may be sent twice, and the ids
// of the call that one is made for (call_ids.h). Where there may be several servers (a name,
// or "ipv4:A,B"), those are called whose health is SERVING: one that starts or drains gets no
// calls, and none fails.
//
//   auto stub = v1::ProductStore::NewStub(rpc::NewChannel("store:8601", config.client()));
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/base/steady.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/channel_arguments.h"
#include "mannequin/config/v1/config.pb.h"

namespace mannequin::rpc {

// Never fails: an address that cannot be reached shows at the first call. Whether `client` can
// be is asked before, by CheckClient (tls.h); a service's main does that (service_main.h).
std::shared_ptr<grpc::Channel> NewChannel(const std::string& address, const config::v1::ClientConfig& client = {});
// What is the same for every channel.
grpc::ChannelArguments ChannelArguments();

// Every call has a deadline.
inline void SetDeadline(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(WallNow() + timeout));
}

}  // namespace mannequin::rpc
