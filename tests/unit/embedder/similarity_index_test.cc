#include "services/embedder/similarity_index.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/unit/embedder/vectors.h"

namespace mannequin {
namespace {

// Small enough for tests to reach the graph.
SimilarityOptions SmallGraph() {
  SimilarityOptions options;
  options.exact_rows = 500;
  return options;
}

void Add(SimilarityIndex& index, const std::string& id, const std::vector<float>& values,
         const std::vector<std::string>& category_path = {}) {
  const v1::Embedding embedding = MakeEmbedding(id, values, category_path);
  index.Put({&embedding, 1});
}

std::vector<std::string> Ids(const SimilarityIndex::Found& found) {
  std::vector<std::string> ids;
  for (const Neighbour& neighbour : found.neighbours) ids.push_back(neighbour.product_id);
  return ids;
}

using Strings = std::vector<std::string>;

TEST(SimilarityIndex, FindsWhatSortingAllWouldFind) {
  constexpr int kDimension = 19, kRows = 8'000;
  std::mt19937 random(1);
  SimilarityIndex index("b", kDimension);
  std::vector<std::vector<float>> vectors;
  std::vector<v1::Embedding> embeddings;
  for (int i = 0; i < kRows; ++i) {
    vectors.push_back(UnitVector(random, kDimension));
    embeddings.push_back(MakeEmbedding(std::to_string(i), vectors.back()));
  }
  EXPECT_EQ(index.Put(embeddings), static_cast<std::size_t>(kRows));
  const std::vector<float> query = UnitVector(random, kDimension);
  std::vector<std::pair<float, int>> all;
  for (int i = 0; i < kRows; ++i) {
    float dot = 0;
    for (int j = 0; j < kDimension; ++j) dot += vectors[i][j] * query[j];
    all.push_back({-dot, i});
  }
  std::sort(all.begin(), all.end());
  const SimilarityIndex::Found found = index.Find({.values = query, .count = 7});
  EXPECT_TRUE(found.exact);
  ASSERT_EQ(found.neighbours.size(), 7u);
  for (int k = 0; k < 7; ++k) EXPECT_NEAR(found.neighbours[k].cosine, -all[k].first, 1e-5);
  EXPECT_EQ(found.neighbours[0].product_id, std::to_string(all[0].second));
  const SimilarityIndex::Found others = index.Find({.values = query, .count = 6, .except = Ids(found)[0]});
  const Strings ids = Ids(found);
  EXPECT_EQ(Ids(others), Strings(ids.begin() + 1, ids.end()));
}

TEST(SimilarityIndex, AnswersAllWhenThereAreFewerThanAsked) {
  SimilarityIndex index("b", 2);
  const std::vector<float> query = {1.0f, 0.0f};
  EXPECT_TRUE(index.Find({.values = query, .count = 5}).neighbours.empty());
  Add(index, "b", {0.0f, 1.0f});
  Add(index, "a", {0.0f, 1.0f});
  Add(index, "c", {1.0f, 0.0f});
  EXPECT_EQ(Ids(index.Find({.values = query, .count = 5})), (Strings{"c", "a", "b"}));
}

TEST(SimilarityIndex, NothingAskedForIsNothingFound) {
  std::mt19937 random(7);
  SimilarityIndex index("b", 8, {.exact_rows = 10, .hnsw = {}});
  const std::vector<float> query = UnitVector(random, 8);
  EXPECT_TRUE(index.Find({.values = query, .count = 0}).neighbours.empty());
  for (int i = 0; i < 50; ++i) Add(index, absl::StrCat(i), UnitVector(random, 8));
  EXPECT_TRUE(index.Find({.values = query, .count = 0}).neighbours.empty());
  EXPECT_TRUE(index.Find({.values = query, .count = 0, .exact = true}).neighbours.empty());
}

TEST(SimilarityIndex, WhatComesAfterAStopIsFoundWithoutTheGraph) {
  std::mt19937 random(7);
  for (const int before : {0, 20}) {  // a graph is there, or not
    std::atomic<bool> stop = false;
    SimilarityIndex index("b", 8, {.exact_rows = 10, .hnsw = {}, .stop = &stop});
    for (int i = 0; i < 50; ++i) {
      if (i == before) stop = true;
      const std::vector<float> values = UnitVector(random, 8);
      Add(index, absl::StrCat(i), values);
      EXPECT_EQ(Ids(index.Find({.values = values, .count = 1})), (Strings{absl::StrCat(i)}));
    }
  }
}

TEST(SimilarityIndex, AGraphWhoseProductsAreAllGoneFindsNothing) {
  std::mt19937 random(7);
  SimilarityIndex index("b", 8, {.exact_rows = 10, .hnsw = {}});
  Strings ids;
  for (int i = 0; i < 50; ++i) {
    ids.push_back(absl::StrCat(i));
    Add(index, ids.back(), UnitVector(random, 8));
  }
  index.Remove(ids);
  EXPECT_TRUE(index.Find({.values = UnitVector(random, 8), .count = 5}).neighbours.empty());
}

TEST(SimilarityIndex, ProductsOfOneVectorAreAllFoundInOrderOfTheirIds) {
  SimilarityIndex index("b", 2);
  for (const char* id : {"d", "a", "c", "b"}) Add(index, id, {1.0f, 0.0f});
  Add(index, "e", {0.0f, 1.0f});
  EXPECT_EQ(index.size(), 5u);
  EXPECT_EQ(index.rows(), 2u);
  const std::vector<float> query = {0.8f, 0.6f};
  EXPECT_EQ(Ids(index.Find({.values = query, .count = 3})), (Strings{"a", "b", "c"}));
  EXPECT_EQ(Ids(index.Find({.values = query, .count = 3, .except = "b"})), (Strings{"a", "c", "d"}));
  EXPECT_EQ(Ids(index.Find({.values = query, .count = 10})), (Strings{"a", "b", "c", "d", "e"}));
}

// Different vectors, equal cosines.
TEST(SimilarityIndex, EqualCosinesComeInOrderOfIds) {
  SimilarityIndex index("b", 3);
  Add(index, "z", {0.0f, 1.0f, 0.0f});
  Add(index, "m", {0.0f, 0.0f, 1.0f});
  Add(index, "a", {0.0f, 0.0f, -1.0f});
  const std::vector<float> query = {1.0f, 0.0f, 0.0f};
  EXPECT_EQ(Ids(index.Find({.values = query, .count = 2})), (Strings{"a", "m"}));
}

TEST(SimilarityIndex, WhatIsPutAgainIsReplaced) {
  SimilarityIndex index("b", 2);
  Add(index, "a", {1.0f, 0.0f}, {"Shoes"});
  const v1::Embedding same = MakeEmbedding("a", {1.0f, 0.0f}, {"Shoes"});
  EXPECT_EQ(index.Put({&same, 1}), 0u);
  const v1::Embedding other = MakeEmbedding("a", {0.0f, 1.0f}, {"Hats"}, 7);
  EXPECT_EQ(index.Put({&other, 1}), 1u);
  EXPECT_EQ(index.size(), 1u);
  EXPECT_FALSE(index.HasCategory(Strings{"Shoes"}));
  EXPECT_TRUE(index.HasCategory(Strings{"Hats"}));
  const auto stored = index.VectorOf("a");
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->text_hash, 7u);
  EXPECT_EQ(stored->values, (std::vector<float>{0.0f, 1.0f}));
  EXPECT_FALSE(index.VectorOf("b").has_value());
}

TEST(SimilarityIndex, EmbeddingsThatCannotBeComparedArePassedOver) {
  SimilarityIndex index("b", 2);
  v1::Embedding foreign = MakeEmbedding("a", {1.0f, 0.0f});
  foreign.set_bundle_version("c");
  const v1::Embedding longer = MakeEmbedding("b", {1.0f, 0.0f, 0.0f});
  EXPECT_EQ(index.Put({&foreign, 1}), 0u);
  EXPECT_EQ(index.Put({&longer, 1}), 0u);
  for (const std::vector<float>& values : std::vector<std::vector<float>>{{0, 0}, {1, 1}, {NAN, 0}, {INFINITY, 0}}) {
    const v1::Embedding no_unit = MakeEmbedding("c", values);
    EXPECT_EQ(index.Put({&no_unit, 1}), 0u);
  }
  EXPECT_EQ(index.size(), 0u);
}

TEST(SimilarityIndex, APassRemovesWhatItHasNotSeen) {
  SimilarityIndex index("b", 2);
  Add(index, "a", {1.0f, 0.0f});
  Add(index, "b", {0.0f, 1.0f});
  EXPECT_EQ(index.RemoveUnseen(), 0u);
  index.BeginPass();
  Add(index, "b", {0.0f, 1.0f});
  EXPECT_EQ(index.RemoveUnseen(), 1u);
  EXPECT_EQ(Ids(index.Find({.values = std::vector<float>{1.0f, 0.0f}, .count = 5})), (Strings{"b"}));
  EXPECT_EQ(index.Remove(Strings{"b", "nobody"}), 1u);
  EXPECT_EQ(index.size(), 0u);
}

TEST(SimilarityIndex, WithinACategoryOnlyItsProductsAreFound) {
  std::mt19937 random(5);
  SimilarityIndex index("b", 16, SmallGraph());
  const std::vector<Strings> paths = {{"Apparel", "Topwear"}, {"Apparel", "Shoes"}, {"Apparel"}, {"Home"}, {}};
  std::vector<v1::Embedding> embeddings;
  std::vector<std::vector<float>> vectors = ClusteredVectors(random, 16, 2'000, 5);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    embeddings.push_back(MakeEmbedding(std::to_string(i), vectors[i], paths[i % paths.size()]));
  }
  index.Put(embeddings);
  Add(index, "twin", vectors[3], {"Apparel", "Topwear"});  // shares its row with a product of "Home"
  for (const auto& [path, size] : std::vector<std::pair<Strings, std::size_t>>{
           {{"Apparel"}, 1'201}, {{"Apparel", "Topwear"}, 401}, {{"Home"}, 400}, {{}, 2'001}}) {
    const SimilarityIndex::Found found = index.Find({.values = vectors[0], .count = 3'000, .category_path = path});
    EXPECT_TRUE(found.exact);
    EXPECT_EQ(found.neighbours.size(), size) << path.size();
  }
  const SimilarityIndex::Found home = index.Find({.values = vectors[3], .count = 1, .category_path = {"Home"}});
  EXPECT_EQ(Ids(home), (Strings{"3"}));
  const SimilarityIndex::Found topwear =
      index.Find({.values = vectors[3], .count = 1, .category_path = {"Apparel", "Topwear"}});
  EXPECT_EQ(Ids(topwear), (Strings{"twin"}));
  EXPECT_TRUE(index.Find({.values = vectors[0], .category_path = {"Toys"}}).neighbours.empty());
  EXPECT_TRUE(index.Find({.values = vectors[0], .category_path = {"Topwear"}}).neighbours.empty());
  EXPECT_FALSE(index.HasCategory(Strings{"Topwear"}));
}

TEST(SimilarityIndex, LargeOnesFindNearlyAllAndSaySo) {
  std::mt19937 random(6);
  SimilarityIndex index("b", 32, SmallGraph());
  const std::vector<std::vector<float>> vectors = ClusteredVectors(random, 32, 4'000, 30);
  std::vector<v1::Embedding> embeddings;
  for (std::size_t i = 0; i < vectors.size(); ++i) embeddings.push_back(MakeEmbedding(std::to_string(i), vectors[i]));
  index.Put(embeddings);
  std::vector<SimilarityQuery> queries, exact;
  for (std::size_t i = 0; i < vectors.size(); i += 20) {
    queries.push_back({.values = vectors[i]});
    exact.push_back({.values = vectors[i], .exact = true});
  }
  const std::vector<SimilarityIndex::Found> found = index.FindMany(queries), all = index.FindMany(exact);
  int right = 0;
  for (std::size_t q = 0; q < queries.size(); ++q) {
    EXPECT_FALSE(found[q].exact);
    EXPECT_TRUE(all[q].exact);
    ASSERT_EQ(found[q].neighbours.size(), 10u);
    for (const Neighbour& n : found[q].neighbours) right += n.cosine >= all[q].neighbours[9].cosine;
    EXPECT_EQ(Ids(index.Find(queries[q])), Ids(found[q]));
    EXPECT_EQ(Ids(index.Find(exact[q])), Ids(all[q]));
  }
  EXPECT_GE(right / 10.0 / static_cast<double>(queries.size()), 0.99);
  // So many that looking at all is cheaper.
  EXPECT_TRUE(index.Find({.values = vectors[0], .count = 1'000}).exact);
}

// What is left may hide behind many vectors that stand for no product any more.
TEST(SimilarityIndex, RemovedProductsAreNotFoundAndDoNotHideOthers) {
  std::mt19937 random(7);
  SimilarityIndex index("b", 16, SmallGraph());
  const std::vector<std::vector<float>> vectors = ClusteredVectors(random, 16, 3'000, 3);
  std::vector<v1::Embedding> embeddings;
  for (std::size_t i = 0; i < vectors.size(); ++i) embeddings.push_back(MakeEmbedding(std::to_string(i), vectors[i]));
  index.Put(embeddings);
  Strings most;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    if (i % 100 != 0) most.push_back(std::to_string(i));
  }
  EXPECT_EQ(index.Remove(most), 2'970u);
  for (const bool rebuilt : {false, true}) {
    EXPECT_EQ(index.size(), 30u);
    for (int i = 0; i < 3'000; i += 50) {
      const SimilarityIndex::Found found = index.Find({.values = vectors[i]});
      ASSERT_EQ(found.neighbours.size(), 10u);
      for (const std::string& id : Ids(found))
        EXPECT_EQ(id.substr(std::max<std::size_t>(2, id.size()) - 2), id == "0" ? "0" : "00");
    }
    if (rebuilt) break;
    std::vector<v1::Embedding> left;
    for (std::size_t i = 0; i < embeddings.size(); i += 100) left.push_back(embeddings[i]);
    index.BeginPass();
    EXPECT_EQ(index.Put(left), 0u);
    const std::size_t before = index.bytes();
    EXPECT_EQ(index.RemoveUnseen(), 0u);
    EXPECT_LT(index.bytes(), before);  // built anew
  }
}

// Run it under the thread sanitizer.
TEST(SimilarityIndex, SearchesGoOnWhileProductsComeChangeAndGo) {
  constexpr int kDimension = 16, kProducts = 1'500;
  std::mt19937 random(8);
  SimilarityIndex index("b", kDimension, SmallGraph());
  const std::vector<std::vector<float>> vectors = ClusteredVectors(random, kDimension, 2 * kProducts, 10);
  Add(index, "rock", vectors[0], {"Stones"});
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      std::mt19937 mine(static_cast<unsigned>(t));
      while (!stop) {
        const auto found = index.Find({.values = vectors[mine() % vectors.size()], .count = 5});
        EXPECT_FALSE(found.neighbours.empty());
        EXPECT_EQ(index.Find({.values = vectors[0], .category_path = {"Stones"}}).neighbours.size(), 1u);
        EXPECT_TRUE(index.VectorOf("rock").has_value());
      }
    });
  }
  for (int round = 0; round < 2; ++round) {
    index.BeginPass();
    for (int i = 0; i < kProducts; i += 100) {
      std::vector<v1::Embedding> batch = {MakeEmbedding("rock", vectors[0], {"Stones"})};
      for (int k = i; k < i + 100; ++k) batch.push_back(MakeEmbedding(absl::StrCat(k), vectors[k + round * kProducts]));
      index.Put(batch);
      // Read your writes.
      const auto found = index.Find({.values = vectors[i + 50 + round * kProducts], .count = 1, .exact = true});
      EXPECT_NEAR(found.neighbours.front().cosine, 1, 1e-5);
      if (round == 1) index.Remove(Strings{absl::StrCat(i)});
    }
    index.RemoveUnseen();
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(index.size(), static_cast<std::size_t>(kProducts - kProducts / 100 + 1));
}

}  // namespace
}  // namespace mannequin
