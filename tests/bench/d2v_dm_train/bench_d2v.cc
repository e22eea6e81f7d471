// Doc2vec's speed on whitespace words seen at least twice, as gensim's corpus_file has
// it: one document a line. Training, and with --infer the inference of the same documents
// as if they were new, on every core.
//
//   bench_d2v --words FILE --mode dm --epochs 40 --repeat 3
//   {"words_per_second": 5100000, "documents": 40054, "words": 428589, "vocabulary": 4628, ...}
//   bench_d2v --words FILE --mode dm --epochs 5 --infer 20
//   {"documents_per_second": 120000, "inference_epochs": 20, "same_twice_cosine": 1, ...}
//   bench_d2v --words FILE --mode dbow --epochs 5 --documents 4000000 --repeat 1
//   {"words_per_second": 4900000, "seconds": 43, "vocabulary": 46240, "peak_mb": 1950, ...}
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_split.h"
#include "common/base/random.h"
#include "common/text/doc2vec.h"

namespace mannequin {
namespace {

struct Words {
  Corpus corpus;
  std::int64_t raw_words = 0;  // with those seen once
  std::int32_t vocabulary = 0;
};

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Words Read(const std::string& path) {
  Words words;
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  absl::flat_hash_map<std::string, int> counts;
  for (const std::string& line : lines) {
    for (absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
      ++counts[std::string(word)];
      ++words.raw_words;
    }
  }
  absl::flat_hash_map<std::string, std::int32_t> numbers;
  std::vector<std::int32_t> document;
  for (const std::string& line : lines) {
    document.clear();
    for (absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
      if (counts[std::string(word)] < 2) continue;
      document.push_back(
          numbers.try_emplace(std::string(word), static_cast<std::int32_t>(numbers.size())).first->second);
    }
    words.corpus.Add(document);
  }
  words.vocabulary = static_cast<std::int32_t>(numbers.size());
  return words;
}

// So many documents made from the given ones: each is one of them with its words in
// another order, one word in ten replaced by one of new words, of which all are as likely.
// The vocabulary grows with the root of the documents (Heaps' law: 0.4 to 0.6 in English).
Words Vary(const Words& given, std::int64_t documents) {
  const auto known = static_cast<double>(given.vocabulary);
  const double growth = std::sqrt(static_cast<double>(documents) / static_cast<double>(given.corpus.documents()));
  Words words;
  words.vocabulary = static_cast<std::int32_t>(known * std::max(1.0, growth));
  const auto fresh = static_cast<std::uint32_t>(words.vocabulary - given.vocabulary);
  const std::int64_t expected =
      documents * static_cast<std::int64_t>(given.corpus.words.size()) / given.corpus.documents();
  words.corpus.words.reserve(static_cast<std::size_t>(expected + expected / 50 + 1'000));
  words.corpus.ends.reserve(static_cast<std::size_t>(documents));
  Random random(1);
  std::vector<std::int32_t> document;
  for (std::int64_t d = 0; d < documents; ++d) {
    const auto from = given.corpus[random.Below(static_cast<std::uint32_t>(given.corpus.documents()))];
    document.assign(from.begin(), from.end());
    for (std::size_t k = 0; k < document.size(); ++k) {
      std::swap(document[k], document[k + random.Below(static_cast<std::uint32_t>(document.size() - k))]);
      if (fresh > 0 && random.Below(10) == 0)
        document[k] = given.vocabulary + static_cast<std::int32_t>(random.Below(fresh));
    }
    words.corpus.Add(document);
  }
  words.raw_words = static_cast<std::int64_t>(words.corpus.words.size());
  return words;
}

double PeakMb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    dot += static_cast<double>(a[j]) * b[j];
    aa += static_cast<double>(a[j]) * a[j];
    bb += static_cast<double>(b[j]) * b[j];
  }
  return dot / std::sqrt(aa * bb);
}

// Documents a second.
double InferAll(const Doc2Vec& model, const Corpus& corpus, int epochs, int cores) {
  const double start = Seconds();
  std::atomic<std::int64_t> next{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < cores; ++t) {
    threads.emplace_back([&] {
      for (std::int64_t at = next.fetch_add(64); at < corpus.documents(); at = next.fetch_add(64)) {
        for (std::int64_t d = at; d < std::min(at + 64, corpus.documents()); ++d) model.Infer(corpus[d], epochs);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(corpus.documents()) / (Seconds() - start);
}

int Main(int argc, char** argv) {
  CLI::App app("Doc2vec training and inference speed");
  std::string path, mode = "dm";
  Doc2VecOptions options;
  options.epochs = 40;
  int repeat = 3, inference_epochs = 0;
  std::int64_t documents = 0;
  app.add_option("--words", path, "documents, one a line, words apart by blanks")->required();
  app.add_option("--mode", mode, "dm, dbow or concat")->check(CLI::IsMember({"dm", "dbow", "concat"}));
  app.add_flag("--hs", options.hierarchical_softmax, "hierarchical softmax");
  app.add_flag("--word-vectors", options.word_vectors, "PV-DBOW learns word vectors as well");
  app.add_option("--epochs", options.epochs);
  app.add_option("--threads", options.threads, "0: one a core");
  app.add_option("--dimension", options.dimension);
  app.add_option("--infer", inference_epochs, "infer every document with so many epochs, after one training");
  app.add_option("--documents", documents, "make so many from the given ones")->check(CLI::Range(1, 100'000'000));
  app.add_option("--repeat", repeat)->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);
  options.mode = mode == "dm" ? Doc2VecMode::kPvDm : mode == "dbow" ? Doc2VecMode::kPvDbow : Doc2VecMode::kPvDmConcat;
  Words words = Read(path);
  if (documents > 0) words = Vary(words, documents);
  std::vector<double> train_seconds, rates;
  double loss = 0, cosine = 0;
  for (int r = 0; r < (inference_epochs > 0 ? 1 : repeat); ++r) {
    options.seed = static_cast<std::uint64_t>(r) + 1;
    const double start = Seconds();
    const auto model = Doc2Vec::Train(words.corpus, words.vocabulary, options, [&](const Doc2VecProgress& progress) {
      loss = progress.loss;
      return absl::OkStatus();
    });
    train_seconds.push_back(Seconds() - start);
    if (!model.ok()) {
      std::fprintf(stderr, "%s\n", model.status().ToString().c_str());
      return 1;
    }
    if (inference_epochs == 0) continue;
    const int cores = options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
    for (int i = 0; i < repeat; ++i) rates.push_back(InferAll(*model, words.corpus, inference_epochs, cores));
    cosine = Cosine(model->Infer(words.corpus[0], inference_epochs), model->Infer(words.corpus[0], inference_epochs));
  }
  if (inference_epochs > 0) {
    std::printf(
        "{\"documents_per_second\": %.0f, \"best\": %.0f, \"documents\": %lld, \"words\": %zu, \"mode\": \"%s\", "
        "\"inference_epochs\": %d, \"same_twice_cosine\": %.6g}\n",
        Median(rates), *std::max_element(rates.begin(), rates.end()), static_cast<long long>(words.corpus.documents()),
        words.corpus.words.size(), mode.c_str(), inference_epochs, cosine);
    return 0;
  }
  const double median = Median(train_seconds);
  std::printf(
      "{\"words_per_second\": %.0f, \"seconds\": %.3f, \"documents\": %lld, \"words\": %lld, \"vocabulary\": %d, "
      "\"mode\": \"%s\", \"epochs\": %d, \"loss\": %.4f, \"peak_mb\": %.0f}\n",
      static_cast<double>(words.raw_words) * options.epochs / median, median,
      static_cast<long long>(words.corpus.documents()), static_cast<long long>(words.raw_words), words.vocabulary,
      mode.c_str(), options.epochs, loss, PeakMb());
  return 0;
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) { return mannequin::Main(argc, argv); }
