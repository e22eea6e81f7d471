#include "common/text/doc2vec.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/text/kernels.h"

namespace mannequin {
namespace {

constexpr int kMaxNegative = 50;
constexpr int kMaxWindow = 20;
constexpr float kInferenceLr = 0.1f;

// One multiplication a number (wyrand, https://github.com/wangyi-fudan/wyhash).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    state_ += 0xA0761D6478BD642FULL;
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(state_) * (state_ ^ 0xE7037ED1A0B428DBULL);
    return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
  }
  std::uint32_t Below(std::uint32_t n) { return static_cast<std::uint32_t>(((Next() >> 32) * n) >> 32); }
  // -0.5 to 0.5.
  float Centred() { return static_cast<float>(static_cast<double>(Next() >> 40) / (1 << 24) - 0.5); }

 private:
  std::uint64_t state_;
};

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

void PrefetchRow(const float* row, int stride) {
  for (int j = 0; j < stride; j += 16) __builtin_prefetch(row + j, 1, 3);
}

absl::Status CheckOptions(const Doc2VecOptions& options) {
  const auto check = [](absl::string_view name, int value, int low, int high) {
    if (value >= low && value <= high) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("doc2vec: ", name, ": ", value, " is not ", low, " to ", high));
  };
  if (absl::Status s = check("dimension", options.dimension, 1, 1024); !s.ok()) return s;
  if (absl::Status s = check("epochs", options.epochs, 0, 1'000'000); !s.ok()) return s;
  if (absl::Status s = check("window", options.window, 1, kMaxWindow); !s.ok()) return s;
  return check("negative", options.negative, 1, kMaxNegative);
}

}  // namespace

int AutomaticEpochs(std::int64_t words) {
  constexpr std::int64_t kWords = 40'000'000;  // to see in all epochs together
  return static_cast<int>(std::clamp<std::int64_t>(kWords / std::max<std::int64_t>(words, 1), 10, 200));
}

Rows::Rows(std::int64_t n, int dimension)
    : n_(n), stride_(Kernels::PaddedDimension(dimension)), values_(static_cast<std::size_t>(n) * stride_, 0.0f) {}

NoiseTable::NoiseTable(absl::Span<const std::int64_t> counts) : slots_(counts.size()) {
  const auto n = static_cast<std::int32_t>(counts.size());
  std::vector<double> share(counts.size());
  double total = 0;
  for (std::int32_t i = 0; i < n; ++i)
    total += share[i] = std::pow(static_cast<double>(std::max<std::int64_t>(counts[i], 0)), 0.75);
  std::vector<std::int32_t> small, large;
  for (std::int32_t i = 0; i < n; ++i) {
    share[i] = total > 0 ? share[i] * n / total : 1;
    (share[i] < 1 ? small : large).push_back(i);
    slots_[i] = {std::numeric_limits<std::uint32_t>::max(), i, i};
  }
  while (!small.empty() && !large.empty()) {
    const std::int32_t low = small.back(), high = large.back();
    small.pop_back();
    slots_[low].threshold = static_cast<std::uint32_t>(share[low] * 4294967295.0);
    slots_[low].alias = high;
    share[high] -= 1 - share[low];
    if (share[high] < 1) {
      large.pop_back();
      small.push_back(high);
    }
  }
}

// One training: owns the threads, shares the weights.
class Trainer {
 public:
  Trainer(const Corpus& corpus, Doc2Vec& model) : corpus_(corpus), model_(model), options_(model.options_) {
    InitialiseWeights();
    MakeKeepThresholds();
  }

  absl::Status Run(const std::function<absl::Status(const Doc2VecProgress&)>& progress) {
    int threads = options_.threads > 0 ? options_.threads : static_cast<int>(std::thread::hardware_concurrency());
#if defined(__SANITIZE_THREAD__)
    threads = 1;  // updates without locks are data races by design
#endif
    threads = std::clamp(threads, 1, static_cast<int>(std::min<std::int64_t>(corpus_.documents(), 1024)));
    progress_ = &progress;
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back([this, t, threads] { RunShare(t, threads); });
    RunShare(0, threads);
    for (std::thread& thread : others) thread.join();
    absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  // Buffers of one thread.
  struct Scratch {
    explicit Scratch(std::uint64_t seed, int stride) : random(seed), error(stride), hidden(stride) {}
    Random random;
    std::vector<float> error, hidden;
    std::array<float*, kMaxNegative + 1> rows;
    std::array<float, kMaxNegative + 1> dots;
    std::vector<std::int32_t> kept;
    std::vector<std::int32_t> targets;  // of each kept word: itself, then its noise words
    double loss = 0;
    std::int64_t loss_words = 0;
    std::uint32_t tick = 0;
  };

  void InitialiseWeights() {
    Random random(options_.seed * 0x9E3779B97F4A7C15ULL + 1);
    const auto fill = [&](Rows& rows) {
      for (std::int64_t i = 0; i < rows.size(); ++i) {
        for (int j = 0; j < options_.dimension; ++j)
          rows[i][j] = random.Centred() / static_cast<float>(options_.dimension);
      }
    };
    const auto words = static_cast<std::int64_t>(model_.counts_.size());
    model_.documents_ = Rows(corpus_.documents(), options_.dimension);
    model_.word_out_ = Rows(words, options_.dimension);
    fill(model_.documents_);
    if (options_.pv_dm) {
      model_.word_in_ = Rows(words, options_.dimension);
      fill(model_.word_in_);
    }
  }

  // P(keep) = (sqrt(f/t) + 1) t/f with f the word's share and t = `sample`.
  void MakeKeepThresholds() {
    const double total = static_cast<double>(corpus_.words.size());
    keep_.resize(model_.counts_.size(), std::numeric_limits<std::uint32_t>::max());
    if (options_.sample <= 0) return;
    for (std::size_t i = 0; i < keep_.size(); ++i) {
      const double ratio = std::max<double>(1, static_cast<double>(model_.counts_[i])) / total / options_.sample;
      const double keep = (std::sqrt(ratio) + 1) / ratio;
      if (keep < 1) keep_[i] = static_cast<std::uint32_t>(keep * 4294967295.0);
    }
  }

  // A contiguous share of the documents, by number of words, for all epochs.
  void RunShare(int thread, int threads) {
    const auto total = static_cast<std::int64_t>(corpus_.words.size());
    const auto boundary = [&](int t) {
      const std::int64_t word = total * t / threads;
      return std::lower_bound(corpus_.ends.begin(), corpus_.ends.end(), word) - corpus_.ends.begin();
    };
    const std::int64_t first = thread == 0 ? 0 : boundary(thread);
    const std::int64_t last = thread + 1 == threads ? corpus_.documents() : boundary(thread + 1);
    Scratch scratch(options_.seed * 0xD1342543DE82EF95ULL + static_cast<std::uint64_t>(thread) + 7,
                    model_.word_out_.stride());
    const std::int64_t share = last - first;
    for (int epoch = 0; epoch < options_.epochs && !stop_.load(std::memory_order_relaxed); ++epoch) {
      scratch.loss = 0;
      scratch.loss_words = 0;
      for (std::int64_t d = first; d < last; ++d) {
        // Looked at often enough that a cancelled job ends soon, also in a long epoch.
        if ((d & 0xFFF) == 0 && stop_.load(std::memory_order_relaxed)) return;
        const double done = (epoch + static_cast<double>(d - first) / static_cast<double>(share)) / options_.epochs;
        TrainDocument(scratch, d, options_.lr - (options_.lr - options_.min_lr) * static_cast<float>(done));
      }
      if (thread == 0) ReportEpoch(epoch + 1, scratch);
    }
  }

  void TrainDocument(Scratch& scratch, std::int64_t document, float lr) {
    KeepWords(scratch, document);
    options_.pv_dm ? TrainDm(scratch, document, lr) : TrainDbow(scratch, document, lr);
  }

  void ReportEpoch(int epoch, const Scratch& scratch) {
    if (!*progress_) return;
    Doc2VecProgress progress;
    progress.epoch = epoch;
    progress.epochs = options_.epochs;
    progress.loss = scratch.loss_words > 0 ? scratch.loss / static_cast<double>(scratch.loss_words) : 0;
    progress.words = static_cast<std::int64_t>(corpus_.words.size()) * epoch;
    const absl::Status status = (*progress_)(progress);
    if (status.ok()) return;
    absl::MutexLock lock(&mutex_);
    status_ = status;
    stop_.store(true, std::memory_order_relaxed);
  }

  // Subsamples the document, draws the noise of every word, and asks for their rows.
  void KeepWords(Scratch& s, std::int64_t document) {
    const std::int64_t begin = document == 0 ? 0 : corpus_.ends[document - 1], end = corpus_.ends[document];
    const int stride = model_.word_out_.stride();
    s.kept.clear();
    s.targets.clear();
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int32_t word = corpus_.words[i];
      const std::uint32_t keep = keep_[word];
      if (keep != std::numeric_limits<std::uint32_t>::max() && static_cast<std::uint32_t>(s.random.Next()) > keep)
        continue;
      s.kept.push_back(word);
      s.targets.push_back(word);
      PrefetchRow(model_.word_out_[word], stride);
      if (options_.pv_dm) PrefetchRow(model_.word_in_[word], stride);
      for (int n = 0; n < options_.negative; ++n) {
        const std::int32_t noise = model_.noise_.Draw(s.random.Next());
        s.targets.push_back(noise);
        PrefetchRow(model_.word_out_[noise], stride);
      }
    }
  }

  // One word and its noise against `x`: the output rows move, `error` is what `x` should
  // move by.
  void Step(Scratch& s, const float* x, std::size_t kept_index, float lr, float* error) {
    const int width = options_.negative + 1;
    const std::int32_t* targets = s.targets.data() + kept_index * static_cast<std::size_t>(width);
    int n = 0;
    s.rows[n++] = model_.word_out_[targets[0]];
    for (int i = 1; i < width; ++i) {
      if (targets[i] != targets[0]) s.rows[n++] = model_.word_out_[targets[i]];
    }
    const int stride = model_.word_out_.stride();
    kernels_.dot(x, s.rows.data(), n, stride, s.dots.data());
    if ((s.tick++ & 63) == 0) MeasureLoss(s, n);
    for (int i = 0; i < n; ++i) s.dots[i] = ((i == 0 ? 1.0f : 0.0f) - sigmoid_(s.dots[i])) * lr;
    kernels_.update(x, s.rows.data(), s.dots.data(), n, stride, error);
  }

  static void MeasureLoss(Scratch& s, int n) {
    for (int i = 0; i < n; ++i) s.loss += std::log1p(std::exp(i == 0 ? -s.dots[i] : s.dots[i]));
    ++s.loss_words;
  }

  void TrainDbow(Scratch& s, std::int64_t document, float lr) {
    float* x = model_.documents_[document];
    const int stride = model_.documents_.stride();
    for (std::size_t k = 0; k < s.kept.size(); ++k) {
      std::fill(s.error.begin(), s.error.end(), 0.0f);
      Step(s, x, k, lr, s.error.data());
      kernels_.add(1, s.error.data(), stride, x);
    }
  }

  void TrainDm(Scratch& s, std::int64_t document, float lr) {
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

  const Corpus& corpus_;
  Doc2Vec& model_;
  const Doc2VecOptions& options_;
  const Kernels& kernels_ = Kernels::Best();
  const SigmoidTable& sigmoid_ = Sigmoid();
  std::vector<std::uint32_t> keep_;
  const std::function<absl::Status(const Doc2VecProgress&)>* progress_ = nullptr;
  std::atomic<bool> stop_{false};
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

Doc2Vec::Doc2Vec(const Doc2VecOptions& options, std::vector<std::int64_t> counts)
    : options_(options), counts_(std::move(counts)), noise_(counts_) {}

Doc2Vec::Doc2Vec(const Doc2VecOptions& options, std::vector<std::int64_t> counts, absl::Span<const float> word_out,
                 absl::Span<const float> word_in)
    : Doc2Vec(options, std::move(counts)) {
  const auto copy = [&](absl::Span<const float> from) {
    Rows rows(static_cast<std::int64_t>(from.size()) / options_.dimension, options_.dimension);
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      std::copy_n(from.data() + i * options_.dimension, options_.dimension, rows[i]);
    }
    return rows;
  };
  word_out_ = copy(word_out);
  word_in_ = copy(word_in);
}

absl::StatusOr<Doc2Vec> Doc2Vec::Train(const Corpus& corpus, std::int32_t vocabulary_size,
                                       const Doc2VecOptions& options,
                                       const std::function<absl::Status(const Doc2VecProgress&)>& progress) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (corpus.words.empty() || vocabulary_size < 1) {
    return absl::InvalidArgumentError("doc2vec: no words to train on");
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
  if (absl::Status status = Trainer(corpus, model).Run(progress); !status.ok()) return status;
  return model;
}

std::vector<float> Doc2Vec::Infer(absl::Span<const std::int32_t> words, int epochs) const {
  const Kernels& kernels = Kernels::Best();
  const SigmoidTable& sigmoid = Sigmoid();
  const int stride = word_out_.stride();
  if (words.empty()) return std::vector<float>(static_cast<std::size_t>(options_.dimension));
  std::vector<float> x(static_cast<std::size_t>(stride)), hidden(x.size());
  // Seeded by the words, so that a document always has one vector.
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const std::int32_t word : words) hash = (hash ^ static_cast<std::uint32_t>(word)) * 0x100000001B3ULL;
  Random random(hash);
  for (int j = 0; j < options_.dimension; ++j) x[j] = random.Centred() / static_cast<float>(options_.dimension);
  std::array<float*, kMaxNegative + 1> rows;
  std::array<float, kMaxNegative + 1> g;
  std::array<float*, 2 * kMaxWindow + 1> context;
  std::array<float, 2 * kMaxWindow + 1> weights;
  const auto n = static_cast<int>(words.size());
  const auto row = [](const Rows& of, std::int32_t word) { return const_cast<float*>(of[word]); };
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const float lr =
        kInferenceLr - (kInferenceLr - options_.min_lr) * static_cast<float>(epoch) / static_cast<float>(epochs);
    for (int k = 0; k < n; ++k) {
      const float* input = x.data();
      float share = 1;
      if (options_.pv_dm) {
        int size = 0;
        context[size++] = x.data();
        const int reach = 1 + static_cast<int>(random.Below(static_cast<std::uint32_t>(options_.window)));
        for (int c = std::max(0, k - reach); c <= std::min(n - 1, k + reach); ++c) {
          if (c != k) context[size++] = row(word_in_, words[c]);
        }
        share = 1 / static_cast<float>(size);
        std::fill_n(weights.begin(), size, share);
        std::fill(hidden.begin(), hidden.end(), 0.0f);
        kernels.gather(context.data(), weights.data(), size, stride, hidden.data());
        input = hidden.data();
      }
      int targets = 0;
      rows[targets++] = row(word_out_, words[k]);
      for (int i = 0; i < options_.negative; ++i) {
        const std::int32_t noise = noise_.Draw(random.Next());
        if (noise != words[k]) rows[targets++] = row(word_out_, noise);
      }
      kernels.dot(input, rows.data(), targets, stride, g.data());
      for (int i = 0; i < targets; ++i) g[i] = ((i == 0 ? 1.0f : 0.0f) - sigmoid(g[i])) * lr * share;
      kernels.gather(rows.data(), g.data(), targets, stride, x.data());
    }
  }
  x.resize(static_cast<std::size_t>(options_.dimension));
  return x;
}

}  // namespace mannequin
