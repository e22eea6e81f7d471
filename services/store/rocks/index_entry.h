// The way back from an entry of the index to the record that it is for; the grammar is
// in keys.h.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "services/store/keys.h"

namespace mannequin::store {

struct IndexEntry {
  // Where the record is: kJobs for an idempotency key, whose id is in the entry's value.
  Family family;
  std::string id;
  // For a person, e.g. "category Apparel > Dress".
  std::string condition;
};

// Nothing when it is none of the grammar's.
std::optional<IndexEntry> ParseIndexEntry(absl::string_view entry);

// "index/category Apparel > Dress/B00X", escaped so that it is printable.
std::string DescribeIndexEntry(absl::string_view entry);

}  // namespace mannequin::store
