#include "services/console/request_guard.h"

#include <arpa/inet.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mannequin {
namespace {

bool IsLoopback(const std::string& name) {
  if (absl::EqualsIgnoreCase(name, "localhost") || name == "[::1]") return true;
  in_addr address{};
  return inet_pton(AF_INET, name.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

}  // namespace

absl::Status CheckOrigin(absl::string_view origin, absl::string_view host) {
  if (origin.empty()) return absl::OkStatus();
  absl::string_view authority = origin;
  if ((absl::ConsumePrefix(&authority, "http://") || absl::ConsumePrefix(&authority, "https://")) && !host.empty() &&
      absl::EqualsIgnoreCase(authority, host)) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrCat("origin ", origin, " is not this console (", host, ")"));
}

absl::Status CheckLoopbackHost(absl::string_view host) {
  absl::string_view name = host;
  // "[::1]" has colons of its own.
  if (const auto colon = name.rfind(':'); colon != absl::string_view::npos && !absl::EndsWith(name, "]")) {
    name = name.substr(0, colon);
  }
  if (IsLoopback(std::string(name))) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "host \"", host, "\" is not this machine: the console listens on loopback only; open it as localhost, ",
      "or set `listen` to the address that others use"));
}

absl::Status CheckContentType(absl::string_view content_type, absl::string_view expected) {
  const auto semicolon = content_type.find(';');
  const absl::string_view type = absl::StripAsciiWhitespace(content_type.substr(0, semicolon));
  std::string parameter;
  if (semicolon != absl::string_view::npos) {
    parameter = absl::AsciiStrToLower(absl::StripAsciiWhitespace(content_type.substr(semicolon + 1)));
  }
  if (absl::EqualsIgnoreCase(type, expected) && (parameter.empty() || parameter == "charset=utf-8")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("Content-Type: expected ", expected, ", got \"", content_type, "\""));
}

}  // namespace mannequin
