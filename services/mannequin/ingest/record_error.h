// Why one line of a catalogue is not a product.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace mannequin {

struct RecordError {
  // Byte within the line, from 1; 0 when the fault is the record's as a whole.
  int column = 0;
  // E.g. `price: expected a number, got "abc"`.
  std::string what;
};

// `text` with its control characters as "\x0a": a reason quotes what the line holds, and
// must stay one line in a file and on a terminal.
inline std::string Printable(absl::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      shown += c;
    } else {
      absl::StrAppend(&shown, "\\x", absl::Hex(byte, absl::kZeroPad2));
    }
  }
  return shown;
}

// "<catalog>:<line>[:<column>]: <what>".
inline std::string DescribeFault(absl::string_view catalog, int64_t line_number, const RecordError& error) {
  std::string place = absl::StrCat(catalog, ":", line_number);
  if (error.column > 0) absl::StrAppend(&place, ":", error.column);
  return absl::StrCat(place, ": ", Printable(error.what));
}

}  // namespace mannequin
