// What the scorer said of listings. The last verdict of a product is kept.
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/page_token.h"
#include "services/store/record_store.h"
#include "services/store/review_decision.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;

absl::StatusOr<v1::PutVerdictsResponse> RecordStore::PutVerdicts(const v1::PutVerdictsRequest& request) {
  RETURN_IF_ERROR(store::CheckCount("verdicts", request.verdicts_size(), 1, 10'000));
  for (int i = 0; i < request.verdicts_size(); ++i) {
    RETURN_IF_ERROR(store::CheckVerdict(absl::StrCat("verdicts[", i, "]."), request.verdicts(i)));
  }
  std::vector<std::string> ids, review_keys;
  for (const v1::Verdict& verdict : request.verdicts()) {
    ids.push_back(verdict.product_id());
    review_keys.push_back(store::ReviewKey(verdict.product_id(), verdict.image_sha256()));
  }
  RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
    RETURN_IF_ERROR(edit.Prefetch(Family::kVerdicts, ids));
    RETURN_IF_ERROR(edit.Prefetch(Family::kReviews, review_keys));
    for (const v1::Verdict& verdict : request.verdicts()) {
      ASSIGN_OR_RETURN(const std::optional<v1::Verdict> before,
                       edit.Read<v1::Verdict>(Family::kVerdicts, verdict.product_id()));
      ASSIGN_OR_RETURN(
          const std::optional<v1::Review> review,
          edit.Read<v1::Review>(Family::kReviews, store::ReviewKey(verdict.product_id(), verdict.image_sha256())));
      v1::Verdict after = verdict;
      after.set_review_decision(store::DecisionOn(verdict, review));
      edit.PutVerdict(before, after);
    }
    return absl::OkStatus();
  }));
  v1::PutVerdictsResponse response;
  response.set_written(request.verdicts_size());
  return response;
}

absl::StatusOr<v1::GetVerdictResponse> RecordStore::GetVerdict(const v1::GetVerdictRequest& request) {
  RETURN_IF_ERROR(store::CheckProductId("product_id", request.product_id()));
  ASSIGN_OR_RETURN(std::optional<v1::Verdict> verdict, Read<v1::Verdict>(Family::kVerdicts, request.product_id()));
  if (!verdict) return absl::NotFoundError(absl::StrCat("verdict of ", request.product_id(), ": there is none"));
  v1::GetVerdictResponse response;
  *response.mutable_verdict() = *std::move(verdict);
  return response;
}

absl::StatusOr<v1::ListVerdictsResponse> RecordStore::ListVerdicts(const v1::ListVerdictsRequest& request) {
  if (!v1::VerdictKind_IsValid(request.kind())) {
    return absl::InvalidArgumentError("kind: is not one of VerdictKind");
  }
  ASSIGN_OR_RETURN(const int page_size, store::PageSize(request.page_size()));
  const std::string query = absl::StrCat("verdicts ", request.kind(), request.unreviewed() ? " unreviewed" : "");
  ASSIGN_OR_RETURN(const std::string after, store::ParsePageToken(query, request.page_token()));
  v1::ListVerdictsResponse response;
  std::size_t bytes = 0;
  const auto visit = [&](const v1::Verdict& verdict) -> absl::StatusOr<bool> {
    if (request.unreviewed() && verdict.review_decision() != v1::VERDICT_KIND_UNSPECIFIED) return true;
    if (response.verdicts_size() < page_size && bytes < store::kPageBytes) {
      bytes += verdict.ByteSizeLong();
      *response.add_verdicts() = verdict;
      return true;
    }
    response.set_next_page_token(store::MakePageToken(query, response.verdicts().rbegin()->product_id()));
    return false;
  };
  RETURN_IF_ERROR(VisitVerdicts({.kind = request.kind(), .unreviewed = request.unreviewed()}, after, visit));
  return response;
}

}  // namespace mannequin
