#include "common/text/tokenizer.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

// SentencePiece declares its own string_view in namespace absl, which is not the
// system's: give it another namespace. Its symbols name std::string_view either way.
#define absl sentencepiece_absl
#include "sentencepiece_processor.h"
#include "sentencepiece_trainer.h"
#undef absl

namespace mannequin {
namespace {

// Byte pieces (256), <unk>, <s>, </s>, and room for letters.
constexpr int kSmallestVocabulary = 300;
constexpr int kLargestVocabulary = 64'000;

std::string_view Std(absl::string_view text) { return {text.data(), text.size()}; }

// Over it a word is no word; a phrase of a script without blanks is far below.
constexpr std::size_t kMaxWordBytes = 1024;
// Distinct words that are trained on: some 100 MiB.
constexpr std::size_t kMaxWords = 1'000'000;

// Words as SentencePiece's "tsv" input has them: word, tab, count.
class WordIterator : public sentencepiece::SentenceIterator {
 public:
  explicit WordIterator(absl::Span<const WordCount> words) : words_(words) { Set(); }
  bool done() const override { return at_ == words_.size(); }
  void Next() override {
    ++at_;
    Set();
  }
  const std::string& value() const override { return line_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void Set() {
    if (done()) return;
    line_ = absl::StrCat(words_[at_].first, "\t",
                         std::min<std::int64_t>(words_[at_].second, std::numeric_limits<std::int32_t>::max()));
  }

  const absl::Span<const WordCount> words_;
  std::size_t at_ = 0;
  std::string line_;
};

// Most frequent first, words breaking ties, so that the order they are given in is nothing.
std::vector<WordCount> Usable(absl::Span<const WordCount> words) {
  std::vector<WordCount> usable;
  for (const WordCount& word : words) {
    if (word.second > 0 && !word.first.empty() && word.first.size() <= kMaxWordBytes) usable.push_back(word);
  }
  std::sort(usable.begin(), usable.end(), [](const WordCount& a, const WordCount& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (usable.size() > kMaxWords) usable.resize(kMaxWords);
  return usable;
}

// The size asked for; then smaller ones, for a text with too few pieces; then larger
// ones, for a text whose letters alone are more.
std::vector<int> SizesToTry(int asked) {
  asked = std::clamp(asked, kSmallestVocabulary, kLargestVocabulary);
  std::vector<int> sizes;
  for (int size = asked; size >= kSmallestVocabulary; size = size * 3 / 4) sizes.push_back(size);
  for (int size = asked * 2; size <= kLargestVocabulary; size *= 2) sizes.push_back(size);
  return sizes;
}

}  // namespace

absl::StatusOr<std::string> TrainTokenizer(absl::Span<const WordCount> words, const TokenizerOptions& options) {
  const std::vector<WordCount> usable = Usable(words);
  if (usable.empty()) return absl::InvalidArgumentError("tokenizer: no word to train on");
  sentencepiece::util::Status status;
  for (const int size : SizesToTry(options.vocabulary_size)) {
    WordIterator iterator(usable);
    const std::unordered_map<std::string, std::string> arguments = {
        {"model_type", options.unigram ? "unigram" : "bpe"},
        {"input_format", "tsv"},
        {"vocab_size", absl::StrCat(size)},
        {"hard_vocab_limit", "false"},
        {"byte_fallback", "true"},
        // The words are normalised, and pieces must give back exactly what they are of.
        {"normalization_rule_name", "identity"},
        {"character_coverage", "0.9995"},
        // Not the machine's: unigram's sums are rounded otherwise with another number.
        {"num_threads", "8"},
        {"input_sentence_size", "0"},
        {"shuffle_input_sentence", "false"},
        {"max_sentence_length", absl::StrCat(kMaxWordBytes + 1)},
        {"minloglevel", "3"},
    };
    std::string model;
    status = sentencepiece::SentencePieceTrainer::Train(arguments, &iterator, &model);
    if (status.ok()) return model;
  }
  return absl::InvalidArgumentError(absl::StrCat("tokenizer: training failed: ", status.message()));
}

absl::StatusOr<std::string> FoldUnicode(absl::string_view text) {
  // Built once, never destroyed: threads may fold while the process ends.
  static const auto* const normalizer = [] {
    auto* made = new sentencepiece::SentencePieceNormalizer();
    // It is compiled in: without it the build is broken.
    if (const auto status = made->LoadFromRuleName("nmt_nfkc_cf"); !status.ok()) {
      std::fprintf(stderr, "SentencePiece has no rule nmt_nfkc_cf: %s\n", status.ToString().c_str());
      std::abort();
    }
    return made;
  }();
  std::string folded;
  if (const auto status = normalizer->Normalize(Std(text), &folded); !status.ok()) {
    return absl::InternalError(absl::StrCat("text: SentencePiece cannot fold it: ", status.message()));
  }
  // SentencePiece writes a blank as U+2581, and its rule leaves out the full case folding
  // of the German sharp s (both cases).
  return absl::StrReplaceAll(folded, {{"\xE2\x96\x81", " "}, {"\xC3\x9F", "ss"}, {"\xE1\xBA\x9E", "ss"}});
}

struct Tokenizer::Impl {
  sentencepiece::SentencePieceProcessor processor;
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::FromBytes(absl::string_view model) {
  auto impl = std::make_unique<Impl>();
  const auto status = impl->processor.LoadFromSerializedProto(Std(model));
  if (!status.ok())
    return absl::DataLossError(absl::StrCat("tokenizer: not a SentencePiece model: ", status.message()));
  return std::make_unique<Tokenizer>(std::move(impl));
}

std::vector<int> Tokenizer::Ids(absl::string_view text) const { return impl_->processor.EncodeAsIds(Std(text)); }

std::vector<std::string> Tokenizer::Pieces(absl::string_view text) const {
  return impl_->processor.EncodeAsPieces(Std(text));
}

std::string Tokenizer::Decode(const std::vector<int>& ids) const {
  std::string text;
  (void)impl_->processor.Decode(ids, &text);
  return text;
}

int Tokenizer::vocabulary_size() const { return impl_->processor.GetPieceSize(); }

}  // namespace mannequin
