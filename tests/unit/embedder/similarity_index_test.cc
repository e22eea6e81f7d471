#include "services/embedder/similarity_index.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

std::vector<float> UnitVector(std::minstd_rand& random, int dimension) {
  std::vector<float> v(dimension);
  double norm = 0;
  for (float& x : v) {
    x = static_cast<float>(random() % 2001) / 1000 - 1;
    norm += x * x;
  }
  for (float& x : v) x = static_cast<float>(x / std::sqrt(norm));
  return v;
}

TEST(SimilarityIndex, FindsWhatSortingAllWouldFind) {
  constexpr int kDimension = 19, kRows = 45'000;  // more than one thread's share, no whole lanes
  std::minstd_rand random(1);
  SimilarityIndex index("b", kDimension);
  std::vector<std::vector<float>> vectors;
  for (int i = 0; i < kRows; ++i) {
    vectors.push_back(UnitVector(random, kDimension));
    index.Add(std::to_string(i), vectors.back());
  }
  const std::vector<float> query = UnitVector(random, kDimension);
  std::vector<std::pair<float, int>> all;
  for (int i = 0; i < kRows; ++i) {
    float dot = 0;
    for (int j = 0; j < kDimension; ++j) dot += vectors[i][j] * query[j];
    all.push_back({-dot, i});
  }
  std::sort(all.begin(), all.end());
  const std::vector<Neighbour> found = index.Find(query, 7);
  ASSERT_EQ(found.size(), 7u);
  for (int k = 0; k < 7; ++k) EXPECT_NEAR(found[k].cosine, -all[k].first, 1e-5);
  EXPECT_EQ(found[0].product_id, std::to_string(all[0].second));
  EXPECT_EQ(index.Find(query, 7, found[0].product_id)[0].product_id, found[1].product_id);
}

TEST(SimilarityIndex, AnswersAllWhenThereAreFewerThanAsked) {
  SimilarityIndex index("b", 2);
  EXPECT_TRUE(index.Find({1.0f, 0.0f}, 5).empty());
  index.Add("b", {0.0f, 1.0f});
  index.Add("a", {0.0f, 1.0f});
  index.Add("c", {1.0f, 0.0f});
  const std::vector<Neighbour> found = index.Find({1.0f, 0.0f}, 5);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].product_id + found[1].product_id + found[2].product_id, "cab");
}

}  // namespace
}  // namespace mannequin
