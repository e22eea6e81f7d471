#include "common/rpc/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace mannequin::rpc {

absl::StatusOr<HostPort> ParseAddress(const std::string& address, const std::string& field) {
  HostPort result;
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(address.substr(colon + 1), &result.port) ||
      result.port < 0 || result.port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": \"", address, "\" is not HOST:PORT, e.g. 127.0.0.1:8601"));
  }
  result.host = address.substr(0, colon);
  if (result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']') {
    result.host = result.host.substr(1, result.host.size() - 2);
  }
  return result;
}

absl::Status CheckCanListen(const HostPort& address, const std::string& field) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string port = absl::StrCat(address.port);
  if (const int failed = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); failed != 0) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": ", address.host, ": ", gai_strerror(failed)));
  }
  auto free_found = absl::MakeCleanup([found] { freeaddrinfo(found); });
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(field, ": no socket"));
  auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // as the server itself: TIME_WAIT is no obstacle
  if (bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1) == 0) return absl::OkStatus();
  if (errno == EADDRINUSE) {
    return absl::AlreadyExistsError(absl::StrCat(field, ": port ", address.port, " on ", address.host,
                                                 " is taken by another process; stop it or choose another port"));
  }
  return absl::ErrnoToStatus(errno, absl::StrCat(field, ": cannot listen on ", address.host, ":", address.port));
}

bool IsLoopback(const HostPort& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.host.c_str(), nullptr, &hints, &found) != 0) return false;
  auto free_found = absl::MakeCleanup([found] { freeaddrinfo(found); });
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      const auto* ip = reinterpret_cast<const sockaddr_in*>(each->ai_addr);
      if (ntohl(ip->sin_addr.s_addr) >> 24 != 127) return false;
    } else if (each->ai_family == AF_INET6) {
      const auto* ip = reinterpret_cast<const sockaddr_in6*>(each->ai_addr);
      if (!IN6_IS_ADDR_LOOPBACK(&ip->sin6_addr)) return false;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace mannequin::rpc
