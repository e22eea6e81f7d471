// What every catalogue line must hold, whatever its dialect: it is a product within the bounds
// or refused with a reason.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/utf8.h"
#include "services/mannequin/ingest/record_format.h"
#include "tests/fuzz/check.h"

namespace mannequin {

inline void CheckLine(RecordFormat& format, absl::string_view line, v1::Product* product) {
  RecordError error;
  if (!format.Parse(line, product, &error)) {
    FUZZ_CHECK(!error.what.empty());
    return;
  }
  RecordError refusal;
  FUZZ_CHECK(CheckProduct(*product, &refusal));
  // What goes into a message must be UTF-8.
  FUZZ_CHECK(FindInvalidUtf8(product->title()) == product->title().size());
  FUZZ_CHECK(FindInvalidUtf8(product->description()) == product->description().size());
  FUZZ_CHECK(product->SerializeAsString().size() < (1u << 20));
}

}  // namespace mannequin
