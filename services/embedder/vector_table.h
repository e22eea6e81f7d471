// Distinct vectors as numbered rows. Catalogues repeat their titles, and equal vectors
// would fill one another's links in a graph and be compared again and again in a scan: so
// each vector is kept once, and products point to its row.
//
//   VectorTable table(100);
//   std::uint32_t row = table.Put(values);         // the same values, the same row
//   float cosine = table.Dot(query.data(), row);   // both of unit length
//
// 4 bytes a component, padded to whole vector lanes, and some 6 bytes a row to find it
// again: 422 bytes at 100 components. Not thread-safe; reading beside one another is.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "services/embedder/chunked_rows.h"

namespace mannequin {

class VectorTable {
 public:
  // `dimension` is at least 1.
  explicit VectorTable(int dimension);
  VectorTable(const VectorTable&) = delete;
  VectorTable& operator=(const VectorTable&) = delete;

  // Whether these are of unit length, but for rounding: only such can be compared.
  static bool IsUnit(absl::Span<const float> values);

  // The row that holds `values` (`dimension` of them), made when there is none yet.
  std::uint32_t Put(absl::Span<const float> values);
  // A vector with zeros up to stride(), as Dot and Dots take it.
  std::vector<float> Padded(absl::Span<const float> values) const;

  const float* operator[](std::uint32_t row) const { return rows_[row]; }
  absl::Span<const float> Values(std::uint32_t row) const { return {rows_[row], static_cast<std::size_t>(dimension_)}; }
  float Dot(const float* padded, std::uint32_t row) const;
  // dots[i] = padded . rows[i]
  void Dots(const float* padded, absl::Span<const std::uint32_t> rows, float* dots) const;

  std::uint32_t size() const { return static_cast<std::uint32_t>(rows_.size()); }
  int dimension() const { return dimension_; }
  int stride() const { return static_cast<int>(rows_.width()); }
  std::size_t bytes() const;

 private:
  struct Hash {
    using is_transparent = void;
    const VectorTable* table;
    std::size_t operator()(std::uint32_t row) const { return (*this)(table->Values(row)); }
    std::size_t operator()(absl::Span<const float> values) const;
  };
  struct Equal {
    using is_transparent = void;
    const VectorTable* table;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(std::uint32_t a, absl::Span<const float> b) const;
    bool operator()(absl::Span<const float> a, std::uint32_t b) const { return (*this)(b, a); }
  };

  const int dimension_;
  ChunkedRows<float> rows_;
  absl::flat_hash_set<std::uint32_t, Hash, Equal> by_values_;
};

}  // namespace mannequin
