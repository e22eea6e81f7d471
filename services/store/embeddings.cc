// Vectors of products. Kept by product id; that the product exists is the writer's
// affair, since a vector of a product that is gone harms nobody.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/record_store.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

absl::StatusOr<v1::PutEmbeddingsResponse> RecordStore::PutEmbeddings(const v1::PutEmbeddingsRequest& request) {
  RETURN_IF_ERROR(store::CheckCount("embeddings", request.embeddings_size(), 1, 10'000));
  const int dimension = request.embeddings(0).values_size();
  for (int i = 0; i < request.embeddings_size(); ++i) {
    const std::string where = absl::StrCat("embeddings[", i, "].");
    RETURN_IF_ERROR(store::CheckEmbedding(where, request.embeddings(i)));
    if (request.embeddings(i).values_size() != dimension) {
      return absl::InvalidArgumentError(absl::StrCat(where, "values: ", request.embeddings(i).values_size(),
                                                     " components, expected ", dimension, " as in embeddings[0]"));
    }
  }
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    std::vector<std::string> ids;
    for (const v1::Embedding& embedding : request.embeddings()) ids.push_back(embedding.product_id());
    RETURN_IF_ERROR(edit.Prefetch(Family::kEmbeddings, std::move(ids)));
    for (const v1::Embedding& embedding : request.embeddings()) {
      ASSIGN_OR_RETURN(const std::optional<std::string> before, edit.Get(Family::kEmbeddings, embedding.product_id()));
      edit.PutEmbedding(before.has_value(), embedding);
    }
    return absl::OkStatus();
  }));
  v1::PutEmbeddingsResponse response;
  response.set_written(request.embeddings_size());
  return response;
}

absl::Status RecordStore::ScanEmbeddings(const v1::ScanEmbeddingsRequest&,
                                         const std::function<absl::Status(const v1::Embedding&)>& visit) {
  ASSIGN_OR_RETURN(const Slot slot, TakeScanSlot());
  return VisitEmbeddings([&](const v1::Embedding& embedding) -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(visit(embedding));
    return true;
  });
}

}  // namespace mannequin
