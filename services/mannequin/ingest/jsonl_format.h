// Our own catalogue lines: one mannequin.v1.Product a line in protobuf's JSON mapping.
//
//   {"id": "B00X", "title": "Red Dress", "categoryPath": ["Apparel", "Dress"], "imageUrl": "https://..."}
//
// Names may be lowerCamelCase or as in product.proto. An unknown name is an error.
// Source: https://protobuf.dev/programming-guides/json/.
#pragma once

#include <memory>

#include "services/mannequin/ingest/record_format.h"

namespace mannequin {

class JsonlFormat : public RecordFormat {
 public:
  absl::string_view name() const override { return "jsonl"; }
  std::unique_ptr<RecordFormat> Clone() const override { return std::make_unique<JsonlFormat>(); }
  bool Parse(absl::string_view line, v1::Product* product, RecordError* error) override;
};

}  // namespace mannequin
