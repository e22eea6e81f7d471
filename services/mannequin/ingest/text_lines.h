// Lines of a text that is in memory.
#pragma once

#include <cstring>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace mannequin {

// The line that begins at `*position`, without its end ("\n" or "\r\n"); moves `*position`
// to the next.
inline absl::string_view NextLine(absl::string_view text, size_t* position) {
  const char* const begin = text.data() + *position;
  const size_t left = text.size() - *position;
  const void* const end = std::memchr(begin, '\n', left);
  const size_t length = end == nullptr ? left : static_cast<size_t>(static_cast<const char*>(end) - begin);
  *position += end == nullptr ? length : length + 1;
  return absl::StripSuffix(absl::string_view(begin, length), "\r");
}

inline bool IsBlank(absl::string_view line) { return line.find_first_not_of(" \t\f") == absl::string_view::npos; }

}  // namespace mannequin
