// Searches for similar products: what is asked for becomes vectors, the index finds their
// neighbours, and the store tells their titles.
//
//   SimilarFinder finder(store, bundle, *index);
//   ASSIGN_OR_RETURN(v1::FindSimilarResponse found, finder.Find(request));
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/store/product_store.h"
#include "mannequin/v1/text_embedder.pb.h"
#include "services/embedder/embedding_bundle.h"
#include "services/embedder/similarity_index.h"

namespace mannequin {

// What can be said of a request without a bundle: INVALID_ARGUMENT naming the field and its
// bound.
absl::Status CheckFindSimilar(const v1::FindSimilarRequest& request);
absl::Status CheckBatchFindSimilar(const v1::BatchFindSimilarRequest& request);

// Thread-safe.
class SimilarFinder {
 public:
  // All must outlive it. `index` is of the bundle's embedding, and not empty.
  SimilarFinder(ProductStore& store, const EmbeddingBundle& bundle, const SimilarityIndex& index)
      : store_(store), bundle_(bundle), index_(index) {}

  // Two calls of the store at most: the product asked for, and the titles.
  absl::StatusOr<v1::FindSimilarResponse> Find(const v1::FindSimilarRequest& request) const;
  // Products and titles of all queries are asked for by the thousand, texts are encoded and
  // vectors searched on all cores. Errors: the store's; a query's own are in its result.
  absl::StatusOr<v1::BatchFindSimilarResponse> FindMany(const v1::BatchFindSimilarRequest& request) const;

 private:
  using Requests = std::vector<const v1::FindSimilarRequest*>;
  using Products = absl::flat_hash_map<std::string, v1::Product>;

  // For each request its answer, or why there is none.
  absl::StatusOr<std::vector<absl::StatusOr<v1::FindSimilarResponse>>> FindAll(const Requests& requests) const;
  // A product of the store without its description. Ids that are not there are left out.
  absl::StatusOr<Products> GetProducts(std::vector<std::string> ids) const;
  // At unit length.
  absl::StatusOr<std::vector<float>> VectorOf(const v1::FindSimilarRequest& request, const Products& asked) const;
  absl::StatusOr<std::vector<float>> VectorOf(const v1::Product& product) const;
  absl::StatusOr<std::vector<float>> VectorOf(const v1::QueryVector& vector) const;
  v1::FindSimilarResponse ToProto(const SimilarityIndex::Found& found, const Products& products) const;

  ProductStore& store_;
  const EmbeddingBundle& bundle_;
  const SimilarityIndex& index_;
};

}  // namespace mannequin
