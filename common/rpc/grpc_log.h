// gRPC's own lines as lines of our log.
#pragma once

namespace mannequin::rpc {

// Once is enough; servers and channels call it. What gRPC calls an error is mostly a peer's failed handshake: "info",
// which servers show and the command line, whose calls say the reason, does not. Thread-safe.
void LogGrpcAsOurs();

}  // namespace mannequin::rpc
