// Our own catalogue lines: one mannequin.v1.Product a line in protobuf's JSON mapping.
//
//   {"id": "B00X", "title": "Red Dress", "categoryPath": ["Apparel", "Dress"], "imageUrl": "https://...",
//    "attributes": [{"name": "color", "value": "red", "derived": true}]}
//
// Names may be lowerCamelCase or as in product.proto; null is absent. Stricter than
// protobuf's own parser, which takes single quotes, bare words and a name twice: a name
// that is unknown or stands twice is an error, and so is everything that RFC 8259 is not.
// A product is taken as it is: nothing is decoded, nothing derived.
// Source: https://protobuf.dev/programming-guides/json/.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "services/mannequin/ingest/json_record.h"
#include "services/mannequin/ingest/record_format.h"

namespace mannequin {

class JsonlFormat : public RecordFormat {
 public:
  absl::string_view name() const override { return "jsonl"; }
  std::unique_ptr<RecordFormat> Clone() const override { return std::make_unique<JsonlFormat>(); }
  bool Parse(absl::string_view line, v1::Product* product, RecordError* error) override;
  bool DerivesAttributes() const override { return false; }

 private:
  bool ReadField(absl::string_view key, JsonValue& value, v1::Product* product);
  bool ReadText(int number, absl::string_view field, JsonValue& value, std::string* text);
  bool ReadCategoryPath(absl::string_view field, JsonValue& value, v1::Product* product);
  bool ReadAttributes(JsonValue& value, v1::Product* product);
  bool ReadAttribute(JsonValue& value, v1::Attribute* attribute);
  // False, and a fault recorded, when the field of that number has been there.
  bool Once(int number, absl::string_view field, JsonValue& value, uint32_t* seen) {
    const uint32_t bit = 1u << number;
    if ((*seen & bit) != 0) return record_.FailAt(value, std::string(field) + ": stands twice");
    *seen |= bit;
    return true;
  }

  JsonRecord record_;
  // A bit a field's number.
  uint32_t seen_ = 0;
};

}  // namespace mannequin
