#include "common/text/doc2vec.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check_range.h"
#include "common/base/random.h"
#include "common/text/doc2vec_trainer.h"
#include "common/text/kernels.h"

namespace mannequin {
namespace {

// Concatenation over a wide window makes layers that no machine holds.
constexpr std::int64_t kMaxLayer = std::int64_t{1} << 32;
// Forty words' noise for each of twenty epochs.
constexpr std::size_t kNoiseDraws = 4'000;

}  // namespace

int AutomaticEpochs(std::int64_t words) {
  constexpr std::int64_t kWords = 40'000'000;  // to see in all epochs together
  return static_cast<int>(std::clamp<std::int64_t>(kWords / std::max<std::int64_t>(words, 1), 10, 200));
}

const char* ModeName(Doc2VecMode mode) {
  switch (mode) {
    case Doc2VecMode::kPvDbow:
      return "pv-dbow";
    case Doc2VecMode::kPvDm:
      return "pv-dm";
    case Doc2VecMode::kPvDmConcat:
      return "pv-dm-concat";
  }
  return "unknown";
}

absl::Status CheckDoc2VecOptions(const Doc2VecOptions& options) {
  absl::Status status = CheckRange("doc2vec: dimension", options.dimension, 1, 1024);
  status.Update(CheckRange("doc2vec: epochs", options.epochs, 0, 1'000'000));
  status.Update(CheckRange("doc2vec: window", options.window, 1, 20));
  status.Update(CheckRange("doc2vec: negative", options.negative, 1, 50));
  if (!(options.lr > 0)) {
    status.Update(absl::InvalidArgumentError(absl::StrCat("doc2vec: lr: ", options.lr, " is not more than 0")));
  }
  status.Update(CheckRange("doc2vec: lr", options.lr, 0.0f, 1.0f));
  status.Update(CheckRange("doc2vec: min_lr", options.min_lr, 0.0f, options.lr));
  status.Update(CheckRange("doc2vec: sample", options.sample, 0.0, 1.0));
  status.Update(CheckRange("doc2vec: threads", options.threads, 0, 1024));
  return status;
}

Doc2VecShapes ShapesOf(const Doc2VecOptions& options, std::int32_t vocabulary_size) {
  const bool concat = options.mode == Doc2VecMode::kPvDmConcat;
  Doc2VecShapes shapes;
  shapes.out_rows = vocabulary_size - (options.hierarchical_softmax ? 1 : 0);
  shapes.out_columns = std::int64_t{options.dimension} * (concat ? 2 * options.window + 1 : 1);
  if (options.mode != Doc2VecMode::kPvDbow || options.word_vectors) {
    shapes.in_rows = vocabulary_size + (concat ? 1 : 0);
    shapes.in_columns = options.dimension;
  }
  return shapes;
}

Doc2Vec::Doc2Vec(const Doc2VecOptions& options, std::vector<std::int64_t> counts)
    : options_(options), counts_(std::move(counts)), subsampling_(counts_, options.sample) {
  if (options_.hierarchical_softmax) {
    huffman_ = Huffman(counts_);
  } else {
    noise_ = NoiseTable(counts_);
    Random random(1);
    noise_draws_.resize(kNoiseDraws);
    for (std::int32_t& word : noise_draws_) word = noise_.Draw(random.Next());
  }
}

Doc2Vec::Doc2Vec(const Doc2VecOptions& options, std::vector<std::int64_t> counts, absl::Span<const float> word_out,
                 absl::Span<const float> word_in)
    : Doc2Vec(options, std::move(counts)) {
  const Doc2VecShapes shapes = ShapesOf(options_, static_cast<std::int32_t>(counts_.size()));
  word_out_ =
      Rows(word_out, shapes.out_rows, options_.dimension, static_cast<int>(shapes.out_columns / options_.dimension));
  if (shapes.in_rows > 0) word_in_ = Rows(word_in, shapes.in_rows, options_.dimension, 1);
}

absl::StatusOr<Doc2Vec> Doc2Vec::Train(const Corpus& corpus, std::int32_t vocabulary_size,
                                       const Doc2VecOptions& options,
                                       const std::function<absl::Status(const Doc2VecProgress&)>& progress) {
  if (absl::Status status = CheckDoc2VecOptions(options); !status.ok()) return status;
  if (corpus.words.empty() || vocabulary_size < 1) {
    return absl::InvalidArgumentError("doc2vec: no words to train on");
  }
  const Doc2VecShapes shapes = ShapesOf(options, vocabulary_size);
  if (shapes.out_rows * shapes.out_columns > kMaxLayer) {
    return absl::InvalidArgumentError(absl::StrCat("doc2vec: window: the output layer would be ", shapes.out_rows,
                                                   " rows of ", shapes.out_columns, ", over ", kMaxLayer,
                                                   " numbers: lower window or dimension"));
  }
  std::vector<std::int64_t> counts(static_cast<std::size_t>(vocabulary_size));
  for (const std::int32_t word : corpus.words) {
    if (word < 0 || word >= vocabulary_size) {
      return absl::InvalidArgumentError(absl::StrCat("doc2vec: word ", word, " is outside the vocabulary"));
    }
    ++counts[word];
  }
  Doc2VecOptions chosen = options;
  if (chosen.epochs == 0) chosen.epochs = AutomaticEpochs(static_cast<std::int64_t>(corpus.words.size()));
  Doc2Vec model(chosen, std::move(counts));
  if (absl::Status status = Doc2VecTrainer(corpus, model).Run(progress); !status.ok()) return status;
  return model;
}

std::vector<float> Doc2Vec::Direction(std::int32_t word) const {
  std::vector<float> sum(static_cast<std::size_t>(word_out_.stride()));
  const Kernels& kernels = Kernels::Best();
  const auto add = [&](float sign, std::int64_t row) {
    kernels.add(sign, word_out_[row], word_out_.stride(), sum.data());
  };
  if (options_.hierarchical_softmax) {
    for (const Huffman::Turn turn : huffman_.Path(word)) add(turn.right ? -1.0f : 1.0f, turn.node);
  } else {
    add(1, word);
  }
  // The document's block is the first.
  sum.resize(static_cast<std::size_t>(options_.dimension));
  return sum;
}

}  // namespace mannequin
