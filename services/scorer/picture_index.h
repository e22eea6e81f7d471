// The pictures of honest products by what the judge sees in them, to be searched for the nearest to a
// listing's picture. In memory, exact: every vector is compared.
//
//   PictureIndex index("b-01J9...");
//   index.Add(verdict.product_id(), verdict.picture_vector());
//   for (const PictureNeighbour& near : index.Search(picture_vector, 5, own_id)) ...
//
// A product takes 128 bytes of vector, its id (32 bytes, more when it is longer than 15) and 20 bytes of
// bookkeeping: 200,000 products some 50 MB with room to grow, searched in a few milliseconds on one core. Not for
// millions: beyond its bound the index keeps those of the lowest hash of their id, the same ones in whatever order they
// come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace mannequin {

struct PictureNeighbour {
  std::string product_id;
  double similarity = 0;  // cosine, -1 to 1
};

// Const functions are thread-safe while nothing is added.
class PictureIndex {
 public:
  static constexpr std::size_t kMaxProducts = 200'000;

  // Vectors of one bundle version compare; this one's.
  explicit PictureIndex(std::string bundle_version, std::size_t max_products = kMaxProducts);

  // `vector` as Verdict.picture_vector; a product is added once. False when it cannot be compared with those
  // that are here: empty, all zero, or of another length. True also when it was left out by the bound.
  bool Add(const std::string& product_id, absl::string_view vector);

  // The `count` nearest by cosine, nearest first, without the product `except`. Nothing for a `vector` of
  // another length.
  std::vector<PictureNeighbour> Search(absl::string_view vector, std::size_t count, absl::string_view except) const;

  const std::string& bundle_version() const { return bundle_version_; }
  std::size_t size() const { return ids_.size(); }

 private:
  void Put(std::size_t row, const std::string& product_id, absl::string_view vector, double norm);

  const std::string bundle_version_;
  const std::size_t max_products_;
  std::size_t dimension_ = 0;         // set by the first vector
  std::vector<std::int8_t> vectors_;  // [products, dimension]
  std::vector<float> inverse_norms_;  // 1 / length of each
  std::vector<std::string> ids_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> hashes_;  // with their rows; a heap, the highest in front
};

}  // namespace mannequin
