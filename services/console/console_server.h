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
//   GET  /session                   {"needed":true,"signedIn":true,"name":"ana","role":"catalog",
//                                   "methods":["ProductStore/GetProduct",...]}
//   POST /session, /session/end     {"token":"..."} signs in; {} signs out
//
// Without `token_file` and `tokens_file` there is no login (sessions.h): listen on loopback then (the default),
// or behind a proxy that has one. With one of them only the page's own files, /healthz and /session are open to
// everybody.
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
  // `config`'s listen, files of tokens and metrics, and `channels` are used; the addresses in `config` are
  // not. INVALID_ARGUMENT for a bad address; ALREADY_EXISTS naming the port when it is taken;
  // the errors of Sessions::Open.
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
