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

// "<catalog>:<line>[:<column>]: <what>".
inline std::string DescribeFault(absl::string_view catalog, int64_t line_number, const RecordError& error) {
  std::string place = absl::StrCat(catalog, ":", line_number);
  if (error.column > 0) absl::StrAppend(&place, ":", error.column);
  return absl::StrCat(place, ": ", error.what);
}

}  // namespace mannequin
