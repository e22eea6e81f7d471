// Which origin a listing's image URL is of: what the queue of fetches is ordered by, so
// that one slow origin holds up only itself.
//
//   OriginOf("HTTP://Shop.example/a.jpg") == "http://shop.example:80"
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mannequin::store {

// "scheme://host:port" in lower case, cut at 255 bytes; empty for what is no http or https
// URL with a host. Judges nothing else: the fetcher does. A microsecond at most, since
// every product that is ingested passes here. Thread-safe.
std::string OriginOf(absl::string_view url);

}  // namespace mannequin::store
