// The embedding part of a bundle: tokenizer, vocabulary and doc2vec; trained from
// texts, kept in two files, used by TextEncoder.
//
//   ASSIGN_OR_RETURN(TextModel model, TextModel::Train(next, {.doc2vec = {.epochs = 20}}, nullptr));
//   RETURN_IF_ERROR(model.Save(folder));
//
// Vocabulary. Shops' words mean something of their own ("S23C550H" is a word), so every
// normalised word seen `min_count` times is a unit. A rarer word stands for its
// SentencePiece pieces, so that a new model number still shares its head with its
// family. Byte pieces and single ASCII characters are no units: they are in everything.
//
// Vector. Plain doc2vec inference moves a vector from noise towards the words; on a title
// of ten words much of the noise remains. So the vector is a mix of the inferred vector
// and of the mean of the words' output vectors weighted by rarity; both live in the same
// space. `mix` 0 is plain doc2vec.
//
// doc2vec.safetensors (safetensors.h), V words, D components:
//
//   vocabulary U8 [bytes]     the units, each ended by "\n", word-initial ones with U+2581
//   counts     I64 [V]        of the training corpus
//   word_out   F32 [V, D]     output layer
//   word_in    F32 [V, D]     input layer; PV-DM only
//   metadata   format "mannequin-doc2vec-1"; mode "pv-dbow" or "pv-dm"; dimension;
//              window; negative; inference_epochs; mix; normalizer_version
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/text/doc2vec.h"
#include "common/text/text_encoder.h"
#include "common/text/tokenizer.h"

namespace mannequin {

inline constexpr char kTokenizerFile[] = "tokenizer.model";
inline constexpr char kDoc2VecFile[] = "doc2vec.safetensors";

struct TextModelOptions {
  Doc2VecOptions doc2vec;
  int vocabulary_size = 8'000;  // SentencePiece pieces
  int min_count = 2;
  int inference_epochs = 20;
  // Weight of the rarity-weighted mean of word vectors against the inferred one.
  double mix = 2;
};

// Units, by number, and how often each was seen.
class Vocabulary {
 public:
  // The number of a unit, or -1.
  std::int32_t Find(absl::string_view unit) const;
  // Adds one that is not there yet.
  void Add(std::string unit);
  std::int32_t size() const { return static_cast<std::int32_t>(units_.size()); }
  const std::string& unit(std::int32_t i) const { return units_[i]; }

 private:
  std::vector<std::string> units_;
  absl::flat_hash_map<std::string, std::int32_t> numbers_;
};

// Thread-safe once made.
class TextModel {
 public:
  // What is trained on, before normalisation: next text, or nullptr after the last. One
  // that cannot be normalised is left out. Errors: INVALID_ARGUMENT as Doc2Vec::Train
  // and TrainTokenizer.
  static absl::StatusOr<TextModel> Train(const NextText& next, const TextModelOptions& options,
                                         const std::function<absl::Status(const Doc2VecProgress&)>& progress);
  // NOT_FOUND; DATA_LOSS when a file is damaged; FAILED_PRECONDITION for another
  // version of the format or the normaliser.
  static absl::StatusOr<TextModel> Load(const std::string& folder);
  // Writes both files.
  absl::Status Save(const std::string& folder) const;

  // As TextEncoder::Encode.
  absl::StatusOr<EncodedText> Encode(absl::string_view text) const;
  // The unit-length vector of known units.
  std::vector<float> Embed(absl::Span<const std::int32_t> units) const;

  const Doc2Vec& doc2vec() const { return *doc2vec_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const TextModelOptions& options() const { return options_; }
  std::int64_t trained_texts() const { return trained_texts_; }

 private:
  TextModel() = default;
  void Prepare();

  TextModelOptions options_;
  std::string tokenizer_bytes_;
  std::unique_ptr<Tokenizer> tokenizer_;
  Vocabulary vocabulary_;
  std::unique_ptr<Doc2Vec> doc2vec_;
  std::int64_t trained_texts_ = 0;
  std::vector<std::vector<std::string>> pieces_;  // of each unit that is a word
  Rows weighted_;                                 // unit-length output vectors less their mean, times rarity
};

}  // namespace mannequin
