#include "common/text/product_labels.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mannequin {
namespace {

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

// Of those that two products have, with their counts.
std::vector<std::pair<std::int64_t, std::string>> MostFrequent(
    const absl::flat_hash_map<std::string, std::int64_t>& counts, std::size_t limit) {
  std::vector<std::pair<std::int64_t, std::string>> labels;
  for (const auto& [label, count] : counts) {
    if (count >= 2) labels.emplace_back(count, label);
  }
  std::sort(labels.begin(), labels.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  if (labels.size() > limit) labels.resize(limit);
  return labels;
}

float WeightOf(const std::string& kind) { return kind == kCategory || kind == kBrand ? 2.0f : 0.5f; }

}  // namespace

void LabelCounter::Add(const v1::Product& product) {
  ++products_;
  ForEachLabel(product, [this](const std::string& kind, const std::string& value) {
    if (std::max(kind.size(), value.size()) <= bounds_.bytes) Count(kind, value);
  });
}

void LabelCounter::Count(const std::string& kind, absl::string_view value) {
  const bool attribute = absl::StartsWith(kind, kAttribute);
  const auto [values, added] = kinds_.try_emplace(kind, attribute ? bounds_.values : bounds_.categories);
  values->second.counter.Add(value);
  ++values->second.seen;
  if (!added || !attribute || ++attributes_ <= bounds_.attributes) return;
  ForgetAttributes();
}

// The half that was seen least, names breaking ties: not those that came last, which may be
// those of the most products.
void LabelCounter::ForgetAttributes() {
  std::vector<std::pair<std::int64_t, std::string>> attributes;
  for (const auto& [name, values] : kinds_) {
    if (absl::StartsWith(name, kAttribute)) attributes.emplace_back(values.seen, name);
  }
  std::sort(attributes.begin(), attributes.end());
  attributes.resize(attributes.size() - bounds_.attributes / 2);
  for (const auto& [seen, name] : attributes) kinds_.erase(name);
  attributes_ = bounds_.attributes / 2;
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
    for (auto& [count, label] : MostFrequent(values.counter.counts(), counter.bounds_.labels)) {
      candidate.products += count;
      candidate.labels.push_back(std::move(label));
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
