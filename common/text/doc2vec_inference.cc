// Doc2Vec::Infer.
//
// While a document's vector x is inferred nothing else moves, so every output row that it
// meets is a term of a logistic regression on x:
//
//   sigmoid(scale (x . row) + bias) should be the label
//
// PV-DBOW: scale 1, bias 0. PV-DM: scale is x's share of the mean, bias what the words
// around add to it, which is computed once for each reach of the window instead of in
// every epoch. PV-DM by concatenation: scale 1, bias of the words around; x meets only the
// first block of the row. Noise words are drawn once a document, `negative` for each word,
// and every row of the document is copied into one buffer, which for a title stays in the
// first-level cache (66 rows of 104 numbers are 27 KB) through all epochs.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "common/text/doc2vec.h"
#include "common/text/kernels.h"
#include "common/text/random.h"

namespace mannequin {
namespace {

const float kInferenceLr = std::getenv("ILR") ? std::atof(std::getenv("ILR")) : 0.1f;
const std::size_t kGroup = std::getenv("GROUP") ? std::atoi(std::getenv("GROUP")) : 12;

std::size_t Padded(std::size_t n) { return (n + Kernels::kFitStep - 1) / Kernels::kFitStep * Kernels::kFitStep; }

class Inference {
 public:
  Inference(const Doc2Vec& model, const NoiseTable& noise, absl::Span<const std::int32_t> words, int epochs);
  std::vector<float> Run();

 private:
  struct Word {
    std::size_t begin, end;  // of its terms
  };

  std::size_t CountTerms() const;
  void AddTerms();
  void Add(const float* row, float label);
  void EndGroup();
  void AddContextMeans();
  void AddContextConcat();
  void Dots(const float* x, const Word& word, int block, float* dots);

  const Doc2Vec& model_;
  const NoiseTable& noise_;
  const Doc2VecOptions& options_;
  const Kernels& kernels_ = Kernels::Best();
  const absl::Span<const std::int32_t> words_;
  const int epochs_, dim_, variants_;
  Random random_;
  std::unique_ptr<float[]> values_;  // rows, then labels, then scales and biases of each variant
  std::size_t capacity_, size_ = 0, group_ = 0;
  float *labels_, *scales_, *biases_;
  std::vector<const float*> rows_;  // in the model, of each term
  std::vector<Word> terms_of_;
  std::vector<std::size_t> ends_;  // of groups: each is one step
};

std::uint64_t Hash(absl::Span<const std::int32_t> words) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const std::int32_t word : words) hash = (hash ^ static_cast<std::uint32_t>(word)) * 0x100000001B3ULL;
  return hash;
}

// Seeded by the words, so that a document always has one vector.
Inference::Inference(const Doc2Vec& model, const NoiseTable& noise, absl::Span<const std::int32_t> words, int epochs)
    : model_(model),
      noise_(noise),
      options_(model.options()),
      words_(words),
      epochs_(epochs),
      dim_(Kernels::PaddedDimension(options_.dimension)),
      variants_(options_.mode == Doc2VecMode::kPvDm ? std::min(options_.window, std::max(1, epochs)) : 1),
      random_(Hash(words)) {
  capacity_ = CountTerms();
  const std::size_t numbers = capacity_ * (static_cast<std::size_t>(dim_) + 1 + 2 * static_cast<std::size_t>(variants_));
  values_ = std::make_unique_for_overwrite<float[]>(numbers);
  labels_ = values_.get() + capacity_ * static_cast<std::size_t>(dim_);
  scales_ = labels_ + capacity_;
  biases_ = scales_ + capacity_ * static_cast<std::size_t>(variants_);
  rows_.reserve(capacity_);
  terms_of_.reserve(words_.size());
  ends_.reserve(words_.size());
}

// No more than there will be, groups filled up.
std::size_t Inference::CountTerms() const {
  if (!options_.hierarchical_softmax) return words_.size() * Padded(static_cast<std::size_t>(options_.negative) + 1);
  std::size_t terms = 0;
  for (const std::int32_t word : words_) terms += Padded(model_.huffman().Path(word).size());
  return terms;
}

void Inference::Add(const float* row, float label) {
  if (size_ - group_ == Kernels::kMaxFit) EndGroup();
  std::copy_n(row, dim_, values_.get() + size_ * static_cast<std::size_t>(dim_));
  rows_.push_back(row);
  labels_[size_++] = label;
}

// Fills up the step with rows that do nothing.
void Inference::EndGroup() {
  while ((size_ - group_) % Kernels::kFitStep != 0) {
    std::fill_n(values_.get() + size_ * static_cast<std::size_t>(dim_), dim_, 0.0f);
    rows_.push_back(nullptr);
    labels_[size_++] = 0;
  }
  if (size_ > group_) ends_.push_back(size_);
  group_ = size_;
}

void Inference::AddTerms() {
  for (const std::int32_t word : words_) {
    const std::size_t begin = size_;
    if (options_.hierarchical_softmax) {
      for (const Huffman::Turn turn : model_.huffman().Path(word)) {
        Add(model_.word_out()[turn.node], turn.right ? 0.0f : 1.0f);
      }
    } else {
      Add(model_.word_out()[word], 1);
      for (int i = 0; i < options_.negative; ++i) {
        const std::int32_t noise = noise_.Draw(random_.Next());
        if (noise != word) Add(model_.word_out()[noise], 0);
      }
    }
    terms_of_.push_back({begin, size_});
    if (size_ - group_ >= kGroup) EndGroup();
  }
  EndGroup();
}

// x . row for the rows of a word, each from its block `block` on.
void Inference::Dots(const float* x, const Word& word, int block, float* dots) {
  for (std::size_t t = word.begin; t < word.end; ++t) {
    float* row = const_cast<float*>(rows_[t]);
    if (row != nullptr) {
      row += block * dim_;
      kernels_.dot(x, &row, 1, dim_, dots + t);
    }
  }
}

void Inference::AddContextMeans() {
  std::vector<float> sum(static_cast<std::size_t>(dim_));
  const auto n = static_cast<int>(words_.size());
  for (int k = 0; k < n; ++k) {
    std::fill(sum.begin(), sum.end(), 0.0f);
    int size = 1;
    for (int reach = 1; reach <= variants_; ++reach) {
      for (const int c : {k - reach, k + reach}) {
        if (c < 0 || c >= n) continue;
        kernels_.add(1, model_.word_in()[words_[c]], dim_, sum.data());
        ++size;
      }
      const float share = 1 / static_cast<float>(size);
      const std::size_t offset = capacity_ * static_cast<std::size_t>(reach - 1);
      const Word& word = terms_of_[k];
      Dots(sum.data(), word, 0, biases_ + offset);
      for (std::size_t t = word.begin; t < word.end; ++t) {
        biases_[offset + t] *= share;
        scales_[offset + t] = rows_[t] == nullptr ? 0 : share;
      }
    }
  }
}

void Inference::AddContextConcat() {
  const auto n = static_cast<int>(words_.size());
  const auto outside = static_cast<std::int64_t>(model_.counts().size());
  std::vector<float> dots(size_);
  for (int k = 0; k < n; ++k) {
    int block = 0;
    for (int c = k - options_.window; c <= k + options_.window; ++c) {
      if (c == k) continue;
      const Word& word = terms_of_[k];
      Dots(model_.word_in()[c < 0 || c >= n ? outside : words_[c]], word, ++block, dots.data());
      for (std::size_t t = word.begin; t < word.end; ++t) biases_[t] += dots[t];
    }
  }
}

std::vector<float> Inference::Run() {
  AddTerms();
  std::fill(scales_, biases_, 1.0f);
  std::fill_n(biases_, capacity_ * static_cast<std::size_t>(variants_), 0.0f);
  if (options_.mode == Doc2VecMode::kPvDm) AddContextMeans();
  if (options_.mode == Doc2VecMode::kPvDmConcat) AddContextConcat();
  std::vector<float> x(static_cast<std::size_t>(dim_));
  for (int j = 0; j < options_.dimension; ++j) x[j] = random_.Centred() / static_cast<float>(options_.dimension);
  for (int epoch = 0; epoch < epochs_; ++epoch) {
    const float lr =
        kInferenceLr - (kInferenceLr - options_.min_lr) * static_cast<float>(epoch) / static_cast<float>(epochs_);
    const std::size_t offset = capacity_ * static_cast<std::size_t>(epoch % variants_);
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      const std::size_t at = offset + begin;
      kernels_.fit(values_.get() + begin * static_cast<std::size_t>(dim_), {labels_ + begin, scales_ + at, biases_ + at},
                   static_cast<int>(end - begin), dim_, lr, x.data());
      begin = end;
    }
  }
  x.resize(static_cast<std::size_t>(options_.dimension));
  return x;
}

}  // namespace

std::vector<float> Doc2Vec::Infer(absl::Span<const std::int32_t> words, int epochs) const {
  if (words.empty()) return std::vector<float>(static_cast<std::size_t>(options_.dimension));
  return Inference(*this, noise_, words, epochs).Run();
}

}  // namespace mannequin
