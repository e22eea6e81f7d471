// The catalogue's vectors in memory, searched exactly: every cosine is computed, a
// block of rows at a time, on several threads when there are many.
//
//   ASSIGN_OR_RETURN(auto index, SimilarityIndex::Load(store, "b-01J9..."));
//   for (const Neighbour& n : index->Find(vector, 10)) ...
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/store/product_store.h"

namespace mannequin {

struct Neighbour {
  std::string product_id;
  float cosine;  // -1 to 1
};

// Immutable once made: thread-safe.
class SimilarityIndex {
 public:
  // The store's embeddings that `bundle_version` made with `dimension` components;
  // others are not comparable and are left out. Errors: the store's.
  static absl::StatusOr<std::unique_ptr<SimilarityIndex>> Load(ProductStore& store, const std::string& bundle_version,
                                                               int dimension);
  SimilarityIndex(std::string bundle_version, int dimension);

  // `values` is of unit length.
  void Add(const std::string& product_id, absl::Span<const float> values);

  // The `count` nearest of unit-length `query`, best first, ids breaking ties;
  // `except` is left out.
  std::vector<Neighbour> Find(absl::Span<const float> query, std::size_t count, const std::string& except = "") const;

  std::size_t size() const { return ids_.size(); }
  const std::string& bundle_version() const { return bundle_version_; }

 private:
  const std::string bundle_version_;
  const int dimension_, stride_;
  std::vector<std::string> ids_;
  std::vector<float> values_;  // [size, stride], zeros beyond `dimension`
  absl::flat_hash_map<std::string, std::size_t> rows_;
};

}  // namespace mannequin
