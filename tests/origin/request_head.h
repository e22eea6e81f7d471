// The head of an HTTP/1.x request, as far as an origin of pictures needs it.
#pragma once

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace mannequin {

struct RequestHead {
  // Up to and with the empty line.
  std::size_t bytes = 0;
  absl::string_view method;
  // As the request line has it: path and query.
  absl::string_view target;
  // Empty when not sent.
  absl::string_view if_none_match;
  // HTTP/1.0, or the client asked for it.
  bool close = false;

  // Without the query.
  absl::string_view path() const;
};

// Views into `bytes`. Nothing while the head is not whole; one without a method or target
// has an empty `target`.
std::optional<RequestHead> ParseRequestHead(absl::string_view bytes);

}  // namespace mannequin
