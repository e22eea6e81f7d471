// The one server runner. Every service and the all-in-one binary are served by it.
//
//   BlockSignals();                       // first thing in main
//   ASSIGN_OR_RETURN(auto server, rpc::Server::Start("store", config.server(), {&service}));
//   server->SetServing(true);
//   WaitForSignal();
//   server->Drain();
//
// Health (grpc.health.v1), reflection, size limits, TLS, access control and the audit log on
// the service port (README.md); /metrics, /healthz and /readyz by HTTP on the admin port.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/metrics.h"
#include "grpcpp/channel.h"
#include "grpcpp/impl/service_type.h"
#include "mannequin/config/v1/config.pb.h"

namespace mannequin::rpc {

// Blocks SIGTERM, SIGINT and SIGHUP in this thread and those it starts. Ignores SIGPIPE.
void BlockSignals();
// Waits for SIGTERM or SIGINT; returns its number. Needs BlockSignals.
int WaitForSignal();

// Thread-safe.
class Server {
 public:
  // INVALID_ARGUMENT for a bad address, TLS files or access control that cannot be
  // (tls.h, access_control.h); ALREADY_EXISTS when the port is taken, naming it.
  // `services` must outlive the server. Starts NOT_SERVING.
  static absl::StatusOr<std::unique_ptr<Server>> Start(absl::string_view name, const config::v1::ServerConfig& config,
                                                       const std::vector<grpc::Service*>& services);
  // Drains.
  ~Server();

  // What health and /readyz answer.
  void SetServing(bool serving);
  // NOT_SERVING; clients that watch that (channel.h) get up to 3 s to go elsewhere; then no
  // new calls, calls in flight get `drain_ms`, then they are cancelled. Idempotent.
  void Drain();

  // To this server without a port between: for what runs in the same process, which is trusted
  // and asked for no name. Must be gone before the server.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // "127.0.0.1:8601", with the port that was really taken.
  const std::string& address() const;
  // Empty when there is no admin port.
  const std::string& admin_address() const;

  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin::rpc
