// Python literals: any value, and the SNAP dump's lines that are made of them.
#include <cstdint>

#include "services/mannequin/ingest/python_literal.h"
#include "tests/fuzz/record_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  mannequin::LiteralCursor cursor;
  cursor.Reset(text);
  if (!cursor.SkipValue()) FUZZ_CHECK(!cursor.error().what.empty());
  static const auto& snap = *new std::unique_ptr<mannequin::RecordFormat>(*mannequin::NewRecordFormat("snap"));
  static auto& product = *new mannequin::v1::Product;
  mannequin::CheckLine(*snap, text, &product);
  return 0;
}
