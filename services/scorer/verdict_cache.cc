#include "services/scorer/verdict_cache.h"

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "services/scorer/metrics.h"

namespace mannequin {
namespace {

// With its length, so that no two lists of parts read the same.
void AddPart(std::string& text, absl::string_view part) { absl::StrAppend(&text, part.size(), ":", part); }

}  // namespace

std::string VerdictKey(const v1::Product& product, absl::string_view image_sha256,
                       std::initializer_list<absl::string_view> versions) {
  std::string text;
  AddPart(text, image_sha256);
  absl::StrAppend(&text, versions.size(), " ");
  for (const absl::string_view version : versions) AddPart(text, version);
  AddPart(text, product.title());
  AddPart(text, product.brand());
  absl::StrAppend(&text, product.category_path_size(), " ");
  for (const std::string& category : product.category_path()) AddPart(text, category);
  for (const v1::Attribute& attribute : product.attributes()) {
    AddPart(text, attribute.name());
    AddPart(text, attribute.value());
    if (attribute.derived()) text += '~';  // then it is not part of the text
  }
  return Sha256Hex(text);
}

std::optional<v1::Verdict> VerdictCache::Find(const std::string& key) {
  if (!enabled()) return std::nullopt;
  std::optional<v1::Verdict> verdict;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = places_.find(key);
    if (found != places_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      verdict = found->second->second;
    }
  }
  scorer_metrics::CountCacheLookup(verdict.has_value());
  if (verdict) verdict->set_cached(true);
  return verdict;
}

void VerdictCache::Put(const std::string& key, v1::Verdict verdict) {
  if (!enabled()) return;
  verdict.clear_product_id();
  absl::MutexLock lock(&mutex_);
  const auto found = places_.find(key);
  if (found != places_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    found->second->second = std::move(verdict);
    return;
  }
  if (entries_.size() >= most_) {
    places_.erase(entries_.back().first);
    entries_.pop_back();
  }
  entries_.emplace_front(key, std::move(verdict));
  places_.emplace(key, entries_.begin());
}

}  // namespace mannequin
