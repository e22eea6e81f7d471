// A feed of tab-separated text: a header, then lines.
#include <cstdint>

#include "absl/strings/str_split.h"
#include "tests/fuzz/record_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::unique_ptr<mannequin::RecordFormat> format = *mannequin::NewRecordFormat("merchant");
  bool has_header = false;
  mannequin::v1::Product product;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (has_header) {
      mannequin::CheckLine(*format, line, &product);
      continue;
    }
    mannequin::RecordError error;
    if (!format->ReadHeader(line, &error)) {
      FUZZ_CHECK(!error.what.empty());
      return 0;
    }
    has_header = true;
  }
  return 0;
}
