#include "common/text/label_teacher.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/check_range.h"
#include "common/base/random.h"
#include "common/text/hogwild.h"
#include "common/text/kernels.h"
#include "common/text/unit_length.h"

namespace mannequin {
namespace {

// A label whose share of the loss is less stays where it is: nearly all of them, once the
// first texts were seen. Less would move a thousand labels a text by next to nothing.
constexpr float kLeastShare = 3e-3f;
// Texts in all epochs together, unless options say otherwise.
constexpr std::int64_t kTextsTaught = 300'000;
// Texts whose mean length scales the words.
constexpr std::int64_t kScaleTexts = 10'000;

class Teacher {
 public:
  Teacher(const LabelledTexts& texts, const LabelTeacherOptions& options, Rows& words)
      : texts_(texts), options_(options), epochs_(EpochsOf(texts, options)), words_(words) {
    for (const LabelKind& kind : texts.kinds) labels_.emplace_back(kind.size, words.stride());
  }

  absl::Status Run(const std::function<absl::Status(const LabelTeacherProgress&)>& progress) {
    ScaleWords();
    progress_ = &progress;
    return hogwild_.Run(options_.threads, texts_.size(),
                        [this](int thread, int threads) { RunShare(thread, threads); });
  }

 private:
  // Buffers of one thread.
  struct Scratch {
    Scratch(std::uint64_t seed, int stride)
        : random(seed), direction(static_cast<std::size_t>(stride)), error(direction.size()) {}
    Random random;
    std::vector<std::int32_t> kept;
    std::vector<float> direction, error;  // of the text: at unit length, and how it should move
    float length = 0;                     // of the sum before
    std::vector<std::int32_t> candidates;
    std::vector<float*> rows;
    std::vector<float> scores;
    double loss = 0;
  };

  void ScaleWords() {
    double length = 0;
    const std::int64_t step = std::max<std::int64_t>(1, texts_.size() / kScaleTexts);
    std::int64_t counted = 0;
    std::vector<float> sum(static_cast<std::size_t>(words_.stride()));
    for (std::int64_t t = 0; t < texts_.size(); t += step) {
      std::fill(sum.begin(), sum.end(), 0.0f);
      for (std::int64_t i = Begin(t); i < texts_.ends[t]; ++i) {
        kernels_.add(1, words_[texts_.units[i]], words_.stride(), sum.data());
      }
      length += Length(sum);
      ++counted;
    }
    if (length <= 0) return;
    const auto scale = static_cast<float>(static_cast<double>(counted) / length);
    for (std::int64_t w = 0; w < words_.size(); ++w) {
      for (int j = 0; j < words_.stride(); ++j) words_[w][j] *= scale;
    }
  }

  std::int64_t Begin(std::int64_t text) const { return text == 0 ? 0 : texts_.ends[text - 1]; }

  static int EpochsOf(const LabelledTexts& texts, const LabelTeacherOptions& options) {
    if (options.epochs > 0) return options.epochs;
    return static_cast<int>(std::clamp<std::int64_t>(kTextsTaught / texts.size(), 4, 200));
  }

  static double Length(const std::vector<float>& values) {
    double square = 0;
    for (const float value : values) square += static_cast<double>(value) * value;
    return std::sqrt(square);
  }

  // Texts thread, thread + threads, ... in a new order every epoch: a stride prime to their
  // number visits each once.
  void RunShare(int thread, int threads) {
    Scratch scratch(options_.seed * 0xD1342543DE82EF95ULL + static_cast<std::uint64_t>(thread) + 11, words_.stride());
    const std::int64_t share = (texts_.size() - thread + threads - 1) / threads;
    for (int epoch = 0; epoch < epochs_ && !hogwild_.stopped(); ++epoch) {
      scratch.loss = 0;
      auto at = static_cast<std::int64_t>(scratch.random.Next() % static_cast<std::uint64_t>(share));
      const std::int64_t stride = PrimeTo(share, scratch.random);
      for (std::int64_t i = 0; i < share; ++i) {
        if (Hogwild::LooksUp(i)) {
          if (thread == 0 && hogwild_.ReportDue()) Report(epoch, scratch.loss / static_cast<double>(i));
          if (hogwild_.stopped()) return;
        }
        const double done = (epoch + static_cast<double>(i) / static_cast<double>(share)) / epochs_;
        at = (at + stride) % share;
        Teach(scratch, thread + at * threads, static_cast<float>(1 - done));
      }
      if (thread == 0) Report(epoch + 1, scratch.loss / static_cast<double>(share));
    }
  }

  static std::int64_t PrimeTo(std::int64_t n, Random& random) {
    const auto divisor = [](std::int64_t a, std::int64_t b) {
      while (b != 0) a = std::exchange(b, a % b);
      return a;
    };
    std::int64_t stride = 1 + static_cast<std::int64_t>(random.Next() % static_cast<std::uint64_t>(n));
    while (divisor(stride, n) != 1) stride = stride % n + 1;
    return stride;
  }

  void Teach(Scratch& s, std::int64_t text, float rest) {
    if (!Embed(s, text)) return;
    std::fill(s.error.begin(), s.error.end(), 0.0f);
    for (std::size_t k = 0; k < texts_.kinds.size(); ++k) {
      const std::int32_t label = texts_.kinds[k].of_text[static_cast<std::size_t>(text)];
      if (label >= 0) TeachKind(s, k, label, rest);
    }
    MoveWords(s, rest * options_.lr);
  }

  // The direction of what was not dropped of the text; false when nothing is left.
  bool Embed(Scratch& s, std::int64_t text) {
    const bool brand = s.random.Next() & 1, others = s.random.Next() % 8 == 0;
    const float drop = options_.drop_words * (s.random.Centred() + 0.5f);
    s.kept.clear();
    std::fill(s.direction.begin(), s.direction.end(), 0.0f);
    for (std::int64_t i = Begin(text); i < texts_.ends[static_cast<std::size_t>(text)]; ++i) {
      const std::int32_t unit = texts_.units[static_cast<std::size_t>(i)];
      const TextPart part = texts_.parts[static_cast<std::size_t>(i)];
      if ((part == TextPart::kBrand && !brand) || (part == TextPart::kOther && !others)) continue;
      if (s.random.Centred() + 0.5f < drop) continue;
      s.kept.push_back(unit);
      kernels_.add(1, words_[unit], words_.stride(), s.direction.data());
    }
    s.length = static_cast<float>(Length(s.direction));
    if (s.length < 1e-6f) return false;
    for (float& value : s.direction) value /= s.length;
    return true;
  }

  // One step of the kind's softmax: its label vectors move, `error` gains.
  void TeachKind(Scratch& s, std::size_t k, std::int32_t label, float rest) {
    const LabelKind& kind = texts_.kinds[k];
    Rows& labels = labels_[k];
    ChooseCandidates(s, kind, label);
    const auto n = static_cast<int>(s.candidates.size());
    s.rows.clear();
    for (const std::int32_t candidate : s.candidates) s.rows.push_back(labels[candidate]);
    s.scores.resize(static_cast<std::size_t>(n));
    kernels_.dot(s.direction.data(), s.rows.data(), n, labels.stride(), s.scores.data());
    // Softmax, in place; candidate 0 is the text's label.
    const float highest = *std::max_element(s.scores.begin(), s.scores.end());
    float total = 0;
    for (float& score : s.scores) total += score = std::exp(options_.sharpness * (score - highest));
    s.loss -= kind.weight * std::log(std::max(s.scores[0] / total, 1e-30f));
    // What is moved: candidates with a share worth it. Scores become steps.
    int moved = 0;
    for (int i = 0; i < n; ++i) {
      const float share = s.scores[static_cast<std::size_t>(i)] / total;
      if (i > 0 && share < kLeastShare) continue;
      s.rows[static_cast<std::size_t>(moved)] = s.rows[static_cast<std::size_t>(i)];
      s.scores[static_cast<std::size_t>(moved)] = kind.weight * ((i == 0 ? 1.0f : 0.0f) - share);
      ++moved;
    }
    kernels_.gather(s.rows.data(), s.scores.data(), moved, labels.stride(), s.error.data());
    for (int i = 0; i < moved; ++i) {
      float* row = s.rows[static_cast<std::size_t>(i)];
      kernels_.add(rest * options_.label_lr * s.scores[static_cast<std::size_t>(i)], s.direction.data(),
                   labels.stride(), row);
      MakeUnitLength(absl::MakeSpan(row, static_cast<std::size_t>(labels.stride())));
    }
  }

  // All labels, or a random share of many; the text's own is the first.
  void ChooseCandidates(Scratch& s, const LabelKind& kind, std::int32_t label) {
    s.candidates.assign(1, label);
    if (kind.size <= options_.sampled_labels) {
      for (std::int32_t other = 0; other < kind.size; ++other) {
        if (other != label) s.candidates.push_back(other);
      }
      return;
    }
    for (int i = 0; i < options_.sampled_labels; ++i) {
      const auto other = static_cast<std::int32_t>(s.random.Below(static_cast<std::uint32_t>(kind.size)));
      if (other != label) s.candidates.push_back(other);
    }
  }

  // Through the normalisation: what of `error` lies along the direction changes nothing.
  void MoveWords(Scratch& s, float lr) {
    float along = 0;
    for (std::size_t j = 0; j < s.error.size(); ++j) along += s.error[j] * s.direction[j];
    for (std::size_t j = 0; j < s.error.size(); ++j) s.error[j] -= along * s.direction[j];
    const float step = lr / std::max(s.length, 0.1f);
    for (const std::int32_t unit : s.kept) kernels_.add(step, s.error.data(), words_.stride(), words_[unit]);
  }

  void Report(int epoch, double loss) {
    if (!*progress_) return;
    hogwild_.Reported((*progress_)({epoch, epochs_, loss}));
  }

  const LabelledTexts& texts_;
  const LabelTeacherOptions& options_;
  const int epochs_;
  Rows& words_;
  std::vector<Rows> labels_;  // of each kind
  const Kernels& kernels_ = Kernels::Best();
  const std::function<absl::Status(const LabelTeacherProgress&)>* progress_ = nullptr;
  Hogwild hogwild_;
};

}  // namespace

absl::Status CheckLabelTeacherOptions(const LabelTeacherOptions& options) {
  absl::Status status = CheckRange("teacher: epochs", options.epochs, 0, 1'000'000);
  status.Update(CheckRange("teacher: lr", options.lr, 0.0f, 1.0f));
  status.Update(CheckRange("teacher: label_lr", options.label_lr, 0.0f, 10.0f));
  status.Update(CheckRange("teacher: sharpness", options.sharpness, 0.0f, 1'000.0f));
  status.Update(CheckRange("teacher: drop_words", options.drop_words, 0.0f, 1.0f));
  status.Update(CheckRange("teacher: sampled_labels", options.sampled_labels, 1, 1'000'000));
  status.Update(CheckRange("teacher: threads", options.threads, 0, 1'024));
  return status;
}

absl::Status TeachLabels(const LabelledTexts& texts, const LabelTeacherOptions& options, Rows* words,
                         const std::function<absl::Status(const LabelTeacherProgress&)>& progress) {
  if (absl::Status status = CheckLabelTeacherOptions(options); !status.ok()) return status;
  if (texts.size() == 0 || texts.kinds.empty()) return absl::OkStatus();
  return Teacher(texts, options, *words).Run(progress);
}

}  // namespace mannequin
