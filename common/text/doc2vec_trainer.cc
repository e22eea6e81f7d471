#include "common/text/doc2vec_trainer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/base/random.h"

namespace mannequin {
namespace {

constexpr int kMaxWindow = 20;

// Sigmoid from a table over [-6, 6]; beyond, its end values, as word2vec has it.
class SigmoidTable {
 public:
  SigmoidTable() {
    for (int i = 0; i <= kSlots; ++i) values_[i] = 1 / (1 + std::exp(-((i + 0.5f) / kSlots * 2 - 1) * kLimit));
  }
  float operator()(float x) const {
    const float at = (x + kLimit) * (kSlots / (2 * kLimit));
    // Written so that a value that is not a number lands inside the table.
    return values_[at > 0 ? (at < kSlots ? static_cast<int>(at) : kSlots - 1) : 0];
  }

 private:
  static constexpr int kSlots = 2048;
  static constexpr float kLimit = 6;
  std::array<float, kSlots + 1> values_;
};

const SigmoidTable& Sigmoid() {
  static const SigmoidTable table;
  return table;
}

// The head of the row; where it is long, the machine sees the pattern and goes on itself.
void PrefetchRow(const float* row, int stride) {
  for (int j = 0; j < std::min(stride, 128); j += 16) __builtin_prefetch(row + j, 1, 3);
}

}  // namespace

struct Doc2VecTrainer::Scratch {
  Scratch(std::uint64_t seed, int hidden_stride, int max_targets)
      : random(seed),
        error(hidden_stride),
        hidden(hidden_stride),
        rows(max_targets),
        labels(max_targets),
        dots(max_targets) {
    labels[0] = 1;
  }
  Random random;
  const SigmoidTable& sigmoid = Sigmoid();
  std::vector<float> error, hidden;
  // Of the word that is predicted: output rows, what they should say, what they say.
  std::vector<float*> rows;
  std::vector<float> labels, dots;
  std::vector<std::int32_t> kept;   // words of the document after subsampling
  std::vector<std::int32_t> noise;  // `negative` for each of them
  double loss = 0;
  std::int64_t loss_words = 0;
  std::uint32_t tick = 0;
};

Doc2VecTrainer::Doc2VecTrainer(const Corpus& corpus, Doc2Vec& model)
    : corpus_(corpus), model_(model), options_(model.options_) {
  InitialiseWeights();
}

absl::Status Doc2VecTrainer::Run(const std::function<absl::Status(const Doc2VecProgress&)>& progress) {
  progress_ = &progress;
  return hogwild_.Run(options_.threads, corpus_.documents(),
                      [this](int thread, int threads) { RunShare(thread, threads); });
}

// Inputs start within 1 / dimension of 0, twice as far as word2vec has them, and outputs at
// 0: from half as far a small catalogue learns less in the same epochs.
void Doc2VecTrainer::InitialiseWeights() {
  Random random(options_.seed * 0x9E3779B97F4A7C15ULL + 1);
  const auto fill = [&](Rows& rows) {
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      for (int j = 0; j < options_.dimension; ++j)
        rows[i][j] = 2 * random.Centred() / static_cast<float>(options_.dimension);
    }
  };
  const Doc2VecShapes shapes = ShapesOf(options_, static_cast<std::int32_t>(model_.counts_.size()));
  model_.documents_ = Rows(corpus_.documents(), options_.dimension);
  model_.word_out_ =
      Rows(shapes.out_rows, options_.dimension, static_cast<int>(shapes.out_columns / options_.dimension));
  fill(model_.documents_);
  if (shapes.in_rows > 0) {
    model_.word_in_ = Rows(shapes.in_rows, options_.dimension);
    fill(model_.word_in_);
  }
}

// A contiguous share of the documents, by number of words, for all epochs.
void Doc2VecTrainer::RunShare(int thread, int threads) {
  const auto total = static_cast<std::int64_t>(corpus_.words.size());
  const auto boundary = [&](int t) {
    const std::int64_t word = total * t / threads;
    return std::lower_bound(corpus_.ends.begin(), corpus_.ends.end(), word) - corpus_.ends.begin();
  };
  const std::int64_t first = thread == 0 ? 0 : boundary(thread);
  const std::int64_t last = thread + 1 == threads ? corpus_.documents() : boundary(thread + 1);
  Scratch scratch(options_.seed * 0xD1342543DE82EF95ULL + static_cast<std::uint64_t>(thread) + 7,
                  model_.word_out_.stride(), std::max(options_.negative + 1, model_.huffman_.depth()));
  const std::int64_t share = last - first;
  for (int epoch = 0; epoch < options_.epochs && !hogwild_.stopped(); ++epoch) {
    scratch.loss = 0;
    scratch.loss_words = 0;
    for (std::int64_t d = first; d < last; ++d) {
      if (Hogwild::LooksUp(d - first)) {
        if (thread == 0 && hogwild_.ReportDue())
          Report(epoch, WordsOfShare(d) / std::max(1.0, WordsOfShare(last)), scratch);
        if (hogwild_.stopped()) return;
      }
      const double done = (epoch + static_cast<double>(d - first) / static_cast<double>(share)) / options_.epochs;
      TrainDocument(scratch, d, options_.lr - (options_.lr - options_.min_lr) * static_cast<float>(done));
    }
    if (thread == 0) Report(epoch + 1, 0, scratch);
  }
}

// Of thread 0, whose share begins with the first document.
double Doc2VecTrainer::WordsOfShare(std::int64_t end) const {
  return static_cast<double>(end == 0 ? 0 : corpus_.ends[end - 1]);
}

void Doc2VecTrainer::TrainDocument(Scratch& s, std::int64_t document, float lr) {
  KeepWords(s, document);
  switch (options_.mode) {
    case Doc2VecMode::kPvDbow:
      return TrainDbow(s, document, lr);
    case Doc2VecMode::kPvDm:
      return TrainDm(s, document, lr);
    case Doc2VecMode::kPvDmConcat:
      return TrainDmConcat(s, document, lr);
  }
}

// After `epoch` epochs and a share of the next one, that thread 0 speaks of for all.
void Doc2VecTrainer::Report(int epoch, double share, const Scratch& s) {
  if (!*progress_) return;
  Doc2VecProgress progress;
  progress.epoch = epoch;
  progress.epochs = options_.epochs;
  progress.loss = s.loss_words > 0 ? s.loss / static_cast<double>(s.loss_words) : 0;
  const auto words = static_cast<std::int64_t>(corpus_.words.size());
  progress.words = words * epoch + static_cast<std::int64_t>(static_cast<double>(words) * share);
  hogwild_.Reported((*progress_)(progress));
}

// Subsamples the document, draws the noise of every word, and asks for their rows.
void Doc2VecTrainer::KeepWords(Scratch& s, std::int64_t document) {
  const int stride = model_.word_out_.stride();
  const bool words_in = model_.word_in_.size() > 0;
  s.kept.clear();
  s.noise.clear();
  for (const std::int32_t word : corpus_[document]) {
    if (!model_.subsampling_.Keeps(word, s.random.Next())) continue;
    s.kept.push_back(word);
    if (words_in) PrefetchRow(model_.word_in_[word], model_.word_in_.stride());
    if (options_.hierarchical_softmax) continue;
    PrefetchRow(model_.word_out_[word], stride);
    for (int n = 0; n < options_.negative; ++n) {
      const std::int32_t noise = model_.noise_.Draw(s.random.Next());
      s.noise.push_back(noise);
      PrefetchRow(model_.word_out_[noise], stride);
    }
  }
}

// Sets rows and labels of a word; how many.
int Doc2VecTrainer::Targets(Scratch& s, std::size_t kept_index) {
  const std::int32_t word = s.kept[kept_index];
  int n = 0;
  if (options_.hierarchical_softmax) {
    for (const Huffman::Turn turn : model_.huffman_.Path(word)) {
      s.labels[n] = turn.right ? 0.0f : 1.0f;
      s.rows[n++] = model_.word_out_[turn.node];
    }
    return n;
  }
  // The first label is 1 and the others are 0, as Scratch has them.
  s.rows[n++] = model_.word_out_[word];
  const std::int32_t* noise = s.noise.data() + kept_index * static_cast<std::size_t>(options_.negative);
  for (int i = 0; i < options_.negative; ++i) {
    if (noise[i] != word) s.rows[n++] = model_.word_out_[noise[i]];
  }
  return n;
}

// One word is predicted from `x`: the output rows move, `error` is what `x` should move by.
void Doc2VecTrainer::Step(Scratch& s, const float* x, std::size_t kept_index, float lr, float* error) {
  const int n = Targets(s, kept_index);
  const int stride = model_.word_out_.stride();
  kernels_.dot(x, s.rows.data(), n, stride, s.dots.data());
  if ((s.tick++ & 63) == 0) {
    for (int i = 0; i < n; ++i) s.loss += std::log1p(std::exp(s.labels[i] > 0 ? -s.dots[i] : s.dots[i]));
    ++s.loss_words;
  }
  for (int i = 0; i < n; ++i) s.dots[i] = (s.labels[i] - s.sigmoid(s.dots[i])) * lr;
  kernels_.update(x, s.rows.data(), s.dots.data(), n, stride, error);
}

void Doc2VecTrainer::StepAndMove(Scratch& s, float* x, std::size_t kept_index, float lr) {
  std::fill(s.error.begin(), s.error.end(), 0.0f);
  Step(s, x, kept_index, lr, s.error.data());
  kernels_.add(1, s.error.data(), model_.documents_.stride(), x);
}

void Doc2VecTrainer::TrainDbow(Scratch& s, std::int64_t document, float lr) {
  float* doc = model_.documents_[document];
  for (std::size_t k = 0; k < s.kept.size(); ++k) {
    if (options_.word_vectors) TrainSkipGram(s, k, lr);
    StepAndMove(s, doc, k, lr);
  }
}

// Each word around predicts the word, against the noise that the document's vector gets
// too: its rows are at hand.
void Doc2VecTrainer::TrainSkipGram(Scratch& s, std::size_t kept_index, float lr) {
  const auto n = static_cast<int>(s.kept.size()), k = static_cast<int>(kept_index);
  const int reach = 1 + static_cast<int>(s.random.Below(static_cast<std::uint32_t>(options_.window)));
  for (int c = std::max(0, k - reach); c <= std::min(n - 1, k + reach); ++c) {
    if (c != k) StepAndMove(s, model_.word_in_[s.kept[c]], kept_index, lr);
  }
}

void Doc2VecTrainer::TrainDm(Scratch& s, std::int64_t document, float lr) {
  float* doc = model_.documents_[document];
  const int stride = model_.documents_.stride();
  const auto n = static_cast<int>(s.kept.size());
  std::array<float*, 2 * kMaxWindow + 1> context;
  std::array<float, 2 * kMaxWindow + 1> weights;
  for (int k = 0; k < n; ++k) {
    const int reach = 1 + static_cast<int>(s.random.Below(static_cast<std::uint32_t>(options_.window)));
    int size = 0;
    context[size++] = doc;
    for (int c = std::max(0, k - reach); c <= std::min(n - 1, k + reach); ++c) {
      if (c != k) context[size++] = model_.word_in_[s.kept[c]];
    }
    const float inverse = 1 / static_cast<float>(size);
    std::fill_n(weights.begin(), size, inverse);
    std::fill(s.hidden.begin(), s.hidden.end(), 0.0f);
    std::fill(s.error.begin(), s.error.end(), 0.0f);
    kernels_.gather(context.data(), weights.data(), size, stride, s.hidden.data());
    Step(s, s.hidden.data(), static_cast<std::size_t>(k), lr, s.error.data());
    for (int c = 0; c < size; ++c) kernels_.add(inverse, s.error.data(), stride, context[c]);
  }
}

void Doc2VecTrainer::TrainDmConcat(Scratch& s, std::int64_t document, float lr) {
  float* doc = model_.documents_[document];
  const int stride = model_.documents_.stride(), window = options_.window;
  const auto n = static_cast<int>(s.kept.size());
  float* outside = model_.word_in_[static_cast<std::int64_t>(model_.counts_.size())];
  std::array<float*, 2 * kMaxWindow + 1> inputs;
  for (int k = 0; k < n; ++k) {
    int size = 0;
    inputs[size++] = doc;
    for (int c = k - window; c <= k + window; ++c) {
      if (c != k) inputs[size++] = c < 0 || c >= n ? outside : model_.word_in_[s.kept[c]];
    }
    for (int i = 0; i < size; ++i) std::copy_n(inputs[i], stride, s.hidden.data() + i * stride);
    std::fill(s.error.begin(), s.error.end(), 0.0f);
    Step(s, s.hidden.data(), static_cast<std::size_t>(k), lr, s.error.data());
    for (int i = 0; i < size; ++i) kernels_.add(1, s.error.data() + i * stride, stride, inputs[i]);
  }
}

}  // namespace mannequin
