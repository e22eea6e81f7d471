#include "services/embedder/vector_table.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "common/text/kernels.h"

namespace mannequin {
namespace {

absl::string_view Bytes(absl::Span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

}  // namespace

std::size_t VectorTable::Hash::operator()(absl::Span<const float> values) const {
  return absl::Hash<absl::string_view>()(Bytes(values));
}

bool VectorTable::Equal::operator()(std::uint32_t a, absl::Span<const float> b) const {
  return Bytes(table->Values(a)) == Bytes(b);
}

VectorTable::VectorTable(int dimension)
    : dimension_(dimension),
      rows_(static_cast<std::size_t>(Kernels::PaddedDimension(dimension))),
      by_values_(0, Hash{this}, Equal{this}) {}

bool VectorTable::IsUnit(absl::Span<const float> values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  return std::abs(squares - 1) < 1e-3;  // not so of a NaN
}

std::uint32_t VectorTable::Put(absl::Span<const float> values) {
  // Callers pass over vectors of another dimension. Should one not, it gets a wrong row, but
  // does not write beyond it.
  assert(values.size() == static_cast<std::size_t>(dimension_));
  values = values.subspan(0, static_cast<std::size_t>(dimension_));
  const auto found = by_values_.find(values);
  if (found != by_values_.end()) return *found;
  const std::uint32_t row = rows_.Add();
  std::copy(values.begin(), values.end(), rows_[row]);
  by_values_.insert(row);
  return row;
}

std::vector<float> VectorTable::Padded(absl::Span<const float> values) const {
  std::vector<float> padded(values.begin(), values.end());
  padded.resize(rows_.width(), 0.0f);
  return padded;
}

float VectorTable::Dot(const float* padded, std::uint32_t row) const {
  float dot = 0;
  Dots(padded, {&row, 1}, &dot);
  return dot;
}

void VectorTable::Dots(const float* padded, absl::Span<const std::uint32_t> rows, float* dots) const {
  constexpr std::size_t kBlock = 64;
  float* pointers[kBlock];
  for (std::size_t begin = 0; begin < rows.size(); begin += kBlock) {
    const std::size_t n = std::min(kBlock, rows.size() - begin);
    // The kernel only reads.
    for (std::size_t i = 0; i < n; ++i) pointers[i] = const_cast<float*>(rows_[rows[begin + i]]);
    Kernels::Best().dot(padded, pointers, static_cast<int>(n), stride(), dots + begin);
  }
}

std::size_t VectorTable::bytes() const { return rows_.bytes() + by_values_.capacity() * (sizeof(std::uint32_t) + 1); }

}  // namespace mannequin
