// How well the vectors keep category and brand: the share of the 10 nearest training
// products (cosine) with the query's label, for products kept out of training
// (sha256(id)[:8] / 2^32 < 0.10). Neither label is given apart from the text.
//
//   bench_embedding_quality --products FILE     (lines: id, category, brand, text; by tabs)
//   {"category_p10": 0.83, "brand_p10": 0.95, "texts_per_second": 120000, ...}
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/base/sha256.h"
#include "common/text/text_model.h"

namespace mannequin {
namespace {

struct Row {
  std::string id, category, brand, text;
  std::vector<float> vector;
};

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

bool HeldOut(const std::string& id) {
  std::uint32_t head = 0;
  return absl::SimpleHexAtoi(Sha256Hex(id).substr(0, 8), &head) && head / 4294967296.0 < 0.10;
}

// Calls `visit(i)` for 0 to n - 1 on all cores.
template <typename Visit>
void ForAll(std::size_t n, const Visit& visit) {
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < n; i = next++) visit(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

struct Precision {
  double category = 0, brand = 0;
};

Precision At10(const std::vector<Row>& train, const std::vector<Row>& test) {
  std::atomic<std::int64_t> category_hits{0}, brand_hits{0};
  std::int64_t branded = 0;
  for (const Row& row : test) branded += !row.brand.empty();
  ForAll(test.size(), [&](std::size_t q) {
    std::vector<std::pair<float, std::size_t>> scores(train.size());
    for (std::size_t i = 0; i < train.size(); ++i) {
      float dot = 0;
      for (std::size_t j = 0; j < train[i].vector.size(); ++j) dot += train[i].vector[j] * test[q].vector[j];
      scores[i] = {-dot, i};
    }
    std::partial_sort(scores.begin(), scores.begin() + 10, scores.end());
    for (int k = 0; k < 10; ++k) {
      const Row& near = train[scores[k].second];
      category_hits += near.category == test[q].category;
      brand_hits += !test[q].brand.empty() && near.brand == test[q].brand;
    }
  });
  return {static_cast<double>(category_hits) / 10 / static_cast<double>(test.size()),
          static_cast<double>(brand_hits) / 10 / static_cast<double>(std::max<std::int64_t>(1, branded))};
}

// Embeds all of them; texts a second.
double EmbedAll(const TextModel& model, std::vector<Row>& rows) {
  const double start = Seconds();
  ForAll(rows.size(), [&](std::size_t i) {
    auto encoded = model.Encode(rows[i].text);
    rows[i].vector = encoded.ok() ? std::move(encoded->values)
                                  : std::vector<float>(static_cast<std::size_t>(model.options().doc2vec.dimension));
  });
  return static_cast<double>(rows.size()) / (Seconds() - start);
}

int Main(int argc, char** argv) {
  CLI::App app("Quality of product vectors");
  std::string path, mode = "dbow";
  TextModelOptions options;
  int max_queries = 0;
  std::vector<double> mixes = {options.mix};
  app.add_option("--products", path, "lines: id, category, brand, text, apart by tabs")->required();
  app.add_option("--mode", mode, "dm, dbow or concat")->check(CLI::IsMember({"dm", "dbow", "concat"}));
  app.add_flag("--hs", options.doc2vec.hierarchical_softmax, "hierarchical softmax");
  app.add_flag("--word-vectors", options.doc2vec.word_vectors, "PV-DBOW learns word vectors as well");
  app.add_option("--window", options.doc2vec.window);
  app.add_option("--sample", options.doc2vec.sample);
  app.add_option("--lr", options.doc2vec.lr);
  app.add_option("--epochs", options.doc2vec.epochs);
  app.add_option("--dimension", options.doc2vec.dimension);
  app.add_option("--inference-epochs", options.inference_epochs);
  app.add_option("--mix", mixes, "weight of the rarity-weighted mean; 0 is plain doc2vec")->delimiter(',');
  app.add_option("--max-queries", max_queries, "0: all that are held out");
  CLI11_PARSE(app, argc, argv);
  options.doc2vec.mode = mode == "dm" ? Doc2VecMode::kPvDm : mode == "concat" ? Doc2VecMode::kPvDmConcat : Doc2VecMode::kPvDbow;

  std::ifstream in(path);
  std::vector<Row> train, test;
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> f = absl::StrSplit(line, '\t');
    if (f.size() == 4) (HeldOut(f[0]) ? test : train).push_back({f[0], f[1], f[2], f[3], {}});
  }
  if (max_queries > 0 && test.size() > static_cast<std::size_t>(max_queries))
    test.resize(static_cast<std::size_t>(max_queries));
  for (const double mix : mixes) {
    options.mix = mix;
    std::size_t at = 0;
    const double start = Seconds();
    const auto model = TextModel::Train(
        [&]() -> const std::string* { return at < train.size() ? &train[at++].text : nullptr; }, options, nullptr);
    if (!model.ok()) {
      std::fprintf(stderr, "%s\n", model.status().ToString().c_str());
      return 1;
    }
    const double trained = Seconds() - start;
    const double rate = EmbedAll(*model, train);
    EmbedAll(*model, test);
    const Precision precision = At10(train, test);
    std::printf(
        "{\"category_p10\": %.4f, \"brand_p10\": %.4f, \"texts_per_second\": %.0f, \"train_seconds\": %.1f, "
        "\"train\": %zu, \"test\": %zu, \"mode\": \"%s\", \"mix\": %g, \"inference_epochs\": %d}\n",
        precision.category, precision.brand, rate, trained, train.size(), test.size(), mode.c_str(), mix,
        options.inference_epochs);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) { return mannequin::Main(argc, argv); }
