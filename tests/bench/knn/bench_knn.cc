// Searches a second for the ten nearest of a catalogue's products, every tenth product (or
// --every so many) in turn, on all cores; products of equal vectors are all counted. Best of five rounds.
//
//   bench_knn --vectors vectors.f32 --dimension 100
//   {"exact_batch": 25000, "exact_single": 3000, "index_batch": 80000, "index_single": 40000,
//    "recall": 0.999, ...}
//
// `recall` is the share of the index's answers that are no further than the tenth nearest.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "services/embedder/similarity_index.h"

namespace mannequin {
namespace {

constexpr std::size_t kBatch = 1'000;
constexpr std::size_t kCount = 10;
constexpr int kRounds = 5;

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double BestRate(std::size_t searches, const std::function<void()>& run) {
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double begin = Seconds();
    run();
    best = std::max(best, static_cast<double>(searches) / (Seconds() - begin));
  }
  return best;
}

std::vector<SimilarityIndex::Found> FindAll(const SimilarityIndex& index, const std::vector<SimilarityQuery>& queries,
                                            std::size_t batch) {
  std::vector<SimilarityIndex::Found> all;
  for (std::size_t begin = 0; begin < queries.size(); begin += batch) {
    for (auto& found : index.FindMany(absl::MakeConstSpan(queries).subspan(begin, batch)))
      all.push_back(std::move(found));
  }
  return all;
}

double Recall(const std::vector<SimilarityIndex::Found>& found, const std::vector<SimilarityIndex::Found>& exact) {
  std::size_t right = 0, asked = 0;
  for (std::size_t q = 0; q < found.size(); ++q) {
    const float tenth = exact[q].neighbours.back().cosine;
    for (const Neighbour& neighbour : found[q].neighbours) right += neighbour.cosine >= tenth;
    asked += exact[q].neighbours.size();
  }
  return static_cast<double>(right) / static_cast<double>(asked);
}

int Run(const std::string& path, int dimension, std::size_t every, const SimilarityOptions& options) {
  const auto bytes = ReadFile(path);
  if (!bytes.ok()) {
    std::fprintf(stderr, "bench_knn: %s\n", bytes.status().ToString().c_str());
    return 1;
  }
  const auto* values = reinterpret_cast<const float*>(bytes->data());
  const std::size_t products = bytes->size() / sizeof(float) / static_cast<std::size_t>(dimension);
  std::vector<v1::Embedding> embeddings(products);
  std::vector<SimilarityQuery> queries, exact;
  for (std::size_t i = 0; i < products; ++i) {
    const absl::Span<const float> vector(values + i * static_cast<std::size_t>(dimension),
                                         static_cast<std::size_t>(dimension));
    embeddings[i].set_product_id(absl::StrCat(10'000 + i));
    embeddings[i].mutable_values()->Add(vector.begin(), vector.end());
    if (i % every != 0) continue;
    queries.push_back({.values = vector, .count = kCount});
    exact.push_back({.values = vector, .count = kCount, .exact = true});
  }
  SimilarityIndex index("", dimension, options);
  const double begin = Seconds();
  index.Put(embeddings);
  const double build = Seconds() - begin;

  const std::vector<SimilarityIndex::Found> nearest = FindAll(index, exact, kBatch),
                                            found = FindAll(index, queries, kBatch);
  const std::vector<SimilarityQuery> few(exact.begin(), exact.begin() + static_cast<std::ptrdiff_t>(exact.size() / 4));
  const auto rate = [&](const std::vector<SimilarityQuery>& asked, std::size_t batch) {
    return BestRate(asked.size(), [&] { FindAll(index, asked, batch); });
  };
  std::printf(
      "{\"products\": %zu, \"vectors\": %zu, \"exact_batch\": %.0f, \"exact_single\": %.0f, \"index_batch\": %.0f, "
      "\"index_single\": %.0f, \"recall\": %.4f, \"build_seconds\": %.2f, \"bytes_a_product\": %.0f}\n",
      index.size(), index.rows(), rate(exact, kBatch), rate(few, 1), rate(queries, kBatch), rate(queries, 1),
      Recall(found, nearest), build, static_cast<double>(index.bytes()) / static_cast<double>(products));
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Nearest neighbours a second");
  std::string vectors;
  int dimension = 100;
  std::size_t every = 10;
  SimilarityOptions options;
  app.add_option("--vectors", vectors, "float32, a product after the other")->required();
  app.add_option("--dimension", dimension)->capture_default_str();
  app.add_option("--every", every, "which products are searched for")->capture_default_str();
  app.add_option("--links", options.hnsw.links)->capture_default_str();
  app.add_option("--ef-construction", options.hnsw.ef_construction)->capture_default_str();
  app.add_option("--ef", options.ef)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return Run(vectors, dimension, every, options);
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) { return mannequin::Main(argc, argv); }
