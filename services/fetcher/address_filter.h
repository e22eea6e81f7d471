// Keeps the fetcher out of our own network: an image URL is a stranger's text, and
// what it resolves to is known only when the connection is made. Asked for each socket
// before it connects, so that redirects and DNS answers that change are covered.
//
//   ASSIGN_OR_RETURN(AddressFilter filter, AddressFilter::Create({"127.0.0.1/32:8900"}));
//   if (filter.Check(address) == AddressFilter::Verdict::kForbidden) ...
//
// Forbidden are all addresses that are not global unicast (RFC 6890 and the IANA
// special-purpose registries): private, loopback, link-local, shared (CGNAT),
// multicast, unspecified, documentation, benchmarking, reserved; and the IPv6 ranges
// that carry an IPv4 address: mapped, NAT64, 6to4, Teredo.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// Immutable, so thread-safe.
class AddressFilter {
 public:
  enum class Verdict {
    kPublic,
    // Not public, or public, but named in the allow list.
    kAllowed,
    kForbidden,
  };

  // Without exceptions.
  AddressFilter() = default;
  // Each entry is "CIDR" or "CIDR:PORT": "10.1.0.0/16", "127.0.0.1/32:8900",
  // "::1/128:8900". INVALID_ARGUMENT names the entry that is none of these.
  static absl::StatusOr<AddressFilter> Create(const std::vector<std::string>& allow);

  // Anything but AF_INET and AF_INET6 is forbidden.
  Verdict Check(const sockaddr& address) const;

  // A range; IPv4 is held as ::ffff:a.b.c.d with 96 added to the prefix length.
  struct Range {
    std::array<std::uint8_t, 16> address{};
    int prefix_bits = 0;
    int port = 0;  // 0: any
  };

 private:
  std::vector<Range> allow_;
};

// "192.0.2.1:80", "[2001:db8::1]:443"; for messages.
std::string AddressText(const sockaddr& address);

}  // namespace mannequin
