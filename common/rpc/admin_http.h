// The admin port: /metrics for Prometheus, /healthz (the process answers) and /readyz
// (it serves), by plain HTTP, apart from the service port so that probes need no
// certificate.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace mannequin::rpc {

class AdminHttp {
 public:
  // Errors as for Server::Start. `ready` must outlive it.
  static absl::StatusOr<std::unique_ptr<AdminHttp>> Start(const std::string& address, const std::atomic<bool>& ready);
  ~AdminHttp();
  // "host:port" with the port that was really taken.
  const std::string& address() const;

  struct Impl;
  explicit AdminHttp(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin::rpc
