// Products as lines of a catalogue file that ingest reads back the same.
//
//   AttributeColumns columns;                        // of merchant only: a first pass collects them
//   std::unique_ptr<CatalogWriter> writer = NewMerchantWriter(columns);
//   writer->AppendHeader(&text);
//   RETURN_IF_ERROR(writer->Append(product, &text));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin {

// Names of attributes, each a column of a merchant feed, in the order in which they were seen.
class AttributeColumns {
 public:
  // More would make lines of mostly tabs.
  static constexpr size_t kMost = 1000;

  // FAILED_PRECONDITION when there would be more than kMost.
  absl::Status Add(const v1::Product& product);
  // -1 when there is none of that name.
  int IndexOf(absl::string_view name) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  absl::flat_hash_map<std::string, int> index_;
};

// Not thread-safe: it keeps buffers between calls.
class CatalogWriter {
 public:
  virtual ~CatalogWriter() = default;
  // The lines before the first product, if the format has any.
  virtual void AppendHeader(std::string* out) = 0;
  // One line. INVALID_ARGUMENT: the product is not UTF-8. ABORTED: merchant, an attribute
  // without a column.
  virtual absl::Status Append(const v1::Product& product, std::string* out) = 0;
};

// ingest/jsonl_format.h.
std::unique_ptr<CatalogWriter> NewJsonlWriter();
// ingest/merchant_format.h, with the columns that make it an export. Parts of a category
// path that are empty are lost: a feed has none.
std::unique_ptr<CatalogWriter> NewMerchantWriter(AttributeColumns columns);

}  // namespace mannequin
