#include "common/text/huffman.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using testing::ElementsAre;

// Each word's turns, e.g. "LRR".
std::vector<std::string> Codes(const std::vector<std::int64_t>& counts) {
  const Huffman tree(counts);
  std::vector<std::string> codes(counts.size());
  for (std::size_t word = 0; word < counts.size(); ++word) {
    for (const Huffman::Turn turn : tree.Path(static_cast<std::int32_t>(word))) codes[word] += turn.right ? 'R' : 'L';
  }
  return codes;
}

std::vector<std::size_t> Lengths(const std::vector<std::int64_t>& counts) {
  std::vector<std::size_t> lengths;
  for (const std::string& code : Codes(counts)) lengths.push_back(code.size());
  return lengths;
}

TEST(Huffman, CodesAreAsShortAsTheyCanBe) {
  // The example of Huffman's article in many textbooks: 224 bits in all.
  EXPECT_THAT(Lengths({45, 13, 12, 16, 9, 5}), ElementsAre(1, 3, 3, 3, 4, 4));
  EXPECT_THAT(Lengths({1, 1, 1, 1}), ElementsAre(2, 2, 2, 2));
}

TEST(Huffman, NoCodeBeginsAnother) {
  std::vector<std::int64_t> counts;
  for (int i = 1; i <= 60; ++i) counts.push_back(i * i % 37 + 1);
  const std::vector<std::string> codes = Codes(counts);
  for (std::size_t a = 0; a < codes.size(); ++a) {
    for (std::size_t b = 0; b < codes.size(); ++b) {
      if (a == b) continue;
      EXPECT_NE(codes[b].compare(0, codes[a].size(), codes[a]), 0) << codes[a] << " begins " << codes[b];
    }
  }
}

TEST(Huffman, PathsBeginAtTheRootAndStayAmongTheNodes) {
  const std::vector<std::int64_t> counts = {7, 1, 3, 9, 2};
  const Huffman tree(counts);
  int longest = 0;
  for (std::int32_t word = 0; word < 5; ++word) {
    const auto path = tree.Path(word);
    ASSERT_FALSE(path.empty());
    EXPECT_EQ(path[0].node, 3u);
    for (std::size_t i = 1; i < path.size(); ++i) EXPECT_LT(path[i].node, path[i - 1].node);
    longest = std::max(longest, static_cast<int>(path.size()));
  }
  EXPECT_EQ(tree.depth(), longest);
}

TEST(Huffman, WordNeverSeenCountsAsSeenOnce) { EXPECT_EQ(Codes({0, 5, 0, 3}), Codes({1, 5, 1, 3})); }

TEST(Huffman, OneWordNeedsNoTurnAndNoneNeedsNoTree) {
  EXPECT_THAT(Codes({5}), ElementsAre(""));
  EXPECT_THAT(Codes({}), ElementsAre());
}

}  // namespace
}  // namespace mannequin
