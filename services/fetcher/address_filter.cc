#include "services/fetcher/address_filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

Bytes Mapped(const void* v4) {
  Bytes bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(&bytes[12], v4, 4);
  return bytes;
}

bool IsMapped(const Bytes& bytes) {
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t b) { return b == 0; }) && bytes[10] == 0xff &&
         bytes[11] == 0xff;
}

bool Contains(const AddressFilter::Range& range, const Bytes& address) {
  const int whole = range.prefix_bits / 8;
  const int rest = range.prefix_bits % 8;
  if (!std::equal(address.begin(), address.begin() + whole, range.address.begin())) return false;
  if (rest == 0) return true;
  const int mask = 0xff00 >> rest & 0xff;
  return (address[whole] & mask) == (range.address[whole] & mask);
}

// "CIDR" or "CIDR:PORT".
absl::StatusOr<AddressFilter::Range> ParseRange(absl::string_view text) {
  const auto bad = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("allow_addresses: \"", text, "\": ", why,
                                                   "; expected CIDR or CIDR:PORT, e.g. \"127.0.0.1/32:8900\""));
  };
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  const std::vector<absl::string_view> tail = absl::StrSplit(parts.second, ':');
  AddressFilter::Range range;
  in_addr v4;
  int most = 128;
  const std::string address(parts.first);
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    range.address = Mapped(&v4);
    most = 32;
  } else if (inet_pton(AF_INET6, address.c_str(), range.address.data()) != 1) {
    return bad("not an address");
  }
  // A view of nothing, as after a missing "/", splits into no parts at all.
  if (tail.empty()) return bad("no prefix length");
  if (!absl::SimpleAtoi(tail[0], &range.prefix_bits) || range.prefix_bits < 0 || range.prefix_bits > most) {
    return bad("no prefix length that fits the address");
  }
  if (tail.size() > 2) return bad("too many colons");
  if (tail.size() == 2 && (!absl::SimpleAtoi(tail[1], &range.port) || range.port < 1 || range.port > 65535)) {
    return bad("the port is not 1 to 65535");
  }
  if (most == 32) range.prefix_bits += 96;
  return range;
}

std::vector<AddressFilter::Range> Ranges(std::initializer_list<const char*> texts) {
  std::vector<AddressFilter::Range> ranges;
  for (const char* text : texts) ranges.push_back(*ParseRange(text));
  return ranges;
}

bool InAny(const std::vector<AddressFilter::Range>& ranges, const Bytes& address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) { return Contains(range, address); });
}

bool IsPublicV4(const Bytes& address) {
  static const auto& special = *new std::vector<AddressFilter::Range>(
      Ranges({"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
              "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
              "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"}));
  return !InAny(special, address);
}

// Global unicast is 2000::/3 alone: that leaves out ::/8 (unspecified, loopback,
// mapped, NAT64), fc00::/7, fe80::/10 and ff00::/8 without naming them.
bool IsPublicV6(const Bytes& address) {
  static const auto& global = *new std::vector<AddressFilter::Range>(Ranges({"2000::/3"}));
  // 2001::/23 holds Teredo, ORCHID and other protocol assignments; 2002::/16 is 6to4.
  static const auto& special =
      *new std::vector<AddressFilter::Range>(Ranges({"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"}));
  return InAny(global, address) && !InAny(special, address);
}

}  // namespace

absl::StatusOr<AddressFilter> AddressFilter::Create(const std::vector<std::string>& allow) {
  AddressFilter filter;
  for (const std::string& text : allow) {
    ASSIGN_OR_RETURN(Range range, ParseRange(text));
    filter.allow_.push_back(range);
  }
  return filter;
}

AddressFilter::Verdict AddressFilter::Check(const sockaddr& address) const {
  Bytes bytes{};
  int port = 0;
  bool is_public = false;
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    bytes = Mapped(&v4.sin_addr);
    port = ntohs(v4.sin_port);
    is_public = IsPublicV4(bytes);
  } else if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    port = ntohs(v6.sin6_port);
    is_public = !IsMapped(bytes) && IsPublicV6(bytes);
  } else {
    return Verdict::kForbidden;
  }
  for (const Range& range : allow_) {
    if ((range.port == 0 || range.port == port) && Contains(range, bytes)) return Verdict::kAllowed;
  }
  return is_public ? Verdict::kPublic : Verdict::kForbidden;
}

std::string AddressText(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return absl::StrCat(text, ":", ntohs(v4.sin_port));
  }
  if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return absl::StrCat("[", text, "]:", ntohs(v6.sin6_port));
  }
  return absl::StrCat("address family ", address.sa_family);
}

}  // namespace mannequin
