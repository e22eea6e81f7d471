// Paragraph vectors on word numbers: PV-DBOW, PV-DM with the mean and PV-DM with the
// concatenation of its inputs; with negative sampling or hierarchical softmax.
//
//   Corpus corpus;
//   corpus.Add({4, 0, 17});
//   ASSIGN_OR_RETURN(Doc2Vec model, Doc2Vec::Train(corpus, vocabulary_size, {.epochs = 20}, nullptr));
//   std::vector<float> v = model.Infer({4, 17}, 20);
//
// Sources: Le and Mikolov 2014 (arXiv:1405.4053) for the models; Mikolov et al. 2013
// (arXiv:1310.4546) for negative sampling (noise = count^0.75), the Huffman tree of the
// hierarchical softmax and the subsampling of frequent words; defaults, window and
// learning-rate rules as gensim 4 has them. Threads update shared weights without locks
// (Hogwild, Niu et al. 2011, arXiv:1106.5730).
//
// Beside the weights, training keeps one vector a document (4 bytes times the dimension
// padded to whole vector lanes) and the corpus (4 bytes a word, 8 a document): nothing else
// grows with the documents.
//
// Not for text: text_encoder.h turns text into word numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/text/huffman.h"
#include "common/text/noise_table.h"
#include "common/text/rows.h"
#include "common/text/subsampling.h"

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
  absl::Span<const std::int32_t> operator[](std::int64_t document) const {
    const std::int64_t begin = document == 0 ? 0 : ends[document - 1];
    return absl::MakeConstSpan(words).subspan(static_cast<std::size_t>(begin),
                                              static_cast<std::size_t>(ends[document] - begin));
  }
};

enum class Doc2VecMode {
  kPvDbow,      // the document's vector predicts each of its words
  kPvDm,        // so does the mean of it and of the words around
  kPvDmConcat,  // so do it and `window` words on each side, laid side by side in their order
};

// "pv-dbow", "pv-dm" or "pv-dm-concat".
const char* ModeName(Doc2VecMode mode);

// Doc2Vec::Train says INVALID_ARGUMENT to a value out of its range.
struct Doc2VecOptions {
  Doc2VecMode mode = Doc2VecMode::kPvDbow;
  // Predicts a word by its turns in a Huffman tree instead of against noise words.
  bool hierarchical_softmax = false;
  // PV-DBOW learns word_in as well, by skip-gram over the window. The others always do.
  bool word_vectors = false;
  int dimension = 100;  // 1 to 1,024
  int epochs = 0;       // 1 to 1,000,000; 0: AutomaticEpochs
  int window = 4;       // words on each side, 1 to 20. Drawn from 1 to it for each word but in PV-DM by concatenation
  int negative = 5;     // noise words a word, 1 to 50
  float lr = 0.025f;    // more than 0, up to 1; falls linearly to min_lr
  float min_lr = 0.0001f;  // 0 to lr
  double sample = 1e-3;    // share from which a word is subsampled (subsampling.h), up to 1; 0: never
  std::uint64_t seed = 1;
  int threads = 0;  // up to 1,024; 0: one a core. One thread and one seed give the same bits again.
};

// INVALID_ARGUMENT naming the field and its bounds.
absl::Status CheckDoc2VecOptions(const Doc2VecOptions& options);

// What a model of V words and D components keeps.
struct Doc2VecShapes {
  // Of the output layer: [V, D], for PV-DM by concatenation [V, (2 window + 1) D], the
  // document first and then the words from left to right. With hierarchical softmax V - 1
  // rows of the same length, one for each inner node of the tree.
  std::int64_t out_rows = 0, out_columns = 0;
  // Of the input layer: none for PV-DBOW without word vectors, else [V, D]. PV-DM by
  // concatenation has one row more, the last: it stands for what is left and right of the
  // document.
  std::int64_t in_rows = 0, in_columns = 0;
};
Doc2VecShapes ShapesOf(const Doc2VecOptions& options, std::int32_t vocabulary_size);

struct Doc2VecProgress {
  int epoch = 0;  // epochs done, of `epochs`
  int epochs = 0;
  double loss = 0;         // mean loss a word, of a sample of the epoch as far as it is done
  std::int64_t words = 0;  // so far, before subsampling
};

// Epochs that a corpus of so many words needs, 10 to 200: fewer words, more epochs. What they
// are worth: bench_embedding_quality --titles --vector doc2vec --mode dbow --epochs N.
int AutomaticEpochs(std::int64_t words);

// Immutable once trained, but for ForgetDocuments; Infer is thread-safe.
class Doc2Vec {
 public:
  // Word numbers are 0 to vocabulary_size - 1. `progress` is called after every epoch and,
  // in long ones, twice a second, on one thread; when it returns not OK, training soon ends
  // with that. INVALID_ARGUMENT for options out of range or a corpus without words.
  static absl::StatusOr<Doc2Vec> Train(const Corpus& corpus, std::int32_t vocabulary_size,
                                       const Doc2VecOptions& options,
                                       const std::function<absl::Status(const Doc2VecProgress&)>& progress);
  // From what was kept of a trained one: its FlatOut() and FlatIn(), which must have the
  // shapes of ShapesOf(options, counts.size()), and the counts of the training corpus.
  Doc2Vec(const Doc2VecOptions& options, std::vector<std::int64_t> counts, absl::Span<const float> word_out,
          absl::Span<const float> word_in);

  // The vector of a document that was not trained on, `dimension` long, not of unit
  // length. Subsamples as training does, but evenly and never a word in all epochs. There
  // is no chance in it: the same words give the same bits. Zeros for no words or no epochs.
  std::vector<float> Infer(absl::Span<const std::int32_t> words, int epochs) const;

  const Doc2VecOptions& options() const { return options_; }
  const std::vector<std::int64_t>& counts() const { return counts_; }
  // The layers, see Doc2VecShapes. Every D columns are padded to whole vector lanes.
  const Rows& word_out() const { return word_out_; }
  const Rows& word_in() const { return word_in_; }
  // The same without padding.
  std::vector<float> FlatOut() const { return word_out_.Flat(); }
  std::vector<float> FlatIn() const { return word_in_.Flat(); }
  // Where the word lies among documents' vectors, `dimension` long: the direction in which
  // the vector 0 moves to predict it. Its output vector or, with hierarchical softmax, the
  // nodes of its path with their signs.
  std::vector<float> Direction(std::int32_t word) const;
  // Empty without hierarchical softmax.
  const Huffman& huffman() const { return huffman_; }
  // Of the training documents; empty in a model that was loaded.
  const Rows& documents() const { return documents_; }
  // Frees their memory. Inference needs none of them.
  void ForgetDocuments() { documents_ = Rows(); }

 private:
  friend class Doc2VecTrainer;
  Doc2Vec(const Doc2VecOptions& options, std::vector<std::int64_t> counts);

  Doc2VecOptions options_;
  std::vector<std::int64_t> counts_;
  Subsampling subsampling_;
  // Both empty with hierarchical softmax.
  NoiseTable noise_;
  std::vector<std::int32_t> noise_draws_;  // those that inference uses
  Huffman huffman_;
  Rows word_out_, word_in_, documents_;
};

}  // namespace mannequin
