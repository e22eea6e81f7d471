#include "services/embedder/exact_search.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"
#include "services/embedder/score_tile.h"
#include "tests/unit/embedder/vectors.h"

namespace mannequin {
namespace {

bool Any(std::uint32_t) { return true; }

// By sorting all.
std::vector<ScoredRow> Naively(const VectorTable& table, const RowQuery& query, RowFilter filter) {
  std::vector<ScoredRow> all;
  for (std::uint32_t row = 0; row < table.size(); ++row) {
    if (filter(row)) all.push_back({table.Dot(query.padded, row), row});
  }
  std::sort(all.begin(), all.end());
  all.resize(std::min(all.size(), query.count));
  return all;
}

void ExpectSame(const std::vector<ScoredRow>& found, const std::vector<ScoredRow>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].row, expected[i].row) << i;
    EXPECT_EQ(found[i].cosine, expected[i].cosine) << i;
  }
}

// Few and many queries, rows that fill no block, components that fill no vector lane.
TEST(ExactSearch, FindsWhatSortingAllWouldFind) {
  std::mt19937 random(1);
  for (const int dimension : {1, 19, 100}) {
    for (const int rows : {1, 15, 64, 1'003}) {
      VectorTable table(dimension);
      for (int i = 0; i < rows; ++i) table.Put(UnitVector(random, dimension));
      for (const std::size_t count : {1, 7, 2'000}) {
        std::vector<std::vector<float>> padded;
        std::vector<RowQuery> queries;
        for (int q = 0; q < 40; ++q) padded.push_back(table.Padded(UnitVector(random, dimension)));
        for (const std::vector<float>& query : padded) queries.push_back({query.data(), count});
        for (const std::size_t asked : {1, 5, 40}) {
          const auto found = SearchAll(table, absl::MakeConstSpan(queries).first(asked), Any);
          ASSERT_EQ(found.size(), asked);
          for (std::size_t q = 0; q < asked; ++q) ExpectSame(found[q], Naively(table, queries[q], Any));
        }
      }
    }
  }
}

TEST(ExactSearch, ManyRowsAreSplitOverThreadsWithoutATrace) {
  std::mt19937 random(2);
  VectorTable table(19);
  for (int i = 0; i < 45'000; ++i) table.Put(UnitVector(random, 19));
  const std::vector<float> query = table.Padded(UnitVector(random, 19));
  const RowQuery asked{query.data(), 7};
  ExpectSame(SearchAll(table, {&asked, 1}, Any).front(), Naively(table, asked, Any));
  const std::vector<RowQuery> twenty(20, asked);
  for (const auto& found : SearchAll(table, twenty, Any)) ExpectSame(found, Naively(table, asked, Any));
}

TEST(ExactSearch, EqualCosinesComeInOrderOfRows) {
  VectorTable table(3);
  for (const std::vector<float>& v : std::vector<std::vector<float>>{{0, 1, 0}, {0, 0, 1}, {1, 0, 0}, {0, 0, -1}}) {
    table.Put(v);
  }
  const std::vector<float> query = table.Padded({1.0f, 0.0f, 0.0f});
  const RowQuery asked{query.data(), 4};
  for (const std::size_t queries : {1, 30}) {
    const auto found = SearchAll(table, std::vector<RowQuery>(queries, asked), Any);
    std::vector<std::uint32_t> rows;
    for (const ScoredRow& scored : found.back()) rows.push_back(scored.row);
    EXPECT_EQ(rows, (std::vector<std::uint32_t>{2, 0, 1, 3}));
  }
}

TEST(ExactSearch, RowsThatTheFilterRefusesAreNotFound) {
  std::mt19937 random(3);
  VectorTable table(8);
  for (int i = 0; i < 500; ++i) table.Put(UnitVector(random, 8));
  const auto odd = [](std::uint32_t row) { return row % 2 == 1; };
  const std::vector<float> query = table.Padded(UnitVector(random, 8));
  const RowQuery asked{query.data(), 300};
  for (const std::size_t queries : {1, 30}) {
    const auto found = SearchAll(table, std::vector<RowQuery>(queries, asked), odd);
    ExpectSame(found.back(), Naively(table, asked, odd));
    EXPECT_EQ(found.back().size(), 250u);
  }
}

TEST(ExactSearch, NothingIsFoundInNothing) {
  VectorTable table(8);
  const std::vector<float> query = table.Padded(std::vector<float>(8, 0.5f));
  const RowQuery asked{query.data(), 5}, none{query.data(), 0};
  EXPECT_TRUE(SearchAll(table, {&asked, 1}, Any).front().empty());
  EXPECT_TRUE(SearchAll(table, {}, Any).empty());
  table.Put(std::vector<float>(8, 0.25f));
  EXPECT_TRUE(SearchAll(table, {&none, 1}, Any).front().empty());
  EXPECT_TRUE(SearchAll(table, std::vector<RowQuery>(30, none), Any).back().empty());
}

TEST(ExactSearch, AmongSomeRowsEachIsFoundOnce) {
  std::mt19937 random(4);
  VectorTable table(8);
  for (int i = 0; i < 100; ++i) table.Put(UnitVector(random, 8));
  const std::vector<float> query = table.Padded(UnitVector(random, 8));
  const RowQuery asked{query.data(), 10};
  const auto some = [](std::uint32_t row) { return row == 3 || row == 50 || row == 99; };
  ExpectSame(SearchRows(table, asked, {99, 3, 50, 3, 99}), Naively(table, asked, some));
}

TEST(ScoreTile, PortableAndVectorCodeAgree) {
  constexpr int kDimension = 37, kQueries = ScoreTile::kQueries, kRows = ScoreTile::kRows;
  std::mt19937 random(5);
  alignas(32) float panel[kDimension * kRows];
  for (float& x : panel) x = UnitVector(random, 2)[0];
  std::vector<std::vector<float>> queries;
  const float* pointers[kQueries];
  float thresholds[kQueries];
  for (int q = 0; q < kQueries; ++q) {
    queries.push_back(UnitVector(random, kDimension));
    pointers[q] = queries[static_cast<std::size_t>(q)].data();
    thresholds[q] = q == 0 ? 100.0f : 0.1f;
  }
  float a[kQueries * kRows], b[kQueries * kRows];
  std::uint16_t passed_a[kQueries], passed_b[kQueries];
  ASSERT_TRUE(ScoreTile::Portable().score(pointers, panel, kDimension, thresholds, a, passed_a));
  ASSERT_TRUE(ScoreTile::Best().score(pointers, panel, kDimension, thresholds, b, passed_b));
  for (int i = 0; i < kQueries * kRows; ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
  for (int q = 0; q < kQueries; ++q) EXPECT_EQ(passed_a[q], passed_b[q]);
  EXPECT_EQ(passed_a[0], 0);
  std::fill_n(thresholds, kQueries, 100.0f);
  EXPECT_FALSE(ScoreTile::Portable().score(pointers, panel, kDimension, thresholds, a, passed_a));
  EXPECT_FALSE(ScoreTile::Best().score(pointers, panel, kDimension, thresholds, b, passed_b));
}

}  // namespace
}  // namespace mannequin
