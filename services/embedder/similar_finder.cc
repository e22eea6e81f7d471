#include "services/embedder/similar_finder.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "common/store/product_bounds.h"
#include "services/embedder/text_hash.h"

namespace mannequin {
namespace {

constexpr int kMaxSimilar = 1'000;
constexpr int kDefaultSimilar = 10;
constexpr int kMaxQueries = 1'000;
constexpr std::int64_t kMaxInAll = 100'000;
constexpr std::size_t kProductsACall = 1'000;

int CountOf(const v1::FindSimilarRequest& request) { return request.count() == 0 ? kDefaultSimilar : request.count(); }

std::vector<std::string> PathOf(const v1::FindSimilarRequest& request) {
  return {request.category_path().begin(), request.category_path().end()};
}

}  // namespace

absl::Status CheckFindSimilar(const v1::FindSimilarRequest& request) {
  if (request.query_case() == v1::FindSimilarRequest::QUERY_NOT_SET) {
    return absl::InvalidArgumentError("query: give text, product_id or vector");
  }
  if (request.count() < 0 || request.count() > kMaxSimilar) {
    return absl::InvalidArgumentError(absl::StrCat("count: ", request.count(), " is not 1 to ", kMaxSimilar));
  }
  if (request.has_product_id() && request.product_id().empty()) {
    return absl::InvalidArgumentError("product_id: is empty");
  }
  if (request.product_id().size() > kMaxProductIdBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("product_id: ", request.product_id().size(), " bytes are over the bound of ", kMaxProductIdBytes));
  }
  if (request.category_path_size() > kMaxCategoryParts) {
    return absl::InvalidArgumentError(absl::StrCat("category_path: ", request.category_path_size(),
                                                   " parts are over the bound of ", kMaxCategoryParts));
  }
  for (const std::string& part : request.category_path()) {
    if (part.size() <= kMaxCategoryPartBytes) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("category_path: a part of ", part.size(), " bytes is over the bound of ", kMaxCategoryPartBytes));
  }
  return absl::OkStatus();
}

absl::Status CheckBatchFindSimilar(const v1::BatchFindSimilarRequest& request) {
  if (request.queries_size() < 1 || request.queries_size() > kMaxQueries) {
    return absl::InvalidArgumentError(absl::StrCat("queries: ", request.queries_size(), " are not 1 to ", kMaxQueries));
  }
  std::int64_t in_all = 0;
  for (const v1::FindSimilarRequest& query : request.queries()) {
    // One whose count is out of bounds fails alone, and gets nothing.
    if (CountOf(query) > 0 && CountOf(query) <= kMaxSimilar) in_all += CountOf(query);
  }
  if (in_all <= kMaxInAll) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("queries: count is ", in_all, " in all, over the bound of ", kMaxInAll));
}

absl::StatusOr<SimilarFinder::Products> SimilarFinder::GetProducts(std::vector<std::string> ids) const {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  Products products;
  for (std::size_t begin = 0; begin < ids.size(); begin += kProductsACall) {
    v1::BatchGetProductsRequest request;
    for (std::size_t i = begin; i < std::min(ids.size(), begin + kProductsACall); ++i) request.add_ids(ids[i]);
    ASSIGN_OR_RETURN(v1::BatchGetProductsResponse response, store_.BatchGetProducts(request));
    for (v1::StoredProduct& stored : *response.mutable_products()) {
      stored.mutable_product()->clear_description();
      std::string id = stored.product().id();
      products.emplace(std::move(id), std::move(*stored.mutable_product()));
    }
  }
  return products;
}

absl::StatusOr<std::vector<float>> SimilarFinder::VectorOf(const v1::Product& product) const {
  const std::string text = ProductText(product);
  std::optional<SimilarityIndex::Stored> stored = index_.VectorOf(product.id());
  if (stored && stored->text_hash == TextHash(text)) return std::move(stored->values);
  absl::StatusOr<EncodedText> encoded = bundle_.encoder->Encode(text);
  if (encoded.ok()) return std::move(encoded->values);
  return absl::Status(encoded.status().code(),
                      absl::StrCat("product_id: ", product.id(), ": ", encoded.status().message()));
}

absl::StatusOr<std::vector<float>> SimilarFinder::VectorOf(const v1::QueryVector& vector) const {
  if (vector.values_size() != bundle_.encoder->dimension()) {
    return absl::InvalidArgumentError(absl::StrCat("vector: ", vector.values_size(), " components, expected ",
                                                   bundle_.encoder->dimension(), " as bundle ", bundle_.version,
                                                   " has"));
  }
  double squares = 0;
  for (int i = 0; i < vector.values_size(); ++i) {
    if (!std::isfinite(vector.values(i))) {
      return absl::InvalidArgumentError(absl::StrCat("vector: component ", i, " is not finite"));
    }
    squares += static_cast<double>(vector.values(i)) * vector.values(i);
  }
  if (squares == 0) return absl::InvalidArgumentError("vector: all components are 0, which has no direction");
  const double scale = 1 / std::sqrt(squares);
  std::vector<float> unit;
  for (const float value : vector.values()) unit.push_back(static_cast<float>(value * scale));
  return unit;
}

absl::StatusOr<std::vector<float>> SimilarFinder::VectorOf(const v1::FindSimilarRequest& request,
                                                           const Products& asked) const {
  RETURN_IF_ERROR(CheckFindSimilar(request));
  const std::vector<std::string> path = PathOf(request);
  if (!path.empty() && !index_.HasCategory(path)) {
    return absl::NotFoundError(
        absl::StrCat("category_path: no embedded product is in \"", absl::StrJoin(path, " > "), "\""));
  }
  if (request.has_vector()) return VectorOf(request.vector());
  if (request.has_product_id()) {
    const auto product = asked.find(request.product_id());
    if (product != asked.end()) return VectorOf(product->second);
    return absl::NotFoundError(absl::StrCat("product_id: there is no product ", request.product_id()));
  }
  ASSIGN_OR_RETURN(EncodedText encoded, bundle_.encoder->Encode(request.text()));
  return std::move(encoded.values);
}

v1::FindSimilarResponse SimilarFinder::ToProto(const SimilarityIndex::Found& found, const Products& products) const {
  v1::FindSimilarResponse response;
  response.set_bundle_version(bundle_.version);
  response.set_exact(found.exact);
  for (const Neighbour& neighbour : found.neighbours) {
    const auto product = products.find(neighbour.product_id);
    if (product == products.end()) continue;  // gone since
    v1::SimilarProduct& similar = *response.add_products();
    similar.set_product_id(neighbour.product_id);
    similar.set_cosine(neighbour.cosine);
    similar.set_title(product->second.title());
    *similar.mutable_category_path() = product->second.category_path();
  }
  return response;
}

absl::StatusOr<std::vector<absl::StatusOr<v1::FindSimilarResponse>>> SimilarFinder::FindAll(
    const Requests& requests) const {
  std::vector<std::string> asked_ids;
  for (const v1::FindSimilarRequest* request : requests) {
    if (request->has_product_id() && CheckFindSimilar(*request).ok()) asked_ids.push_back(request->product_id());
  }
  ASSIGN_OR_RETURN(const Products asked, GetProducts(std::move(asked_ids)));

  std::vector<absl::StatusOr<std::vector<float>>> vectors(requests.size());
  ParallelFor(requests.size(), 8, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) vectors[i] = VectorOf(*requests[i], asked);
  });
  std::vector<SimilarityQuery> queries;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!vectors[i].ok()) continue;
    queries.push_back({.values = *vectors[i],
                       .count = static_cast<std::size_t>(CountOf(*requests[i])),
                       .except = requests[i]->product_id(),
                       .category_path = PathOf(*requests[i]),
                       .exact = requests[i]->exact()});
  }
  const std::vector<SimilarityIndex::Found> found = index_.FindMany(queries);

  std::vector<std::string> found_ids;
  for (const SimilarityIndex::Found& one : found) {
    for (const Neighbour& neighbour : one.neighbours) found_ids.push_back(neighbour.product_id);
  }
  ASSIGN_OR_RETURN(const Products products, GetProducts(std::move(found_ids)));
  std::vector<absl::StatusOr<v1::FindSimilarResponse>> answers;
  auto next = found.begin();
  for (const absl::StatusOr<std::vector<float>>& vector : vectors) {
    vector.ok() ? answers.emplace_back(ToProto(*next++, products)) : answers.emplace_back(vector.status());
  }
  return answers;
}

absl::StatusOr<v1::FindSimilarResponse> SimilarFinder::Find(const v1::FindSimilarRequest& request) const {
  ASSIGN_OR_RETURN(auto answers, FindAll({&request}));
  return std::move(answers.front());
}

absl::StatusOr<v1::BatchFindSimilarResponse> SimilarFinder::FindMany(const v1::BatchFindSimilarRequest& request) const {
  Requests requests;
  for (const v1::FindSimilarRequest& query : request.queries()) requests.push_back(&query);
  ASSIGN_OR_RETURN(auto answers, FindAll(requests));
  v1::BatchFindSimilarResponse response;
  for (absl::StatusOr<v1::FindSimilarResponse>& answer : answers) {
    v1::SimilarResult& result = *response.add_results();
    if (answer.ok()) {
      *result.mutable_found() = *std::move(answer);
    } else {
      result.set_error(std::string(answer.status().message()));
      result.set_error_code(static_cast<int>(answer.status().code()));
    }
  }
  return response;
}

}  // namespace mannequin
