// The tree of hierarchical softmax: frequent words stand near the root, so that a word
// costs about as many decisions as it has bits of information.
//
//   Huffman tree(counts);
//   for (Huffman::Turn turn : tree.Path(word)) ...   // from the root down to the word
//
// Source: Morin and Bengio 2005, with the Huffman tree of Mikolov et al. 2013
// (arXiv:1310.4546). P(word | x) is the product over its path of sigmoid(x . node) where
// the turn is left, and of 1 - sigmoid(x . node) where it is right.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace mannequin {

class Huffman {
 public:
  struct Turn {
    std::uint32_t node : 31;  // 0 to words - 2; the root is the last
    std::uint32_t right : 1;
  };

  Huffman() = default;
  // A word of count 0 is taken as seen once. Ties go to the lower word number, then to the
  // older node: the same counts give the same tree.
  explicit Huffman(absl::Span<const std::int64_t> counts);

  // Empty where the vocabulary is one word.
  absl::Span<const Turn> Path(std::int32_t word) const {
    return absl::MakeConstSpan(turns_).subspan(begins_[word], begins_[word + 1] - begins_[word]);
  }
  // Of the longest path.
  int depth() const { return depth_; }

 private:
  std::vector<Turn> turns_;
  std::vector<std::size_t> begins_;
  int depth_ = 0;
};

}  // namespace mannequin
