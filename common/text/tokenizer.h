// SentencePiece, byte-pair encoding or unigram: trained in this process, loaded from a file.
//
//   ASSIGN_OR_RETURN(std::string model, TrainTokenizer(word_counts, {.vocabulary_size = 8000}));
//   ASSIGN_OR_RETURN(auto tokenizer, Tokenizer::FromBytes(model));
//   tokenizer->Pieces("guitar case");   // {"▁guitar", "▁case"}
//
// Takes normalised text (normalizer.h). Characters that the model has not seen become
// byte pieces such as "<0xF0>", so that no text is without pieces and Decode gives back
// what Ids took.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mannequin {

struct TokenizerOptions {
  int vocabulary_size = 8'000;  // 300 to 64,000; fewer or more when the words ask for it
  bool unigram = false;         // or byte-pair encoding
};

// A word of normalised text and how often it was seen. Pieces never cross words, so that
// the counts say all that training asks of a text, at a fraction of its size.
using WordCount = std::pair<std::string, std::int64_t>;

// The model's bytes, the same for the same words in any order. The million most frequent
// words are looked at; one over 1,024 bytes is left out. INVALID_ARGUMENT when there is no word at all.
absl::StatusOr<std::string> TrainTokenizer(absl::Span<const WordCount> words, const TokenizerOptions& options);

// NFKC and case folding (rule nmt_nfkc_cf). `text` is valid UTF-8. INTERNAL when SentencePiece
// fails. Thread-safe.
absl::StatusOr<std::string> FoldUnicode(absl::string_view text);

// Thread-safe.
class Tokenizer {
 public:
  // DATA_LOSS when the bytes are not a model.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> FromBytes(absl::string_view model);
  ~Tokenizer();

  std::vector<int> Ids(absl::string_view text) const;
  std::vector<std::string> Pieces(absl::string_view text) const;
  std::string Decode(const std::vector<int>& ids) const;
  int vocabulary_size() const;

  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
