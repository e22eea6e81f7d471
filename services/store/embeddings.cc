// Vectors of products. Kept by product id; that the product exists is the writer's
// affair, since a vector of a product that is gone harms nobody.
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/database.h"
#include "services/store/edit.h"
#include "services/store/rocks_status.h"
#include "services/store/rocks_store.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

absl::StatusOr<v1::PutEmbeddingsResponse> RocksStore::PutEmbeddings(const v1::PutEmbeddingsRequest& request) {
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

absl::Status RocksStore::ScanEmbeddings(const v1::ScanEmbeddingsRequest&,
                                        const std::function<absl::Status(const v1::Embedding&)>& visit) {
  ASSIGN_OR_RETURN(const Slot slot, TakeScanSlot());
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const auto iterator = db_->NewIterator(Family::kEmbeddings, options);
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    ASSIGN_OR_RETURN(const v1::Embedding embedding,
                     store::Decode<v1::Embedding>(Family::kEmbeddings, store::ToView(iterator->key()),
                                                  store::ToView(iterator->value())));
    RETURN_IF_ERROR(visit(embedding));
  }
  return store::FromRocks(iterator->status(), "scan embeddings");
}

}  // namespace mannequin
