// Verdicts in memory for the same question asked again: sellers send a listing twice, and a
// catalogue is judged again after a change that touched few of its products.
//
//   VerdictCache cache(10'000);
//   const std::string key = VerdictKey(product, image_sha256, {bundle_version, rules_version, policy});
//   if (std::optional<v1::Verdict> known = cache.Find(key)) return *known;
//   cache.Put(key, verdict);
#pragma once

#include <cstddef>
#include <initializer_list>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/verdict.pb.h"

namespace mannequin {

// SHA-256 over what a verdict depends on: the picture, what of the listing is judged (category path, title,
// brand, attributes), and `versions`: of the bundle, of the rules, and whatever else of the request
// changes the answer. Of the product's id nothing depends.
std::string VerdictKey(const v1::Product& product, absl::string_view image_sha256,
                       std::initializer_list<absl::string_view> versions);

// The least recently used leaves. Thread-safe.
class VerdictCache {
 public:
  // 0: keeps nothing.
  explicit VerdictCache(std::size_t most) : most_(most) {}

  // As it was put, with `cached` set.
  std::optional<v1::Verdict> Find(const std::string& key);
  // Keeps `verdict` without the id of its product.
  void Put(const std::string& key, v1::Verdict verdict);

  bool enabled() const { return most_ > 0; }
  std::size_t size() const {
    absl::MutexLock lock(&mutex_);
    return entries_.size();
  }

 private:
  using Entry = std::pair<std::string, v1::Verdict>;

  const std::size_t most_;
  mutable absl::Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // most recently used first
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> places_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin
