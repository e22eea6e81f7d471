// Products drawn by category: one of n products comes as often as if it had the square root of
// n, so that rare categories are seen and common ones still count for more.
#pragma once

#include <cstddef>
#include <random>
#include <vector>

#include "services/trainer/pack.h"

namespace mannequin {

// Immutable once made.
class CategoryChoice {
 public:
  CategoryChoice() = default;
  // With `sharp_only`, of products whose picture is not small; of all when there are none.
  CategoryChoice(const std::vector<PackedProduct>& products, bool sharp_only);

  // Indices of a category's products, never empty; the next call is for another category.
  const std::vector<std::size_t>& Pick(std::mt19937_64& random) const;

 private:
  std::vector<std::vector<std::size_t>> products_;  // of each category
  std::vector<double> weights_;                     // sums up to each
};

}  // namespace mannequin
