// Tells whether two multisets of strings are equal with one pass over each, in any
// order, and in memory that does not grow with them: the sum of a 128-bit hash of each
// element, in 4,096 buckets. What differs then lies in the buckets that differ.
//
//   MultisetDigest expected, kept;
//   expected.Add("a"); kept.Add("a"); kept.Add("b");
//   std::vector<bool> where = MultisetDigest::Difference(expected, kept);   // of "b" only
//
// Not a signature: the hash is absl's, fast, and salted anew in each process. Two
// multisets that differ by accident look equal once in 2^128.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace mannequin::store {

// Not thread-safe.
class MultisetDigest {
 public:
  static constexpr std::size_t kBuckets = 4096;

  static std::size_t BucketOf(absl::string_view element) { return First(element) % kBuckets; }

  // As often as `times`.
  void Add(absl::string_view element, std::int64_t times = 1) {
    const std::uint64_t first = First(element);
    Bucket& bucket = buckets_[first % kBuckets];
    // Sums wrap around, as they may.
    bucket.first += first * static_cast<std::uint64_t>(times);
    bucket.second += absl::HashOf(kSecond, element) * static_cast<std::uint64_t>(times);
    bucket.size += times;
  }
  std::int64_t size(std::size_t bucket) const { return buckets_[bucket].size; }

  // For each bucket, whether the two differ in it.
  static std::vector<bool> Difference(const MultisetDigest& a, const MultisetDigest& b) {
    std::vector<bool> differs(kBuckets);
    for (std::size_t i = 0; i < kBuckets; ++i) differs[i] = !(a.buckets_[i] == b.buckets_[i]);
    return differs;
  }

 private:
  struct Bucket {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    std::int64_t size = 0;
    bool operator==(const Bucket&) const = default;
  };
  static constexpr std::uint64_t kFirst = 1, kSecond = 2;
  static std::uint64_t First(absl::string_view element) { return absl::HashOf(kFirst, element); }

  std::array<Bucket, kBuckets> buckets_{};
};

}  // namespace mannequin::store
