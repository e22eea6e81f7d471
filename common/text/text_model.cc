#include "common/text/text_model.h"

#include <utility>

#include "absl/strings/match.h"
#include "common/base/status_macros.h"
#include "common/text/kernels.h"
#include "common/text/normalizer.h"
#include "common/text/unit_length.h"

namespace mannequin {

void TextModel::Prepare() {
  pieces_.resize(static_cast<std::size_t>(vocabulary_.size()));
  for (std::int32_t i = 0; i < vocabulary_.size(); ++i) {
    const absl::string_view unit = vocabulary_.unit(i);
    if (absl::StartsWith(unit, Vocabulary::kWordMark)) {
      pieces_[static_cast<std::size_t>(i)] = tokenizer_->Pieces(unit.substr(sizeof(Vocabulary::kWordMark) - 1));
    }
  }
}

std::vector<float> TextModel::Embed(absl::Span<const std::int32_t> units) const {
  std::vector<float> vector;
  if (options_.vector == VectorKind::kDoc2Vec) {
    vector = doc2vec_->Infer(units, options_.inference_epochs);
  } else {
    vector.resize(static_cast<std::size_t>(words_.stride()));
    for (const std::int32_t unit : units) Kernels::Best().add(1, words_[unit], words_.stride(), vector.data());
    vector.resize(static_cast<std::size_t>(options_.doc2vec.dimension));
  }
  if (!MakeUnitLength(absl::MakeSpan(vector))) vector.clear();
  return vector;
}

absl::StatusOr<EncodedText> TextModel::Encode(absl::string_view text) const {
  ASSIGN_OR_RETURN(const std::string words, Normalize(text));
  EncodedText encoded;
  std::vector<std::int32_t> units;
  std::int64_t known = 0, total = 0;
  vocabulary_.ForEachUnit(
      words, *tokenizer_,
      [&](std::int32_t number) {
        const std::vector<std::string>& pieces = pieces_[static_cast<std::size_t>(number)];
        units.push_back(number);
        encoded.pieces.insert(encoded.pieces.end(), pieces.begin(), pieces.end());
        known += static_cast<std::int64_t>(pieces.size());
        total += static_cast<std::int64_t>(pieces.size());
      },
      [&](std::string piece, std::int32_t number) {
        if (number >= 0) units.push_back(number);
        known += number >= 0;
        ++total;
        encoded.pieces.push_back(std::move(piece));
      });
  if (units.empty()) {
    return absl::InvalidArgumentError(total == 0 ? "text: it has no words"
                                                 : "text: none of its words is known to the model");
  }
  encoded.coverage = static_cast<double>(known) / static_cast<double>(total);
  encoded.values = Embed(units);
  if (encoded.values.empty()) return absl::InvalidArgumentError("text: its words cancel each other out");
  return encoded;
}

}  // namespace mannequin
