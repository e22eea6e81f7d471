// "host:port" and whether it can be listened on.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace mannequin::rpc {

struct HostPort {
  std::string host;
  int port = 0;
};

// INVALID_ARGUMENT naming `field` when `address` is not "host:port" with a port of 0 to
// 65535. "[::1]:80" gives host "::1".
absl::StatusOr<HostPort> ParseAddress(const std::string& address, const std::string& field);

// ALREADY_EXISTS when another socket listens there, naming the port and what to do;
// PERMISSION_DENIED or INVALID_ARGUMENT by what the system says.
absl::Status CheckCanListen(const HostPort& address, const std::string& field);

// Whether all that `address` names is this machine by its loopback, so that nobody else can listen in.
bool IsLoopback(const HostPort& address);

}  // namespace mannequin::rpc
