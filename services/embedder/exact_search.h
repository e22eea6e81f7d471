// The nearest rows of a table by looking at every one: nothing can be missed.
//
//   const auto all = [](std::uint32_t) { return true; };
//   std::vector<std::vector<ScoredRow>> best = SearchAll(table, {{query.data(), 10}}, all);
//
// One query reads the table once. Many queries share the reading: a block of rows that fits
// the cache is compared with six queries at a time (score_tile.h), as a matrix product is
// computed, and only what is better than the worst of a query's best so far is kept. Both
// use all cores once there is enough to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "services/embedder/best_rows.h"
#include "services/embedder/vector_table.h"

namespace mannequin {

struct RowQuery {
  const float* padded;  // unit length, VectorTable::stride() numbers
  std::size_t count;
};

// Only rows for which this answers true are found. It must be cheap and thread-safe.
using RowFilter = absl::FunctionRef<bool(std::uint32_t row)>;

// For each query its `count` best rows, the best first; equal cosines, the lower row first.
std::vector<std::vector<ScoredRow>> SearchAll(const VectorTable& table, absl::Span<const RowQuery> queries,
                                              RowFilter filter);

// The same for one query among `rows`, which may repeat; each is found once.
std::vector<ScoredRow> SearchRows(const VectorTable& table, const RowQuery& query, std::vector<std::uint32_t> rows);

}  // namespace mannequin
