// A dialect of catalogue lines. To add one: a class here-after like snap_format.h and an
// entry in record_format.cc.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<RecordFormat> format, NewRecordFormat("snap"));
//   v1::Product product;
//   RecordError error;
//   if (!format->Parse(line, &product, &error)) Reject(line, error);
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/store/product_bounds.h"
#include "mannequin/v1/product.pb.h"
#include "services/mannequin/ingest/record_error.h"

namespace mannequin {

// Not thread-safe: it keeps buffers between calls.
class RecordFormat {
 public:
  virtual ~RecordFormat() = default;
  // E.g. "snap".
  virtual absl::string_view name() const = 0;
  // One that reads what this one reads, with what the header said and buffers of its own:
  // each thread that parses has one.
  virtual std::unique_ptr<RecordFormat> Clone() const = 0;
  // Whether a file begins with a line that is no record and says how to read the others.
  virtual bool HasHeader() const { return false; }
  // Takes that line, once, before the first Parse. False: `error` says why it is none.
  virtual bool ReadHeader(absl::string_view /*line*/, RecordError* error) {
    *error = {0, "this format has no header"};
    return false;
  }
  // Replaces all of `product` (its memory is used again) with what `line` says, within the
  // bounds of proto/mannequin/v1/product.proto. False: `error` says why it is no product.
  virtual bool Parse(absl::string_view line, v1::Product* product, RecordError* error) = 0;
  // Whether titles may then be searched for what the seller gave no attribute for
  // (derived_attributes.h): not where products are to be taken as they are.
  virtual bool DerivesAttributes() const { return true; }
};

// Names for NewRecordFormat, in the order in which a file is tried.
const std::vector<absl::string_view>& KnownFormats();

// INVALID_ARGUMENT for a name that is not known; lists those that are.
absl::StatusOr<std::unique_ptr<RecordFormat>> NewRecordFormat(absl::string_view name);

// Sets an attribute that the seller gave; one of that name takes the new value.
void SetAttribute(absl::string_view name, absl::string_view value, v1::Product* product);
// The same for one that a product is whole without: left out when `value` is empty, when
// either is over the bounds of product.proto, or when 64 are there already.
void OfferAttribute(absl::string_view name, absl::string_view value, v1::Product* product);

// The bounds of product.proto, and the rule that every format shares: a product has an id,
// and a title or a category. False: `error` names the field and its bound.
bool CheckProduct(const v1::Product& product, RecordError* error);

}  // namespace mannequin
