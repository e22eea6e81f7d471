// Paragraph vectors with negative sampling: PV-DBOW and PV-DM (mean), on word numbers.
//
//   Corpus corpus;
//   corpus.Add({4, 0, 17});
//   ASSIGN_OR_RETURN(Doc2Vec model, Doc2Vec::Train(corpus, vocabulary_size, {.epochs = 20}, nullptr));
//   std::vector<float> v = model.Infer({4, 17}, 20);
//
// Sources: Le and Mikolov 2014 (arXiv:1405.4053) for the two models; Mikolov et al. 2013
// (arXiv:1310.4546) for negative sampling (noise = count^0.75) and the subsampling of
// frequent words; defaults, window and learning-rate rules as gensim 4 has them. Threads
// update shared weights without locks (Hogwild, Niu et al. 2011, arXiv:1106.5730).
//
// Not for text: text_encoder.h turns text into word numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace mannequin {

// All documents' words in one array.
struct Corpus {
  std::vector<std::int32_t> words;
  std::vector<std::int64_t> ends;  // where each document's words end

  void Add(absl::Span<const std::int32_t> document) {
    words.insert(words.end(), document.begin(), document.end());
    ends.push_back(static_cast<std::int64_t>(words.size()));
  }
  std::int64_t documents() const { return static_cast<std::int64_t>(ends.size()); }
};

struct Doc2VecOptions {
  bool pv_dm = false;
  int dimension = 100;  // 1 to 1,024
  int epochs = 0;       // 1 or more; 0: AutomaticEpochs
  int window = 4;       // words on each side (PV-DM)
  int negative = 5;     // 1 to 50
  float lr = 0.025f;    // falls linearly to min_lr
  float min_lr = 0.0001f;
  double sample = 1e-3;  // share from which a word is subsampled; 0: never
  std::uint64_t seed = 1;
  int threads = 0;  // 0: one a core. One thread and one seed give the same bits again.
};

struct Doc2VecProgress {
  int epoch = 0;  // epochs done, of `epochs`
  int epochs = 0;
  double loss = 0;         // mean negative-sampling loss a word, of a sample of the epoch
  std::int64_t words = 0;  // so far, before subsampling
};

// Epochs that a corpus of so many words needs, 10 to 200: fewer words, more epochs. On the
// fashion titles brand precision at 10 is 0.92 after 40 epochs and 0.94 after 100
// (bench_embedding_quality --epochs).
int AutomaticEpochs(std::int64_t words);

// Rows of [n, dimension] padded to whole vector lanes.
class Rows {
 public:
  Rows() = default;
  Rows(std::int64_t n, int dimension);
  float* operator[](std::int64_t i) { return values_.data() + i * stride_; }
  const float* operator[](std::int64_t i) const { return values_.data() + i * stride_; }
  std::int64_t size() const { return n_; }
  int stride() const { return stride_; }

 private:
  std::int64_t n_ = 0;
  int stride_ = 0;
  std::vector<float> values_;
};

// Draws word numbers with probability proportional to count^0.75 (alias method).
class NoiseTable {
 public:
  NoiseTable() = default;
  explicit NoiseTable(absl::Span<const std::int64_t> counts);
  std::int32_t Draw(std::uint64_t random) const {
    const Slot& slot = slots_[((random >> 32) * slots_.size()) >> 32];
    return static_cast<std::uint32_t>(random) <= slot.threshold ? slot.word : slot.alias;
  }

 private:
  struct Slot {
    std::uint32_t threshold;
    std::int32_t word, alias;
  };
  std::vector<Slot> slots_;
};

// Immutable once trained; Infer is thread-safe.
class Doc2Vec {
 public:
  // Word numbers are 0 to vocabulary_size - 1. `progress` is called after every epoch,
  // on one thread; when it returns not OK, training ends with that. INVALID_ARGUMENT
  // for options out of range or a corpus without words.
  static absl::StatusOr<Doc2Vec> Train(const Corpus& corpus, std::int32_t vocabulary_size,
                                       const Doc2VecOptions& options,
                                       const std::function<absl::Status(const Doc2VecProgress&)>& progress);
  // From what was kept of a trained one. `word_in` is empty for PV-DBOW. Both are
  // [vocabulary, dimension] without padding; `counts` has one for each word.
  Doc2Vec(const Doc2VecOptions& options, std::vector<std::int64_t> counts, absl::Span<const float> word_out,
          absl::Span<const float> word_in);

  // The vector of a document that was not trained on, `dimension` long, not of unit
  // length. The same words give the same vector. Zeros for no words.
  std::vector<float> Infer(absl::Span<const std::int32_t> words, int epochs) const;

  const Doc2VecOptions& options() const { return options_; }
  const std::vector<std::int64_t>& counts() const { return counts_; }
  // Of the output layer: what a document's vector predicts words with.
  const Rows& word_out() const { return word_out_; }
  // Of the input layer; empty for PV-DBOW.
  const Rows& word_in() const { return word_in_; }
  // Of the training documents; empty in a model that was loaded.
  const Rows& documents() const { return documents_; }

 private:
  friend class Trainer;
  Doc2Vec(const Doc2VecOptions& options, std::vector<std::int64_t> counts);

  Doc2VecOptions options_;
  std::vector<std::int64_t> counts_;
  NoiseTable noise_;
  Rows word_out_, word_in_, documents_;
};

}  // namespace mannequin
