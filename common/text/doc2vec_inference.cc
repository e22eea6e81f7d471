// Doc2Vec::Infer: gradient descent on the document's vector x alone, from 0.
//
// Every document meets the same noise words: those of epoch e begin at a place of their
// own in the model's list of draws. So two documents' vectors differ by their words, not
// by their luck, which on the fashion titles is worth one point of category precision at
// 10; the same words give the same vector; and the rows of the noise stay in the cache
// from one document to the next.
#include <algorithm>
#include <utility>
#include <vector>

#include "common/text/doc2vec.h"
#include "common/text/kernels.h"

namespace mannequin {
namespace {

// Falls linearly from the first to the second, whatever the training had. In PV-DM x is
// one of some seven inputs that share a step.
constexpr float kLr = 0.05f, kDmLr = 0.2f, kMinLr = 0.0001f;

class Inference {
 public:
  Inference(const Doc2Vec& model, absl::Span<const std::int32_t> noise, absl::Span<const std::int32_t> words);
  std::vector<float> Run(int epochs);

 private:
  void AddContexts();
  void StartEpoch(int epoch, int epochs);
  void AddTargets(std::int32_t word);
  void Fit(const float* input, int columns, float lr);
  void RunDbow();
  void RunDm(int epoch);
  void RunDmConcat();

  const Doc2Vec& model_;
  const Doc2VecOptions& options_;
  const Kernels& kernels_ = Kernels::Best();
  const absl::Span<const std::int32_t> noise_, words_;
  const int stride_;  // of a document's vector
  std::size_t next_noise_ = 0;
  float lr_ = 0;
  std::vector<float> x_, input_, contexts_;
  // Of the words that are predicted next: output rows, what they should say, what they say.
  std::vector<const float*> rows_;
  std::vector<float> labels_, dots_;
};

Inference::Inference(const Doc2Vec& model, absl::Span<const std::int32_t> noise, absl::Span<const std::int32_t> words)
    : model_(model),
      options_(model.options()),
      noise_(noise),
      words_(words),
      stride_(Kernels::PaddedDimension(options_.dimension)),
      x_(static_cast<std::size_t>(stride_)),
      input_(static_cast<std::size_t>(model.word_out().stride())) {
  if (options_.mode == Doc2VecMode::kPvDm) AddContexts();
}

// Of each word and each reach of the window from 1: the sum of the words around.
void Inference::AddContexts() {
  const auto n = static_cast<int>(words_.size()), window = options_.window;
  contexts_.resize(words_.size() * static_cast<std::size_t>(window * stride_));
  float* context = contexts_.data();
  for (int k = 0; k < n; ++k) {
    for (int reach = 1; reach <= window; ++reach, context += stride_) {
      if (reach > 1) std::copy_n(context - stride_, stride_, context);
      for (const int c : {k - reach, k + reach}) {
        if (c >= 0 && c < n) kernels_.add(1, model_.word_in()[words_[static_cast<std::size_t>(c)]], stride_, context);
      }
    }
  }
}

void Inference::StartEpoch(int epoch, int epochs) {
  const float lr = options_.mode == Doc2VecMode::kPvDm ? kDmLr : kLr;
  lr_ = lr - (lr - kMinLr) * static_cast<float>(epoch) / static_cast<float>(epochs);
  if (!noise_.empty()) next_noise_ = noise_.size() * static_cast<std::size_t>(epoch) / static_cast<std::size_t>(epochs);
}

void Inference::AddTargets(std::int32_t word) {
  const auto add = [this](std::int64_t row, float label) {
    rows_.push_back(model_.word_out()[row]);
    labels_.push_back(label);
  };
  if (options_.hierarchical_softmax) {
    for (const Huffman::Turn turn : model_.huffman().Path(word)) add(turn.node, turn.right ? 0 : 1);
    return;
  }
  add(word, 1);
  for (int i = 0; i < options_.negative; ++i) {
    const std::int32_t noise = noise_[next_noise_];
    if (++next_noise_ == noise_.size()) next_noise_ = 0;
    if (noise != word) add(noise, 0);
  }
}

// Moves x so that `input`, which holds it, says more of what the targets' rows should.
void Inference::Fit(const float* input, int columns, float lr) {
  const auto n = static_cast<int>(rows_.size());
  dots_.resize(rows_.size());
  kernels_.dot(input, rows_.data(), n, columns, dots_.data());
  kernels_.misses(labels_.data(), n, lr, dots_.data());
  kernels_.gather(rows_.data(), dots_.data(), n, stride_, x_.data());
  rows_.clear();
  labels_.clear();
}

// Some words at once: x is loaded and stored less often.
void Inference::RunDbow() {
  constexpr std::size_t kRows = 24;
  for (const std::int32_t word : words_) {
    AddTargets(word);
    if (rows_.size() >= kRows) Fit(x_.data(), stride_, lr_);
  }
  Fit(x_.data(), stride_, lr_);
}

// Training draws the reach of the window for each word; here epochs take turns.
void Inference::RunDm(int epoch) {
  const auto n = static_cast<int>(words_.size()), reach = 1 + epoch % options_.window;
  const float* context = contexts_.data() + (reach - 1) * stride_;
  for (int k = 0; k < n; ++k, context += options_.window * stride_) {
    const float share = 1 / static_cast<float>(1 + std::min(k, reach) + std::min(n - 1 - k, reach));
    for (int j = 0; j < stride_; ++j) input_[j] = share * (x_[j] + context[j]);
    AddTargets(words_[static_cast<std::size_t>(k)]);
    Fit(input_.data(), stride_, share * lr_);
  }
}

void Inference::RunDmConcat() {
  const auto n = static_cast<int>(words_.size());
  const auto outside = static_cast<std::int64_t>(model_.counts().size());
  for (int k = 0; k < n; ++k) {
    float* block = std::copy(x_.begin(), x_.end(), input_.data());
    for (int c = k - options_.window; c <= k + options_.window; ++c) {
      if (c == k) continue;
      const std::int64_t row = c < 0 || c >= n ? outside : words_[static_cast<std::size_t>(c)];
      block = std::copy_n(model_.word_in()[row], stride_, block);
    }
    AddTargets(words_[static_cast<std::size_t>(k)]);
    Fit(input_.data(), model_.word_out().stride(), lr_);
  }
}

std::vector<float> Inference::Run(int epochs) {
  for (int epoch = 0; epoch < epochs; ++epoch) {
    StartEpoch(epoch, epochs);
    switch (options_.mode) {
      case Doc2VecMode::kPvDbow:
        RunDbow();
        break;
      case Doc2VecMode::kPvDm:
        RunDm(epoch);
        break;
      case Doc2VecMode::kPvDmConcat:
        RunDmConcat();
        break;
    }
  }
  x_.resize(static_cast<std::size_t>(options_.dimension));
  return std::move(x_);
}

}  // namespace

std::vector<float> Doc2Vec::Infer(absl::Span<const std::int32_t> words, int epochs) const {
  if (words.empty()) return std::vector<float>(static_cast<std::size_t>(options_.dimension));
  return Inference(*this, noise_draws_, words).Run(epochs);
}

}  // namespace mannequin
