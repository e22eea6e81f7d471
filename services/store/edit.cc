#include "services/store/edit.h"

#include "common/base/status_macros.h"

namespace mannequin::store {

void Edit::PutProduct(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after) {
  Keep(before, after);
  if (before) {
    statistics_.CountImage(before->image(), -1);
  } else {
    ++statistics_.products;
  }
  statistics_.CountImage(after.image(), 1);
}

void Edit::PutEmbedding(bool existed, const v1::Embedding& embedding) {
  Keep(existed, embedding);
  if (!existed) ++statistics_.embeddings;
}

void Edit::PutJob(const std::optional<v1::Job>& before, const v1::Job& after) { Keep(before, after); }

v1::Placeholder Edit::PutPlaceholder(const std::optional<v1::Placeholder>& before, v1::Placeholder after,
                                     const PlaceholderDecision& decision) {
  after = WithHistory(before, std::move(after), now_, decision);
  Keep(before, after);
  if (!before) ++statistics_.placeholders;
  return after;
}

absl::Status Edit::Import(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after) {
  if (!after.image().sha256().empty()) RETURN_IF_ERROR(AddReference(after.image().sha256()));
  if (before) RETURN_IF_ERROR(DropImage(before->image().sha256()));
  PutProduct(before, after);
  return absl::OkStatus();
}

absl::Status Edit::Import(const std::optional<v1::Placeholder>& before, const v1::Placeholder& after) {
  for (const std::string* sha256 : {&after.image_sha256(), &after.badged_image_sha256()}) {
    if (!sha256->empty()) RETURN_IF_ERROR(AddReference(*sha256));
  }
  if (before) {
    RETURN_IF_ERROR(DropImage(before->image_sha256()));
    RETURN_IF_ERROR(DropImage(before->badged_image_sha256()));
  }
  Keep(before, after);
  if (!before) ++statistics_.placeholders;
  return absl::OkStatus();
}

void Edit::PutVerdict(const std::optional<v1::Verdict>& before, const v1::Verdict& after) {
  Keep(before, after);
  if (!before) ++statistics_.verdicts;
}

void Edit::PutReview(bool existed, const v1::Review& review) {
  Keep(existed, review);
  if (!existed) ++statistics_.reviews;
}

}  // namespace mannequin::store
