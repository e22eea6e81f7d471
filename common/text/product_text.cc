#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/distributions.h"
#include "absl/strings/str_join.h"
#include "common/text/text_encoder.h"

namespace mannequin {
namespace {

// Leaf category, brand and attribute values that are there, in this order. What was derived
// from the title is in the title already: a second time it would weigh double.
std::vector<std::string> PartsBeforeTitle(const v1::Product& product) {
  std::vector<std::string> parts;
  if (product.category_path_size() > 0) parts.push_back(product.category_path(product.category_path_size() - 1));
  if (!product.brand().empty()) parts.push_back(product.brand());
  for (const v1::Attribute& attribute : product.attributes()) {
    if (!attribute.derived()) parts.push_back(attribute.value());
  }
  return parts;
}

}  // namespace

std::string ProductText(const v1::Product& product) {
  std::vector<std::string> parts = PartsBeforeTitle(product);
  if (!product.title().empty()) parts.push_back(product.title());
  return absl::StrJoin(parts, " ");
}

std::string ShuffledProductText(const v1::Product& product, absl::BitGenRef random, double drop) {
  std::vector<std::string> parts;
  for (std::string& part : PartsBeforeTitle(product)) {
    if (!absl::Bernoulli(random, std::clamp(drop, 0.0, 1.0))) parts.push_back(std::move(part));
  }
  if (!product.title().empty()) parts.push_back(product.title());
  if (parts.empty()) return ProductText(product);  // without a title, something must stay
  std::shuffle(parts.begin(), parts.end(), random);
  return absl::StrJoin(parts, " ");
}

}  // namespace mannequin
