// URLs as sellers give them, made safe to hand to the transfer engine.
//
//   ASSIGN_OR_RETURN(Url url, ParseUrl("HTTP://Example.com/a b.jpg"));
//   url.text  == "http://example.com/a%20b.jpg"
//   url.origin == "http://example.com:80"
//
// Parsed by libcurl's own URL API, so that what is checked is what is fetched.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

struct Url {
  // Normalised: scheme and host in lower case, names in punycode (where the locale is UTF-8) and without a dot at the
  // end, spaces escaped, no fragment.
  std::string text;
  // "scheme://host:port", what connections are counted by.
  std::string origin;
  // Without brackets and port.
  std::string host;
  // With the query: what robots.txt is about. At least "/".
  std::string path;
  // The host is an address: nothing to look up.
  bool is_address = false;
};

// INVALID_ARGUMENT, naming the fault: not http or https, no host, a user name in it,
// control characters, or longer than 2,048 bytes. Thread-safe.
absl::StatusOr<Url> ParseUrl(absl::string_view text);

}  // namespace mannequin
