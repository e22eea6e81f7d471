// Subsampling of frequent words: a word whose share f of the corpus is over `sample` is
// kept with the chance (sqrt(f / sample) + 1) sample / f.
//
//   Subsampling subsampling(counts, 1e-3);
//   if (subsampling.Keeps(word, random.Next())) ...
//
// Source: word2vec.c, as gensim 4 has it; Mikolov et al. 2013 (arXiv:1310.4546) tell why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"

namespace mannequin {

class Subsampling {
 public:
  Subsampling() = default;
  // A `sample` of 0 keeps every word.
  Subsampling(absl::Span<const std::int64_t> counts, double sample);

  // By chance, of which `random` is.
  bool Keeps(std::int32_t word, std::uint64_t random) const {
    return static_cast<std::uint32_t>(random) <= chances_[static_cast<std::size_t>(word)];
  }
  // The same share of epochs without chance: evenly spread and from epoch 0 on, so that
  // there is no word that is never kept.
  bool KeepsInEpoch(std::int32_t word, int epoch) const {
    const std::uint32_t chance = chances_[static_cast<std::size_t>(word)];
    return chance == kAlways || static_cast<std::uint32_t>(epoch) * chance < chance;
  }

 private:
  static constexpr std::uint32_t kAlways = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> chances_;  // of 2^32 - 1
};

}  // namespace mannequin
