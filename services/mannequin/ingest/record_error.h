// Why one line of a catalogue is not a product.
#pragma once

#include <string>

namespace mannequin {

struct RecordError {
  // Byte within the line, from 1; 0 when the fault is the record's as a whole.
  int column = 0;
  // E.g. `price: expected a number, got "abc"`.
  std::string what;
};

}  // namespace mannequin
