#include "common/text/text_encoder.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/text/text_model.h"

namespace mannequin {

struct TextEncoder::Impl {
  TextModel model;
};

TextEncoder::TextEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TextEncoder::~TextEncoder() = default;

absl::StatusOr<std::unique_ptr<TextEncoder>> TextEncoder::Load(const std::string& folder) {
  ASSIGN_OR_RETURN(TextModel model, TextModel::Load(folder));
  return std::make_unique<TextEncoder>(std::make_unique<Impl>(Impl{std::move(model)}));
}

absl::StatusOr<EncodedText> TextEncoder::Encode(absl::string_view text) const { return impl_->model.Encode(text); }

int TextEncoder::dimension() const { return impl_->model.options().doc2vec.dimension; }

}  // namespace mannequin
