#include "services/embedder/hnsw_graph.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"
#include "services/embedder/exact_search.h"
#include "tests/unit/embedder/vectors.h"

namespace mannequin {
namespace {

bool Any(std::uint32_t) { return true; }

// Share of the ten nearest that the graph finds; ties by cosine count as found.
double Recall(const VectorTable& table, const HnswGraph& graph, std::mt19937& random, std::size_t ef) {
  int found = 0;
  constexpr int kQueries = 300;
  for (int q = 0; q < kQueries; ++q) {
    std::vector<float> query = UnitVector(random, table.dimension());
    const absl::Span<const float> row = table.Values(static_cast<std::uint32_t>(random() % table.size()));
    double norm = 0;
    for (std::size_t j = 0; j < query.size(); ++j) {
      query[j] = 0.3f * query[j] + row[j];
      norm += query[j] * query[j];
    }
    for (float& x : query) x = static_cast<float>(x / std::sqrt(norm));
    const std::vector<float> padded = table.Padded(query);
    const RowQuery asked{padded.data(), 10};
    const float tenth = SearchAll(table, {&asked, 1}, Any).front().back().cosine;
    const std::vector<ScoredRow> near = graph.Search(padded.data(), ef);
    for (std::size_t i = 0; i < std::min<std::size_t>(10, near.size()); ++i) found += near[i].cosine >= tenth;
  }
  return found / 10.0 / kQueries;
}

TEST(HnswGraph, FindsNearlyAllOfTheTenNearest) {
  std::mt19937 random(1);
  VectorTable table(48);
  for (const std::vector<float>& v : ClusteredVectors(random, 48, 5'000, 40)) table.Put(v);
  HnswGraph graph(table, {});
  graph.Extend(table.size());
  EXPECT_EQ(graph.size(), table.size());
  EXPECT_GE(Recall(table, graph, random, 64), 0.99);
}

TEST(HnswGraph, RowsAddedLaterAreFoundAsWell) {
  std::mt19937 random(2);
  VectorTable table(32);
  HnswGraph graph(table, {});
  for (const std::vector<float>& v : ClusteredVectors(random, 32, 3'000, 20)) {
    table.Put(v);
    if (table.size() % 7 == 0) graph.Extend(table.size());
  }
  graph.Extend(table.size());
  EXPECT_GE(Recall(table, graph, random, 64), 0.99);
  for (std::uint32_t row = 0; row < table.size(); row += 100) {
    EXPECT_EQ(graph.Search(table[row], 64).front().row, row);
  }
}

// Threads must not decide what is found.
TEST(HnswGraph, TheSameRowsGiveTheSameGraph) {
  std::mt19937 random(3);
  VectorTable table(16);
  for (const std::vector<float>& v : ClusteredVectors(random, 16, 2'000, 10)) table.Put(v);
  HnswGraph a(table, {}), b(table, {});
  a.Extend(table.size());
  b.Extend(table.size());
  for (int q = 0; q < 50; ++q) {
    const std::vector<float> query = table.Padded(UnitVector(random, 16));
    const std::vector<ScoredRow> near_a = a.Search(query.data(), 20), near_b = b.Search(query.data(), 20);
    ASSERT_EQ(near_a.size(), near_b.size());
    for (std::size_t i = 0; i < near_a.size(); ++i) EXPECT_EQ(near_a[i].row, near_b[i].row);
  }
}

TEST(HnswGraph, SmallGraphsAreFoundWhole) {
  std::mt19937 random(4);
  VectorTable table(8);
  HnswGraph graph(table, {});
  const std::vector<float> query = table.Padded(UnitVector(random, 8));
  EXPECT_TRUE(graph.Search(query.data(), 10).empty());
  for (std::size_t rows = 1; rows <= 20; ++rows) {
    table.Put(UnitVector(random, 8));
    graph.Extend(table.size());
    const std::vector<ScoredRow> found = graph.Search(query.data(), 64);
    EXPECT_EQ(found.size(), rows);
    EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  }
  EXPECT_TRUE(graph.Search(query.data(), 0).empty());
  EXPECT_EQ(graph.Search(query.data(), 3).size(), 3u);
}

}  // namespace
}  // namespace mannequin
