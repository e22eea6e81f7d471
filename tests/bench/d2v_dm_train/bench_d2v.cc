// Doc2vec's speed on whitespace words seen at least twice, as gensim's corpus_file has
// it: one document a line.
//
//   bench_d2v --words FILE --mode dm --epochs 40 --repeat 3
//   {"words_per_second": 5100000, "documents": 40054, "words": 428589, "vocabulary": 4628, ...}
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_split.h"
#include "common/text/doc2vec.h"

namespace mannequin {
namespace {

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

int Main(int argc, char** argv) {
  CLI::App app("Doc2vec training speed");
  std::string path, mode = "dm";
  Doc2VecOptions options;
  options.epochs = 40;
  int repeat = 3;
  app.add_option("--words", path, "documents, one a line, words apart by blanks")->required();
  app.add_option("--mode", mode, "dm or dbow")->check(CLI::IsMember({"dm", "dbow"}));
  app.add_option("--epochs", options.epochs);
  app.add_option("--threads", options.threads, "0: one a core");
  app.add_option("--dimension", options.dimension);
  app.add_option("--repeat", repeat)->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);
  options.pv_dm = mode == "dm";

  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  absl::flat_hash_map<std::string, int> counts;
  std::int64_t raw_words = 0;
  for (const std::string& line : lines) {
    for (absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
      ++counts[std::string(word)];
      ++raw_words;
    }
  }
  absl::flat_hash_map<std::string, std::int32_t> numbers;
  Corpus corpus;
  std::vector<std::int32_t> document;
  for (const std::string& line : lines) {
    document.clear();
    for (absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
      if (counts[std::string(word)] < 2) continue;
      document.push_back(
          numbers.try_emplace(std::string(word), static_cast<std::int32_t>(numbers.size())).first->second);
    }
    corpus.Add(document);
  }

  std::vector<double> seconds;
  double loss = 0;
  for (int r = 0; r < repeat; ++r) {
    options.seed = static_cast<std::uint64_t>(r) + 1;
    const double start = Seconds();
    const auto model = Doc2Vec::Train(corpus, static_cast<std::int32_t>(numbers.size()), options,
                                      [&](const Doc2VecProgress& progress) {
                                        loss = progress.loss;
                                        return absl::OkStatus();
                                      });
    seconds.push_back(Seconds() - start);
    if (!model.ok()) {
      std::fprintf(stderr, "%s\n", model.status().ToString().c_str());
      return 1;
    }
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  std::printf(
      "{\"words_per_second\": %.0f, \"seconds\": %.3f, \"documents\": %zu, \"words\": %lld, \"vocabulary\": %zu, "
      "\"mode\": \"%s\", \"epochs\": %d, \"loss\": %.4f}\n",
      static_cast<double>(raw_words) * options.epochs / median, median, lines.size(), static_cast<long long>(raw_words),
      numbers.size(), mode.c_str(), options.epochs, loss);
  return 0;
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) { return mannequin::Main(argc, argv); }
