// Fields that Amazon's collections of several years have alike.
#pragma once

#include "mannequin/v1/product.pb.h"
#include "services/mannequin/ingest/json_record.h"

namespace mannequin {

// A price as number or text, the attribute "price" of `product`; left out where it is none
// ("None", "from 5.99", dashes, a page's code). False: `record` says why.
bool ReadAmazonPrice(JsonRecord& record, JsonValue& value, v1::Product* product);

}  // namespace mannequin
