#include "common/text/tokenizer.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

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

class TextIterator : public sentencepiece::SentenceIterator {
 public:
  explicit TextIterator(const NextText& next) : next_(next) { Next(); }
  bool done() const override { return current_ == nullptr; }
  void Next() override {
    current_ = next_();
    if (current_ != nullptr) ++texts_;
  }
  const std::string& value() const override { return *current_; }
  sentencepiece::util::Status status() const override { return {}; }
  std::int64_t texts() const { return texts_; }

 private:
  const NextText& next_;
  const std::string* current_ = nullptr;
  std::int64_t texts_ = 0;
};

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

absl::StatusOr<std::string> TrainTokenizer(const NextText& next, const TokenizerOptions& options) {
  // Kept, because a text that has fewer pieces than asked for is trained on again.
  std::vector<std::string> texts;
  for (const std::string* text = next(); text != nullptr; text = next()) {
    if (!text->empty()) texts.push_back(*text);
  }
  if (texts.empty()) return absl::InvalidArgumentError("tokenizer: no text to train on");
  std::size_t at = 0;
  const NextText again = [&]() -> const std::string* { return at < texts.size() ? &texts[at++] : nullptr; };
  sentencepiece::util::Status status;
  for (const int size : SizesToTry(options.vocabulary_size)) {
    at = 0;
    TextIterator iterator(again);
    const std::unordered_map<std::string, std::string> arguments = {
        {"model_type", "bpe"},
        {"vocab_size", absl::StrCat(size)},
        {"hard_vocab_limit", "false"},
        {"byte_fallback", "true"},
        {"normalization_rule_name", "nmt_nfkc_cf"},
        {"character_coverage", "0.9995"},
        {"num_threads", absl::StrCat(options.threads)},
        {"input_sentence_size", absl::StrCat(options.max_texts)},
        {"shuffle_input_sentence", "true"},
        {"max_sentence_length", "16384"},
        {"minloglevel", "3"},
    };
    std::string model;
    status = sentencepiece::SentencePieceTrainer::Train(arguments, &iterator, &model);
    if (status.ok()) return model;
  }
  return absl::InvalidArgumentError(absl::StrCat("tokenizer: training failed: ", status.message()));
}

std::string FoldUnicode(absl::string_view text) {
  // Built once, never destroyed: threads may fold while the process ends.
  static const auto* const normalizer = [] {
    auto* made = new sentencepiece::SentencePieceNormalizer();
    (void)made->LoadFromRuleName("nmt_nfkc_cf");
    return made;
  }();
  std::string folded;
  (void)normalizer->Normalize(Std(text), &folded);
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
