// Product text to vector, as the current bundle does it: normaliser, units of the vocabulary
// (words and SentencePiece pieces), and their vector of the bundle's kind (text_model.h). The
// same code trains, generates, scores and searches.
//
//   ASSIGN_OR_RETURN(auto encoder, TextEncoder::Load(bundle_folder));
//   ASSIGN_OR_RETURN(EncodedText text, encoder->Encode(ProductText(product)));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin {

struct EncodedText {
  std::vector<float> values;        // unit length, TextEncoder::dimension() of them
  double coverage = 0;              // share of pieces that the model has seen, 0 to 1
  std::vector<std::string> pieces;  // after the normaliser
};

// Leaf category, brand, attributes and title of a product, in this order, as one text. The text
// model's training takes them in another order, see text_model.h.
std::string ProductText(const v1::Product& product);

// The same parts in random order, each but the title dropped with probability `drop`
// (0 to 1), as augmentation (the seed's text shuffling). Title alone is kept when all
// else is dropped.
std::string ShuffledProductText(const v1::Product& product, absl::BitGenRef random, double drop = 0.1);

// Thread-safe; the same text gives the same vector, always.
class TextEncoder {
 public:
  // From a bundle's folder (files tokenizer.model and doc2vec.safetensors). NOT_FOUND,
  // DATA_LOSS when a file is damaged, or FAILED_PRECONDITION when it was made with
  // another version of the format or of the text normaliser.
  static absl::StatusOr<std::unique_ptr<TextEncoder>> Load(const std::string& folder);
  ~TextEncoder();

  // INVALID_ARGUMENT: not UTF-8, over 65,536 bytes, nothing of the text is known, or its words
  // cancel each other out. INTERNAL as Normalize.
  absl::StatusOr<EncodedText> Encode(absl::string_view text) const;
  int dimension() const;

  struct Impl;
  explicit TextEncoder(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
