#include "services/mannequin/ingest/amazon_fields.h"

#include "services/mannequin/ingest/catalog_text.h"
#include "services/mannequin/ingest/record_format.h"

namespace mannequin {

bool ReadAmazonPrice(JsonRecord& record, JsonValue& value, v1::Product* product) {
  absl::string_view text;
  if (record.IsNull(value)) return true;
  if (JsonRecord::FirstOf(value) != '"') {
    if (!record.ReadNumber("price", value, &text)) return false;
    OfferAttribute("price", text, product);
    return true;
  }
  if (!record.ReadString("price", value, &text)) return false;
  OfferAttribute("price", PriceOf(text), product);
  return true;
}

}  // namespace mannequin
