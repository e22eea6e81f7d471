#include "services/store/edit.h"

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

void Edit::PutVerdict(const std::optional<v1::Verdict>& before, const v1::Verdict& after) {
  Keep(before, after);
  if (!before) ++statistics_.verdicts;
}

void Edit::PutReview(bool existed, const v1::Review& review) {
  Keep(existed, review);
  if (!existed) ++statistics_.reviews;
}

}  // namespace mannequin::store
