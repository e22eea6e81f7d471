// All that a store holds, through its public calls: what tests of damage, crashes and
// backups compare.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {

using Contents = std::map<std::string, std::string>;

// A store with every family in use; records of `round` are its own, pictures are shared.
inline void FillStore(ProductStore& store, const std::string& round, int products) {
  v1::UpsertProductsRequest request;
  const auto id_of = [&](int i) { return absl::StrCat("p", round, "-", i); };
  for (int i = 0; i < products; ++i) {
    v1::Product product = MakeProduct(id_of(i), i % 3 == 0 ? "" : "http://x/" + id_of(i));
    product.add_category_path("Apparel");
    product.add_category_path(i % 2 == 0 ? "Dress" : "Shirt");
    product.set_brand(absl::StrCat("Brand", i % 5));
    product.set_description(std::string(200, static_cast<char>('a' + i % 26)));
    *request.add_products() = product;
  }
  Must(store.UpsertProducts(request));
  for (int i = 0; i < products; i += 2) {
    // Small ones lie in the tables, big ones in blob files.
    std::string picture = absl::StrCat("picture ", i % 7, i % 4 == 0 ? "" : " of round " + round);
    picture.resize(i % 4 == 0 ? 300 : 4000, static_cast<char>('A' + i % 7));
    v1::PutImageRequest put;
    put.set_product_id(id_of(i));
    *put.mutable_image() = MakeImage(picture);
    v1::Rendition& rendition = *put.add_renditions();
    rendition.set_side(64);
    rendition.set_data("rendition of " + picture.substr(0, picture.size() / 2));
    Must(store.PutImage(put));
  }
  v1::PutEmbeddingsRequest embeddings;
  v1::PutVerdictsRequest verdicts;
  for (int i = 0; i < products; ++i) {
    v1::Embedding& embedding = *embeddings.add_embeddings();
    embedding.set_product_id(id_of(i));
    for (int k = 0; k < 16; ++k) embedding.add_values(static_cast<float>(i * k) / 100);
    v1::Verdict& verdict = *verdicts.add_verdicts();
    verdict.set_product_id(id_of(i));
    verdict.set_kind(i % 2 == 0 ? v1::VERDICT_KIND_CLEAN : v1::VERDICT_KIND_ABUSE);
    verdict.set_image_sha256(Sha256Hex(id_of(i)));
  }
  Must(store.PutEmbeddings(embeddings));
  Must(store.PutVerdicts(verdicts));
  for (int i = 0; i < products; i += 5) {
    v1::PutReviewRequest review;
    review.mutable_review()->set_product_id(id_of(i));
    review.mutable_review()->set_image_sha256(Sha256Hex(id_of(i)));
    review.mutable_review()->set_decision(i % 2 == 0 ? v1::VERDICT_KIND_CLEAN : v1::VERDICT_KIND_ABUSE);
    if (i % 2 != 0) review.mutable_review()->add_reasons(v1::ABUSE_REASON_MISMATCH);
    review.mutable_review()->set_reviewer("kim");
    Must(store.PutReview(review));
  }
  for (int i = 1; i < products; i += 6) {
    v1::PutPlaceholderRequest placeholder;
    placeholder.mutable_placeholder()->set_product_id(id_of(i));
    placeholder.mutable_placeholder()->set_state(v1::PLACEHOLDER_STATE_PROPOSED);
    *placeholder.mutable_image() = MakeImage(std::string(2000, static_cast<char>('0' + i % 10)));
    Must(store.PutPlaceholder(placeholder));
    if (i % 12 != 7) continue;
    placeholder.mutable_placeholder()->set_state(v1::PLACEHOLDER_STATE_APPROVED);
    *placeholder.mutable_badged_image() = MakeImage("badge of " + id_of(i) + std::string(2000, '#'));
    Must(store.PutPlaceholder(placeholder));
  }
  for (int i = 0; i < 3; ++i) {
    v1::CreateJobRequest job;
    job.set_kind(v1::JOB_KIND_CRAWL);
    job.set_idempotency_key(absl::StrCat("key ", round, i));
    Must(store.CreateJob(job));
  }
  v1::LeaseJobRequest lease;
  lease.add_kinds(v1::JOB_KIND_CRAWL);
  lease.set_worker("worker");
  *lease.mutable_lease() = Seconds(60);
  Must(store.LeaseJob(lease));
}

namespace internal {

// Every page of a list, each record by `add`.
template <typename Request, typename Response, typename Add>
absl::Status AllPages(ProductStore& store, absl::StatusOr<Response> (ProductStore::*list)(const Request&),
                      Request request, Add add) {
  request.set_page_size(50);
  do {
    ASSIGN_OR_RETURN(const Response page, (store.*list)(request));
    RETURN_IF_ERROR(add(page));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

inline absl::Status AddPicture(ProductStore& store, const std::string& sha256, Contents& contents) {
  v1::GetImageRequest request;
  request.set_sha256(sha256);
  ASSIGN_OR_RETURN(const v1::GetImageResponse response, store.GetImage(request));
  contents["image " + sha256] = response.image().SerializeAsString();
  request.set_at_least_side(64);
  ASSIGN_OR_RETURN(const v1::GetImageResponse smaller, store.GetImage(request));
  contents["rendition " + sha256] = smaller.image().SerializeAsString();
  return absl::OkStatus();
}

}  // namespace internal

// Every record by name, every list, every picture, the statistics. The first error ends it.
inline absl::StatusOr<Contents> ReadContents(ProductStore& store) {
  Contents contents;
  RETURN_IF_ERROR(store.ScanProducts({}, [&](const v1::StoredProduct& product) -> absl::Status {
    contents["product " + product.product().id()] = product.SerializeAsString();
    v1::GetProductRequest get;
    get.set_id(product.product().id());
    ASSIGN_OR_RETURN(const v1::GetProductResponse got, store.GetProduct(get));
    if (got.product().SerializeAsString() != product.SerializeAsString()) {
      return absl::InternalError("scan and get differ: " + get.id());
    }
    if (product.image().sha256().empty()) return absl::OkStatus();
    return internal::AddPicture(store, product.image().sha256(), contents);
  }));
  const auto list = [&](const std::string& name, v1::ListProductsRequest request) {
    return internal::AllPages<v1::ListProductsRequest, v1::ListProductsResponse>(
        store, &ProductStore::ListProducts, request, [&](const v1::ListProductsResponse& page) {
          for (const auto& product : page.products()) contents["list " + name] += product.product().id() + " ";
          return absl::OkStatus();
        });
  };
  for (int state = 1; state < v1::ImageState_ARRAYSIZE; ++state) {
    v1::ListProductsRequest request;
    request.mutable_filter()->set_image_state(static_cast<v1::ImageState>(state));
    RETURN_IF_ERROR(list(absl::StrCat("state ", state), request));
  }
  for (int brand = 0; brand < 5; ++brand) {
    v1::ListProductsRequest request;
    request.mutable_filter()->set_brand(absl::StrCat("Brand", brand));
    RETURN_IF_ERROR(list(absl::StrCat("brand ", brand), request));
  }
  v1::ListProductsRequest dresses;
  dresses.mutable_filter()->add_category_path("Apparel");
  dresses.mutable_filter()->add_category_path("Dress");
  RETURN_IF_ERROR(list("dresses", dresses));
  for (int state = 0; state < v1::PlaceholderState_ARRAYSIZE; ++state) {
    v1::ListPlaceholdersRequest request;
    request.set_state(static_cast<v1::PlaceholderState>(state));
    RETURN_IF_ERROR((internal::AllPages<v1::ListPlaceholdersRequest, v1::ListPlaceholdersResponse>(
        store, &ProductStore::ListPlaceholders, request, [&](const v1::ListPlaceholdersResponse& page) -> absl::Status {
          for (const auto& placeholder : page.placeholders()) {
            contents[absl::StrCat("placeholder ", state, " ", placeholder.product_id())] =
                placeholder.SerializeAsString();
            RETURN_IF_ERROR(internal::AddPicture(store, placeholder.image_sha256(), contents));
            if (placeholder.badged_image_sha256().empty()) continue;
            RETURN_IF_ERROR(internal::AddPicture(store, placeholder.badged_image_sha256(), contents));
          }
          return absl::OkStatus();
        })));
  }
  for (int kind = 0; kind < v1::VerdictKind_ARRAYSIZE; ++kind) {
    v1::ListVerdictsRequest request;
    request.set_kind(static_cast<v1::VerdictKind>(kind));
    RETURN_IF_ERROR((internal::AllPages<v1::ListVerdictsRequest, v1::ListVerdictsResponse>(
        store, &ProductStore::ListVerdicts, request, [&](const v1::ListVerdictsResponse& page) {
          for (const auto& verdict : page.verdicts()) {
            contents[absl::StrCat("verdict ", kind, " ", verdict.product_id())] = verdict.SerializeAsString();
          }
          return absl::OkStatus();
        })));
  }
  for (int kind = 1; kind < v1::VerdictKind_ARRAYSIZE; ++kind) {
    v1::ListVerdictsRequest request;
    request.set_kind(static_cast<v1::VerdictKind>(kind));
    request.set_unreviewed(true);
    RETURN_IF_ERROR((internal::AllPages<v1::ListVerdictsRequest, v1::ListVerdictsResponse>(
        store, &ProductStore::ListVerdicts, request, [&](const v1::ListVerdictsResponse& page) {
          for (const auto& verdict : page.verdicts()) {
            contents[absl::StrCat("unreviewed ", kind)] += verdict.product_id() + " ";
          }
          return absl::OkStatus();
        })));
  }
  RETURN_IF_ERROR((internal::AllPages<v1::ListReviewsRequest, v1::ListReviewsResponse>(
      store, &ProductStore::ListReviews, {}, [&](const v1::ListReviewsResponse& page) {
        for (const auto& review : page.reviews()) {
          contents[absl::StrCat("review ", review.product_id(), " ", review.image_sha256())] =
              review.SerializeAsString();
        }
        return absl::OkStatus();
      })));
  RETURN_IF_ERROR((internal::AllPages<v1::ListJobsRequest, v1::ListJobsResponse>(
      store, &ProductStore::ListJobs, {}, [&](const v1::ListJobsResponse& page) {
        for (const auto& job : page.jobs()) contents["job " + job.id()] = job.SerializeAsString();
        return absl::OkStatus();
      })));
  RETURN_IF_ERROR(store.ScanEmbeddings({}, [&](const v1::Embedding& embedding) {
    contents["embedding " + embedding.product_id()] = embedding.SerializeAsString();
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store.GetStatistics({}));
  contents["statistics"] = Render(statistics);
  return contents;
}

// Names of what is in one and not the other, or differs; empty when they are equal.
inline std::vector<std::string> Differences(const Contents& before, const Contents& after) {
  std::vector<std::string> names;
  for (const auto& [name, value] : before) {
    const auto found = after.find(name);
    if (found == after.end()) names.push_back(name + " is gone");
    if (found != after.end() && found->second != value) names.push_back(name + " differs");
  }
  for (const auto& [name, value] : after) {
    if (before.count(name) == 0) names.push_back(name + " is new");
  }
  return names;
}

// What CheckIntegrity finds, as "record: message" with " (repaired)", in its order.
inline std::vector<std::string> FaultsOf(ProductStore& store, bool repair = false) {
  v1::CheckIntegrityRequest request;
  request.set_repair(repair);
  std::vector<std::string> faults;
  bool done = false;
  EXPECT_EQ(
      "OK", CodeOf(store.CheckIntegrity(request, [&](const v1::CheckIntegrityResponse& message) {
        for (const v1::IntegrityFault& fault : message.faults()) {
          faults.push_back(absl::StrCat(fault.record(), ": ", fault.message(), fault.repaired() ? " (repaired)" : ""));
        }
        done = message.done();
        if (done) {
          EXPECT_EQ(static_cast<std::int64_t>(faults.size()), message.faults_found());
        }
        return absl::OkStatus();
      })));
  EXPECT_TRUE(done);
  return faults;
}

}  // namespace mannequin
