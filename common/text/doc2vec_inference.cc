// Doc2Vec::Infer: gradient descent on the document's vector x alone, from 0.
//
// Every document meets the same noise words: those of epoch e begin at a place of their
// own in the model's list of draws. So two documents' vectors differ by their words, not
// by their luck; the same words give the same vector; and the rows of the noise stay in
// the cache from one document to the next.
#include <algorithm>
#include <utility>
#include <vector>

#include "common/text/doc2vec.h"
#include "common/text/kernels.h"

namespace mannequin {
namespace {

// Falls linearly from the first to the second, whatever the training had. In PV-DM x is
// one of some seven inputs that share a step.
constexpr float kDbowLr = 0.025f, kDmLr = 0.2f, kMinLr = 0.0001f;

class Inference {
 public:
  Inference(const Doc2Vec& model, const Subsampling& subsampling, absl::Span<const std::int32_t> noise,
            absl::Span<const std::int32_t> words);
  std::vector<float> Run(int epochs);

 private:
  void StartEpoch(int epoch, int epochs);
  void AddTargets(std::int32_t word);
  void Fit(const float* input, int columns, float lr);
  void RunDbow();
  void RunDm(int epoch);
  void RunDmConcat();

  const Doc2Vec& model_;
  const Doc2VecOptions& options_;
  const Subsampling& subsampling_;
  const Kernels& kernels_ = Kernels::Best();
  const absl::Span<const std::int32_t> noise_, words_;
  const int stride_;  // of a document's vector
  std::size_t next_noise_ = 0;
  float lr_ = 0;
  std::vector<float> x_, input_;
  std::vector<std::int32_t> kept_;  // words of this epoch
  // Of the words that are predicted next: output rows, what they should say, what they say.
  std::vector<const float*> rows_;
  std::vector<float> labels_, dots_;
  // Of PV-DM: what the input is the mean of.
  std::vector<const float*> inputs_;
  std::vector<float> shares_;
};

Inference::Inference(const Doc2Vec& model, const Subsampling& subsampling, absl::Span<const std::int32_t> noise,
                     absl::Span<const std::int32_t> words)
    : model_(model),
      options_(model.options()),
      subsampling_(subsampling),
      noise_(noise),
      words_(words),
      stride_(Kernels::PaddedDimension(options_.dimension)),
      x_(static_cast<std::size_t>(stride_)),
      input_(static_cast<std::size_t>(model.word_out().stride())) {}

void Inference::StartEpoch(int epoch, int epochs) {
  const float lr = options_.mode == Doc2VecMode::kPvDbow ? kDbowLr : kDmLr;
  lr_ = lr - (lr - kMinLr) * static_cast<float>(epoch) / static_cast<float>(epochs);
  if (!noise_.empty()) next_noise_ = noise_.size() * static_cast<std::size_t>(epoch) / static_cast<std::size_t>(epochs);
  kept_.clear();
  for (const std::int32_t word : words_) {
    if (subsampling_.KeepsInEpoch(word, epoch)) kept_.push_back(word);
  }
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
  for (const std::int32_t word : kept_) {
    AddTargets(word);
    if (rows_.size() >= kRows) Fit(x_.data(), stride_, lr_);
  }
  Fit(x_.data(), stride_, lr_);
}

// Training draws the reach of the window for each word; here epochs take turns.
void Inference::RunDm(int epoch) {
  const auto n = static_cast<int>(kept_.size()), reach = 1 + epoch % options_.window;
  for (int k = 0; k < n; ++k) {
    inputs_.assign(1, x_.data());
    for (int c = std::max(0, k - reach); c <= std::min(n - 1, k + reach); ++c) {
      if (c != k) inputs_.push_back(model_.word_in()[kept_[static_cast<std::size_t>(c)]]);
    }
    const float share = 1 / static_cast<float>(inputs_.size());
    shares_.assign(inputs_.size(), share);
    std::fill(input_.begin(), input_.end(), 0.0f);
    kernels_.gather(inputs_.data(), shares_.data(), static_cast<int>(inputs_.size()), stride_, input_.data());
    AddTargets(kept_[static_cast<std::size_t>(k)]);
    Fit(input_.data(), stride_, share * lr_);
  }
}

void Inference::RunDmConcat() {
  const auto n = static_cast<int>(kept_.size());
  const auto outside = static_cast<std::int64_t>(model_.counts().size());
  for (int k = 0; k < n; ++k) {
    float* block = std::copy(x_.begin(), x_.end(), input_.data());
    for (int c = k - options_.window; c <= k + options_.window; ++c) {
      if (c == k) continue;
      const std::int64_t row = c < 0 || c >= n ? outside : kept_[static_cast<std::size_t>(c)];
      block = std::copy_n(model_.word_in()[row], stride_, block);
    }
    AddTargets(kept_[static_cast<std::size_t>(k)]);
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
  return Inference(*this, subsampling_, noise_draws_, words).Run(epochs);
}

}  // namespace mannequin
