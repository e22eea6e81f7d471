// A line of JSON in each dialect: our own and the two dumps'.
#include <cstdint>

#include "tests/fuzz/record_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view line(reinterpret_cast<const char*>(data), size);
  static auto& product = *new mannequin::v1::Product;
  for (const char* name : {"jsonl", "amazon-2018", "amazon-2023"}) {
    // Made anew: a buffer that is read past its end is then seen.
    mannequin::CheckLine(**mannequin::NewRecordFormat(name), line, &product);
  }
  return 0;
}
