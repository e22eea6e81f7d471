#include "common/text/product_labels.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mannequin {
namespace {

constexpr std::size_t kMaxValues = 200'000;
constexpr std::size_t kMaxAttributes = 8;
constexpr double kLeastShare = 0.01;
constexpr char kCategory[] = "category", kParent[] = "category above", kBrand[] = "brand";
constexpr char kAttribute[] = "attribute ";

// Calls visit(kind, value) for each label that the product has.
template <typename Visit>
void ForEachLabel(const v1::Product& product, const Visit& visit) {
  if (const int depth = product.category_path_size(); depth > 0) {
    visit(kCategory, product.category_path(depth - 1));
    if (depth > 1) {
      visit(kParent, absl::StrJoin(product.category_path().begin(), product.category_path().end() - 1, "\n"));
    }
  }
  if (!product.brand().empty()) visit(kBrand, absl::AsciiStrToLower(product.brand()));
  for (const v1::Attribute& attribute : product.attributes()) {
    visit(absl::StrCat(kAttribute, attribute.name()), absl::AsciiStrToLower(attribute.value()));
  }
}

float WeightOf(const std::string& kind) { return kind == kCategory || kind == kBrand ? 2.0f : 0.5f; }

}  // namespace

void LabelCounter::Add(const v1::Product& product) {
  ++products_;
  ForEachLabel(product, [this](const std::string& kind, const std::string& value) {
    Values& values = kinds_[kind];
    if (values.too_many) return;
    ++values.counts[value];
    if (values.counts.size() <= kMaxValues || kind == kCategory || kind == kBrand) return;
    values.too_many = true;
    values.counts = {};
  });
}

ProductLabels::ProductLabels(const LabelCounter& counter) {
  struct Candidate {
    std::int64_t products = 0;
    std::string name;
    std::vector<std::string> labels;
  };
  std::vector<Candidate> candidates;
  for (const auto& [name, values] : counter.kinds_) {
    Candidate candidate;
    candidate.name = name;
    for (const auto& [label, count] : values.counts) {
      if (count < 2) continue;
      candidate.products += count;
      candidate.labels.push_back(label);
    }
    const bool frequent =
        static_cast<double>(candidate.products) >= kLeastShare * static_cast<double>(counter.products_);
    if (candidate.labels.size() < 2 || !frequent) continue;
    std::sort(candidate.labels.begin(), candidate.labels.end());
    candidates.push_back(std::move(candidate));
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.products > b.products; });
  std::size_t attributes = 0;
  for (const Candidate& candidate : candidates) {
    if (absl::StartsWith(candidate.name, kAttribute) && ++attributes > kMaxAttributes) continue;
    kinds_.push_back({candidate.name, WeightOf(candidate.name), static_cast<std::int32_t>(candidate.labels.size())});
    auto& numbers = numbers_.emplace_back();
    for (const std::string& label : candidate.labels) {
      numbers.emplace(label, static_cast<std::int32_t>(numbers.size()));
    }
  }
}

std::vector<std::int32_t> ProductLabels::Of(const v1::Product& product) const {
  std::vector<std::int32_t> labels(kinds_.size(), -1);
  ForEachLabel(product, [&](const std::string& kind, const std::string& value) {
    for (std::size_t k = 0; k < kinds_.size(); ++k) {
      if (kinds_[k].name != kind) continue;
      const auto found = numbers_[k].find(value);
      if (found != numbers_[k].end()) labels[k] = found->second;
      return;
    }
  });
  return labels;
}

}  // namespace mannequin
