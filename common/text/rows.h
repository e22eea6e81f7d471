// Weights in rows for the loops of kernels.h: a row is one or more blocks of `dimension`
// numbers, each padded with zeros to whole vector lanes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/text/kernels.h"

namespace mannequin {

class Rows {
 public:
  Rows() = default;
  Rows(std::int64_t n, int dimension, int blocks = 1)
      : n_(n),
        dimension_(dimension),
        blocks_(blocks),
        stride_(blocks * Kernels::PaddedDimension(dimension)),
        values_(static_cast<std::size_t>(n) * stride_, 0.0f) {}
  // From Flat(); `flat` holds n * blocks * dimension numbers.
  Rows(absl::Span<const float> flat, std::int64_t n, int dimension, int blocks) : Rows(n, dimension, blocks) {
    ForEachBlock(
        [&](std::int64_t from, std::int64_t to) { std::copy_n(flat.data() + from, dimension_, values_.data() + to); });
  }

  float* operator[](std::int64_t i) { return values_.data() + i * stride_; }
  const float* operator[](std::int64_t i) const { return values_.data() + i * stride_; }
  std::int64_t size() const { return n_; }
  // Numbers from a row to the next.
  int stride() const { return stride_; }

  // [size(), blocks * dimension] without padding.
  std::vector<float> Flat() const {
    std::vector<float> flat(static_cast<std::size_t>(n_) * blocks_ * dimension_);
    ForEachBlock(
        [&](std::int64_t to, std::int64_t from) { std::copy_n(values_.data() + from, dimension_, flat.data() + to); });
    return flat;
  }

  // False when a weight is infinite or not a number.
  bool AreFinite() const {
    return std::all_of(values_.begin(), values_.end(), [](float value) { return std::isfinite(value); });
  }

 private:
  // visit(where a block is without padding, where it is with it).
  template <typename Visit>
  void ForEachBlock(const Visit& visit) const {
    for (std::int64_t b = 0; b < n_ * blocks_; ++b) visit(b * dimension_, b * (stride_ / blocks_));
  }

  std::int64_t n_ = 0;
  int dimension_ = 0, blocks_ = 1, stride_ = 0;
  std::vector<float> values_;
};

}  // namespace mannequin
