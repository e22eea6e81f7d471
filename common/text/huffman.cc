#include "common/text/huffman.h"

#include <algorithm>
#include <numeric>

namespace mannequin {

Huffman::Huffman(absl::Span<const std::int64_t> counts) {
  const std::size_t words = counts.size();
  const auto count_of = [&](std::size_t word) { return std::max<std::int64_t>(1, counts[word]); };
  // Words by count; inner nodes come out of the loop by count as well. So the two least
  // are always at the head of one of two queues, and no heap is needed.
  std::vector<std::uint32_t> order(words);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return count_of(a) < count_of(b); });
  const std::size_t inner = words > 1 ? words - 1 : 0;
  std::vector<std::int64_t> weight(inner);
  std::vector<Turn> word_parent(words), node_parent(inner);
  std::size_t next_word = 0, next_node = 0;
  for (std::size_t made = 0; made < inner; ++made) {
    for (const std::uint32_t right : {0u, 1u}) {
      const Turn turn = {static_cast<std::uint32_t>(made) & 0x7FFFFFFFu, right};
      const bool word_first =
          next_word < words && (next_node >= made || count_of(order[next_word]) <= weight[next_node]);
      if (word_first) {
        weight[made] += count_of(order[next_word]);
        word_parent[order[next_word++]] = turn;
      } else {
        weight[made] += weight[next_node];
        node_parent[next_node++] = turn;
      }
    }
  }
  begins_.reserve(words + 1);
  begins_.push_back(0);
  for (std::size_t word = 0; word < words; ++word) {
    const std::size_t begin = turns_.size();
    if (inner > 0) {
      turns_.push_back(word_parent[word]);
      while (std::size_t{turns_.back().node} + 1 < inner) turns_.push_back(node_parent[turns_.back().node]);
      std::reverse(turns_.begin() + static_cast<std::ptrdiff_t>(begin), turns_.end());
    }
    depth_ = std::max(depth_, static_cast<int>(turns_.size() - begin));
    begins_.push_back(turns_.size());
  }
}

}  // namespace mannequin
