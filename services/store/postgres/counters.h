// Statistics as rows: each counter in many slots, so that those who count do not wait for each
// other; the sum is exact.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "services/store/statistics.h"

namespace mannequin::store {

inline constexpr int kCounterSlots = 64;

// In the same order each time.
inline void ForEachCounter(Statistics& statistics,
                           absl::FunctionRef<void(const std::string& name, std::int64_t& value)> visit) {
  visit("embeddings", statistics.embeddings);
  for (std::size_t i = 0; i < statistics.fetch_failures.size(); ++i) {
    visit(absl::StrCat("fetch_failures/", i), statistics.fetch_failures[i]);
  }
  visit("image_bytes", statistics.image_bytes);
  for (std::size_t i = 0; i < statistics.image_states.size(); ++i) {
    visit(absl::StrCat("image_states/", i), statistics.image_states[i]);
  }
  visit("images", statistics.images);
  visit("placeholders", statistics.placeholders);
  visit("products", statistics.products);
  visit("refreshes", statistics.refreshes);
  visit("rendition_bytes", statistics.rendition_bytes);
  visit("reviews", statistics.reviews);
  visit("verdicts", statistics.verdicts);
}

}  // namespace mannequin::store
