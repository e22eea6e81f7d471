// What a format makes of a line, as one string to compare.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/mannequin/ingest/record_format.h"

namespace mannequin {

// id|title|brand|path|attributes|description|url, "~" before a derived attribute.
inline std::string Rendered(const v1::Product& product) {
  const auto attribute = [](std::string* out, const v1::Attribute& a) {
    absl::StrAppend(out, a.derived() ? "~" : "", a.name(), "=", a.value());
  };
  return absl::StrCat(
      product.id(), "|", product.title(), "|", product.brand(), "|", absl::StrJoin(product.category_path(), ">"), "|",
      absl::StrJoin(product.attributes(), ",", attribute), "|", product.description(), "|", product.image_url());
}

// "<column>: <what>" for a line that is refused.
inline std::string ReadRecord(RecordFormat& format, absl::string_view line) {
  v1::Product product;
  product.set_title("left from the record before");
  product.add_category_path("left");
  product.add_attributes()->set_derived(true);
  RecordError error;
  if (!format.Parse(line, &product, &error)) return absl::StrCat(error.column, ": ", error.what);
  return Rendered(product);
}

inline std::string ReadRecord(absl::string_view format_name, absl::string_view line) {
  const std::unique_ptr<RecordFormat> format = *NewRecordFormat(format_name);
  return ReadRecord(*format, line);
}

}  // namespace mannequin
