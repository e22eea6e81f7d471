// SentencePiece byte-pair encoding: trained in this process, loaded from a file.
//
//   ASSIGN_OR_RETURN(std::string model, TrainTokenizer(texts, {.vocabulary_size = 8000}));
//   ASSIGN_OR_RETURN(auto tokenizer, Tokenizer::FromBytes(model));
//   tokenizer->Pieces("guitar case");   // {"▁guitar", "▁case"}
//
// Takes normalised text (normalizer.h). Characters that the model has not seen become
// byte pieces such as "<0xF0>".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

struct TokenizerOptions {
  int vocabulary_size = 8'000;  // 300 to 64,000; fewer or more when the text asks for it
  int threads = 2;
  // Texts that are looked at, chosen at random, so that memory is bounded.
  int max_texts = 2'000'000;
};

// Next text, or nullptr after the last. A text over 16,384 bytes is left out.
using NextText = std::function<const std::string*()>;

// The model's bytes, the same for the same texts. INVALID_ARGUMENT when there is no
// text at all.
absl::StatusOr<std::string> TrainTokenizer(const NextText& next, const TokenizerOptions& options);

// NFKC and case folding (rule nmt_nfkc_cf). `text` is valid UTF-8. Thread-safe.
std::string FoldUnicode(absl::string_view text);

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
