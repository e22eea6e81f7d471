// The embedding part of a bundle: tokenizer, vocabulary and vectors; trained from
// products, kept in two files, used by TextEncoder.
//
//   ASSIGN_OR_RETURN(TextModel model, TextModel::Train(scan, {.doc2vec = {.epochs = 20}}, nullptr));
//   RETURN_IF_ERROR(model.Save(folder));
//
// A text's units are those of vocabulary.h. Its vector is of one of two kinds:
//
// - combined: the sum of its units' vectors at unit length. Doc2vec's word vectors, less
//   their mean and times the word's rarity, are taught the products' categories, brands and
//   attributes (label_teacher.h), so that these can be read off the sum.
// - doc2vec: what doc2vec infers, at unit length.
//
// Training reads a product's title, brand, whole category path and the attributes that its
// seller gave, in this order. What is encoded later is ProductText, with the leaf category first
// and the title last, or a search. It does no harm: a sum knows no order, PV-DBOW predicts each
// word from the document alone, and PV-DM sees other neighbours only where two parts meet.
//
// Inference knows nothing of which words matter: measured side by side by tests/bench,
// d2v_quality.
//
// doc2vec.safetensors (safetensors.h), V units, D components:
//
//   vocabulary U8 [bytes]     the units, each ended by "\n", word-initial ones with U+2581
//   words      F32 [V, D]     the units' vectors; of kind "combined"
//   counts     I64 [V]        of the training corpus; of kind "doc2vec", as the next
//   word_out   F32            doc2vec's layers, shapes as in Doc2VecShapes; word_in only where
//   word_in    F32            the mode has one
//   metadata   format "mannequin-text-2"; vector "combined" or "doc2vec"; mode "pv-dbow",
//              "pv-dm" or "pv-dm-concat"; hierarchical_softmax, word_vectors "0" or "1";
//              dimension; window; negative; sample; inference_epochs;
//              normalizer_version
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/base/safetensors.h"
#include "common/text/doc2vec.h"
#include "common/text/label_teacher.h"
#include "common/text/rows.h"
#include "common/text/text_encoder.h"
#include "common/text/tokenizer.h"
#include "common/text/vocabulary.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin {

inline constexpr char kTokenizerFile[] = "tokenizer.model";
inline constexpr char kDoc2VecFile[] = "doc2vec.safetensors";

enum class VectorKind { kCombined, kDoc2Vec };

// TextModel::Train says INVALID_ARGUMENT to a value out of its range.
struct TextModelOptions {
  Doc2VecOptions doc2vec;
  TokenizerOptions tokenizer;
  int min_count = 2;  // of a unit, 1 to 1,000,000
  VectorKind vector = VectorKind::kCombined;
  LabelTeacherOptions teacher;  // its seed and threads are those of doc2vec
  // Products that the teacher sees at most, chosen at random, 0 to 1,000,000,000: memory is some
  // 100 bytes each.
  std::int64_t taught_products = 2'000'000;
  int inference_epochs = 20;  // 1 to 1,000
};

// INVALID_ARGUMENT naming the field and its bounds.
absl::Status CheckTextModelOptions(const TextModelOptions& options);

struct TextModelProgress {
  enum class Stage { kRead, kTokenizer, kDoc2Vec, kCombine };
  Stage stage = Stage::kRead;
  int epoch = 0;  // done, of `epochs`; 0 of 0 in the first two stages
  int epochs = 0;
  double loss = 0;         // mean of a word in kDoc2Vec, of a product in kCombine
  std::int64_t words = 0;  // trained on so far, in kDoc2Vec
};
// Called after every epoch and, in long ones, twice a second. When it returns not OK, training
// soon ends with that.
using TextModelReport = std::function<absl::Status(const TextModelProgress&)>;

// Calls visit for every product and ends with its first error. Called twice; products that
// are new the second time do no harm.
using ProductScan = std::function<absl::Status(const std::function<absl::Status(const v1::Product&)>& visit)>;

// Thread-safe once made.
class TextModel {
 public:
  // A product whose text cannot be normalised is left out. Memory: 4 bytes a word, 4 *
  // `dimension` bytes a product until doc2vec is trained, the vocabulary (WordCounter), the
  // labels (LabelCounter) and the taught products. INVALID_ARGUMENT as
  // CheckTextModelOptions, Doc2Vec::Train and TrainTokenizer; FAILED_PRECONDITION when the
  // weights did not stay finite; errors of `scan` and `report`.
  static absl::StatusOr<TextModel> Train(const ProductScan& scan, const TextModelOptions& options,
                                         const TextModelReport& report);
  // NOT_FOUND; DATA_LOSS when a file is damaged; FAILED_PRECONDITION for another
  // version of the format or the normaliser.
  static absl::StatusOr<TextModel> Load(const std::string& folder);
  // Writes both files.
  absl::Status Save(const std::string& folder) const;

  // As TextEncoder::Encode.
  absl::StatusOr<EncodedText> Encode(absl::string_view text) const;
  // The unit-length vector of known units.
  std::vector<float> Embed(absl::Span<const std::int32_t> units) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const TextModelOptions& options() const { return options_; }
  std::int64_t trained_products() const { return trained_products_; }

 private:
  friend class TextModelTrainer;
  TextModel() = default;
  // Everything of doc2vec.safetensors.
  absl::Status Read(const Safetensors& file);
  void Prepare();

  TextModelOptions options_;
  std::string tokenizer_bytes_;
  std::unique_ptr<Tokenizer> tokenizer_;
  Vocabulary vocabulary_;
  std::unique_ptr<Doc2Vec> doc2vec_;  // of kDoc2Vec
  Rows words_;                        // of kCombined
  std::int64_t trained_products_ = 0;
  std::vector<std::vector<std::string>> pieces_;  // of each unit that is a word
};

}  // namespace mannequin
