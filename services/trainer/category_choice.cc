#include "services/trainer/category_choice.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/random/distributions.h"

namespace mannequin {

CategoryChoice::CategoryChoice(const std::vector<PackedProduct>& products, bool sharp_only) {
  sharp_only = sharp_only && std::any_of(products.begin(), products.end(),
                                         [](const PackedProduct& product) { return !product.small; });
  std::map<int, std::vector<std::size_t>> by_category;
  for (std::size_t i = 0; i < products.size(); ++i) {
    if (!sharp_only || !products[i].small) by_category[products[i].category].push_back(i);
  }
  double sum = 0;
  for (auto& [category, members] : by_category) {
    sum += std::sqrt(static_cast<double>(members.size()));
    weights_.push_back(sum);
    products_.push_back(std::move(members));
  }
}

const std::vector<std::size_t>& CategoryChoice::Pick(std::mt19937_64& random) const {
  const double at = absl::Uniform(random, 0.0, weights_.back());
  const auto category =
      static_cast<std::size_t>(std::upper_bound(weights_.begin(), weights_.end(), at) - weights_.begin());
  return products_[std::min(category, products_.size() - 1)];
}

}  // namespace mannequin
