#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mannequin {

// A loopback port that was free just now: for a server whose port must be known before it starts.
inline int FreePort() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  // 0 when the system has none to give: nobody listens there, and the test says so.
  bind(listener, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  close(listener);
  return ntohs(address.sin_port);
}

}  // namespace mannequin
