// The console: one page and a JSON gateway to every service, on one HTTP port.
//
//   ASSIGN_OR_RETURN(auto console, ConsoleServer::Start(config, channels));
//   std::cout << "http://" << console->address() << "\n";
//
//   GET  /                          the page
//   POST /mannequin.v1.Service/Method   a unary or server-streaming RPC as JSON, by the Connect
//                                   protocol
//   GET  /images/PRODUCT_ID         the product's image or approved placeholder; the
//                                   latter with X-Mannequin-Generated: true
//   GET  /placeholders/PRODUCT_ID.png   a placeholder in any state, for its review
//   GET  /events/crawl?job=ID, /events/training?job=ID, /events/job?job=ID
//                                   a job's progress as server-sent events
//   GET  /health/services           whether the services answer
//   GET  /healthz                   200 "ok"
//   GET  /session                   {"needed":true,"signedIn":false}
//   POST /session, /session/end     {"token":"..."} signs in; {} signs out
//
// Without `token_file` there is no login: listen on loopback then (the default), or behind a proxy
// that has one. With it only the page's own files, /healthz and /session are open to everybody.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "mannequin/config/v1/config.pb.h"
#include "services/console/gateway.h"

namespace mannequin {

// Thread-safe.
class ConsoleServer {
 public:
  // `config.listen`, `config.token_file` and `channels` are used; the addresses in `config` are
  // not. INVALID_ARGUMENT for a bad address; ALREADY_EXISTS naming the port when it is taken;
  // ReadTokenFile's errors.
  static absl::StatusOr<std::unique_ptr<ConsoleServer>> Start(const config::v1::ConsoleConfig& config,
                                                              const ConsoleChannels& channels);
  // Stops.
  ~ConsoleServer();

  // "127.0.0.1:8680", with the port that was really taken.
  const std::string& address() const;

  // Ends event streams, waits for calls in flight. Idempotent.
  void Stop();

  struct Impl;
  explicit ConsoleServer(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
