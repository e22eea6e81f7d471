#include "services/store/validate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/utf8.h"
#include "common/store/product_bounds.h"

namespace mannequin::store {
namespace {

using absl::string_view;

constexpr int kMaxUpsert = 10'000;
constexpr std::size_t kMaxUpsertBytes = std::size_t{4} << 20;

// The end of 2261: what counts as nanoseconds in 64 bits.
constexpr std::int64_t kLastSecond = 9'214'646'399;

absl::Status Invalid(string_view field, string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

// Lower-case hex, as Sha256Hex writes it.
bool IsSha256(string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

absl::Status CheckAttributes(const v1::Product& product) {
  RETURN_IF_ERROR(CheckCount("attributes", product.attributes_size(), 0, kMaxAttributes));
  for (int i = 0; i < product.attributes_size(); ++i) {
    const v1::Attribute& attribute = product.attributes(i);
    RETURN_IF_ERROR(CheckText("attributes.name", attribute.name(), 1, kMaxAttributeNameBytes));
    if (std::any_of(attribute.name().begin(), attribute.name().end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
      return Invalid("attributes.name", absl::StrCat("\"", attribute.name(), "\", expected lower case"));
    }
    for (int k = 0; k < i; ++k) {
      if (product.attributes(k).name() == attribute.name()) {
        return Invalid("attributes.name", absl::StrCat("\"", attribute.name(), "\" is there twice"));
      }
    }
    RETURN_IF_ERROR(CheckText("attributes.value", attribute.value(), 1, kMaxAttributeValueBytes));
  }
  return absl::OkStatus();
}

// Bytes of names, and of words for a person.
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxWords = 4096;

absl::Status CheckReason(string_view field, int reason) {
  if (reason != v1::ABUSE_REASON_UNSPECIFIED && v1::AbuseReason_IsValid(reason)) return absl::OkStatus();
  return Invalid(field, "is not one of AbuseReason");
}

absl::Status CheckFindings(string_view where, const v1::Verdict& verdict) {
  const std::string field = absl::StrCat(where, "policy_findings");
  RETURN_IF_ERROR(CheckCount(field, verdict.policy_findings_size(), 0, 256));
  for (const v1::PolicyFinding& finding : verdict.policy_findings()) {
    RETURN_IF_ERROR(CheckText(absl::StrCat(field, ".rule"), finding.rule(), 1, kMaxName));
    RETURN_IF_ERROR(CheckText(absl::StrCat(field, ".detail"), finding.detail(), 0, kMaxWords));
    RETURN_IF_ERROR(CheckText(absl::StrCat(field, ".source"), finding.source(), 0, kMaxWords));
  }
  return absl::OkStatus();
}

// What the picture looks like, and what lies near it.
absl::Status CheckEvidence(string_view where, const v1::Verdict& verdict) {
  const v1::Sight& sight = verdict.sight();
  RETURN_IF_ERROR(CheckText(absl::StrCat(where, "sight.category"), sight.category(), 0, kMaxCategoryPartBytes));
  RETURN_IF_ERROR(CheckShare(absl::StrCat(where, "sight.category_probability"), sight.category_probability()));
  RETURN_IF_ERROR(CheckText(absl::StrCat(where, "sight.color"), sight.color(), 0, kMaxAttributeValueBytes));
  RETURN_IF_ERROR(CheckShare(absl::StrCat(where, "sight.color_probability"), sight.color_probability()));
  const std::string field = absl::StrCat(where, "evidence");
  RETURN_IF_ERROR(CheckCount(field, verdict.evidence_size(), 0, 64));
  for (const v1::EvidenceProduct& product : verdict.evidence()) {
    RETURN_IF_ERROR(CheckProductId(absl::StrCat(field, ".product_id"), product.product_id()));
    RETURN_IF_ERROR(CheckText(absl::StrCat(field, ".title"), product.title(), 0, kMaxTitleBytes));
    RETURN_IF_ERROR(CheckCategoryPath(absl::StrCat(field, ".category_path"), product.category_path()));
    if (product.kind() == v1::EVIDENCE_KIND_UNSPECIFIED || !v1::EvidenceKind_IsValid(product.kind())) {
      return Invalid(absl::StrCat(field, ".kind"), "is not one of EvidenceKind");
    }
    if (!std::isfinite(product.similarity())) return Invalid(absl::StrCat(field, ".similarity"), "is not finite");
  }
  return absl::OkStatus();
}

// What was judged, as its caller wrote it: held to the bounds of a product, not to its form.
absl::Status CheckListing(string_view where, const v1::Verdict& verdict) {
  if (!verdict.has_listing()) return absl::OkStatus();
  const v1::Product& listing = verdict.listing();
  const auto name = [where](string_view field) { return absl::StrCat(where, "listing.", field); };
  if (listing.id() != verdict.product_id()) return Invalid(name("id"), "is not product_id");
  RETURN_IF_ERROR(CheckText(name("title"), listing.title(), 0, kMaxTitleBytes));
  RETURN_IF_ERROR(CheckCategoryPath(name("category_path"), listing.category_path()));
  RETURN_IF_ERROR(CheckText(name("brand"), listing.brand(), 0, kMaxBrandBytes));
  RETURN_IF_ERROR(CheckCount(name("attributes"), listing.attributes_size(), 0, kMaxAttributes));
  for (const v1::Attribute& attribute : listing.attributes()) {
    RETURN_IF_ERROR(CheckText(name("attributes.name"), attribute.name(), 0, kMaxAttributeNameBytes));
    RETURN_IF_ERROR(CheckText(name("attributes.value"), attribute.value(), 0, kMaxAttributeValueBytes));
  }
  RETURN_IF_ERROR(CheckText(name("description"), listing.description(), 0, kMaxDescriptionBytes));
  return CheckText(name("image_url"), listing.image_url(), 0, kMaxImageUrlBytes);
}

}  // namespace

absl::Status CheckText(string_view field, string_view text, std::size_t least, std::size_t most) {
  if (text.size() < least || text.size() > most) {
    return Invalid(field, absl::StrCat(text.size(), " bytes, expected ",
                                       least == 0 ? std::string("at most ") : absl::StrCat(least, " to "), most));
  }
  if (FindInvalidUtf8(text) != text.size()) return Invalid(field, "not UTF-8");
  return absl::OkStatus();
}

absl::Status CheckCount(string_view field, std::int64_t count, std::int64_t least, std::int64_t most) {
  if (count >= least && count <= most) return absl::OkStatus();
  return Invalid(field, absl::StrCat(count, ", expected ", least, " to ", most));
}

absl::Status CheckShare(string_view field, double value) {
  if (value >= 0 && value <= 1) return absl::OkStatus();
  return Invalid(field, absl::StrCat(value, ", expected 0 to 1"));
}

absl::Status CheckCategoryPath(string_view field, const google::protobuf::RepeatedPtrField<std::string>& path) {
  RETURN_IF_ERROR(CheckCount(field, path.size(), 0, kMaxCategoryParts));
  for (const std::string& part : path) RETURN_IF_ERROR(CheckText(field, part, 0, kMaxCategoryPartBytes));
  return absl::OkStatus();
}

absl::Status CheckProductId(string_view field, string_view id) {
  RETURN_IF_ERROR(CheckText(field, id, 1, kMaxProductIdBytes));
  const bool control = std::any_of(id.begin(), id.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
  return control ? Invalid(field, "has a control character") : absl::OkStatus();
}

absl::Status CheckWorker(string_view worker) { return CheckText("worker", worker, 1, 128); }

absl::StatusOr<absl::Duration> LeaseDuration(const google::protobuf::Duration& lease) {
  const absl::Duration duration = absl::Seconds(lease.seconds()) + absl::Nanoseconds(lease.nanos());
  if (duration < absl::Seconds(1) || duration > kMaxLease) {
    return Invalid("lease", absl::StrCat(absl::FormatDuration(duration), ", expected 1 s to 1 h"));
  }
  return duration;
}

absl::Status CheckProduct(const v1::Product& product) {
  RETURN_IF_ERROR(CheckProductId("id", product.id()));
  RETURN_IF_ERROR(CheckText("title", product.title(), 0, kMaxTitleBytes));
  RETURN_IF_ERROR(CheckCategoryPath("category_path", product.category_path()));
  RETURN_IF_ERROR(CheckText("brand", product.brand(), 0, kMaxBrandBytes));
  RETURN_IF_ERROR(CheckAttributes(product));
  RETURN_IF_ERROR(CheckText("description", product.description(), 0, kMaxDescriptionBytes));
  return CheckText("image_url", product.image_url(), 0, kMaxImageUrlBytes);
}

absl::Status CheckUpsert(const v1::UpsertProductsRequest& request) {
  RETURN_IF_ERROR(CheckCount("products", request.products_size(), 0, kMaxUpsert));
  if (const std::size_t bytes = request.ByteSizeLong(); bytes > kMaxUpsertBytes) {
    return Invalid("products", absl::StrCat(bytes, " bytes, expected at most ", kMaxUpsertBytes));
  }
  for (int i = 0; i < request.products_size(); ++i) {
    const absl::Status status = CheckProduct(request.products(i));
    if (!status.ok()) return absl::Status(status.code(), absl::StrCat("products[", i, "].", status.message()));
  }
  if (!request.has_checkpoint()) return absl::OkStatus();
  RETURN_IF_ERROR(CheckText("checkpoint.source", request.checkpoint().source(), 1, 256));
  RETURN_IF_ERROR(CheckCount("checkpoint.text_bytes", request.checkpoint().text_bytes(), 0,
                             std::numeric_limits<std::int64_t>::max()));
  return CheckCount("checkpoint.lines", request.checkpoint().lines(), 0, std::numeric_limits<std::int64_t>::max());
}

absl::StatusOr<std::string> CheckImage(string_view where, const v1::Image& image) {
  RETURN_IF_ERROR(CheckCount(absl::StrCat(where, "data"), static_cast<std::int64_t>(image.data().size()), 1,
                             static_cast<std::int64_t>(kMaxImageBytes)));
  RETURN_IF_ERROR(CheckText(absl::StrCat(where, "media_type"), image.media_type(), 0, 128));
  RETURN_IF_ERROR(CheckCount(absl::StrCat(where, "width"), image.width(), 0, 1 << 30));
  RETURN_IF_ERROR(CheckCount(absl::StrCat(where, "height"), image.height(), 0, 1 << 30));
  std::string sha256 = Sha256Hex(image.data());
  if (!image.sha256().empty() && image.sha256() != sha256) {
    return Invalid(absl::StrCat(where, "sha256"),
                   absl::StrCat("not that of the data, which is ", sha256, "; leave it empty or send the same bytes"));
  }
  return sha256;
}

absl::Status CheckRenditions(absl::string_view field,
                             const google::protobuf::RepeatedPtrField<v1::Rendition>& renditions) {
  RETURN_IF_ERROR(CheckCount(field, renditions.size(), 0, 8));
  std::set<int> sides;
  for (const v1::Rendition& rendition : renditions) {
    RETURN_IF_ERROR(CheckCount(absl::StrCat(field, ".side"), rendition.side(), 16, 2048));
    RETURN_IF_ERROR(CheckCount(absl::StrCat(field, ".data: bytes"), static_cast<std::int64_t>(rendition.data().size()),
                               1, static_cast<std::int64_t>(kMaxImageBytes)));
    if (!sides.insert(rendition.side()).second) {
      return absl::InvalidArgumentError(absl::StrCat(field, ": two of side ", rendition.side(), ", expected one"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckEmbedding(string_view where, const v1::Embedding& embedding) {
  RETURN_IF_ERROR(CheckProductId(absl::StrCat(where, "product_id"), embedding.product_id()));
  RETURN_IF_ERROR(CheckCount(absl::StrCat(where, "values"), embedding.values_size(), 1, 65536));
  for (const float value : embedding.values()) {
    if (!std::isfinite(value)) return Invalid(absl::StrCat(where, "values"), "has a component that is not finite");
  }
  RETURN_IF_ERROR(CheckCategoryPath(absl::StrCat(where, "category_path"), embedding.category_path()));
  return CheckText(absl::StrCat(where, "bundle_version"), embedding.bundle_version(), 0, 256);
}

absl::Status CheckVerdict(string_view where, const v1::Verdict& verdict) {
  RETURN_IF_ERROR(CheckProductId(absl::StrCat(where, "product_id"), verdict.product_id()));
  if (verdict.kind() == v1::VERDICT_KIND_UNSPECIFIED || !v1::VerdictKind_IsValid(verdict.kind())) {
    return Invalid(absl::StrCat(where, "kind"), "is not one of VerdictKind");
  }
  RETURN_IF_ERROR(CheckCount(absl::StrCat(where, "reasons"), verdict.reasons_size(), 0, v1::AbuseReason_MAX));
  for (const v1::ReasonScore& reason : verdict.reasons()) {
    RETURN_IF_ERROR(CheckReason(absl::StrCat(where, "reasons.reason"), reason.reason()));
    RETURN_IF_ERROR(CheckShare(absl::StrCat(where, "reasons.probability"), reason.probability()));
    RETURN_IF_ERROR(CheckText(absl::StrCat(where, "reasons.detail"), reason.detail(), 0, kMaxWords));
  }
  RETURN_IF_ERROR(CheckText(absl::StrCat(where, "not_scored_reason"), verdict.not_scored_reason(), 0, kMaxWords));
  if (!verdict.image_sha256().empty() && !IsSha256(verdict.image_sha256())) {
    return Invalid(absl::StrCat(where, "image_sha256"), "expected 64 lower-case hex digits, or nothing");
  }
  RETURN_IF_ERROR(CheckText(absl::StrCat(where, "bundle_version"), verdict.bundle_version(), 0, kMaxName));
  RETURN_IF_ERROR(CheckText(absl::StrCat(where, "rules_version"), verdict.rules_version(), 0, kMaxName));
  RETURN_IF_ERROR(CheckText(absl::StrCat(where, "policy"), verdict.policy(), 0, kMaxName));
  RETURN_IF_ERROR(CheckFindings(where, verdict));
  RETURN_IF_ERROR(CheckEvidence(where, verdict));
  RETURN_IF_ERROR(CheckCount(absl::StrCat(where, "degraded"), verdict.degraded_size(), 0, 64));
  for (const std::string& words : verdict.degraded()) {
    RETURN_IF_ERROR(CheckText(absl::StrCat(where, "degraded"), words, 1, kMaxWords));
  }
  RETURN_IF_ERROR(CheckListing(where, verdict));
  return CheckCount(absl::StrCat(where, "picture_vector: bytes"),
                    static_cast<std::int64_t>(verdict.picture_vector().size()), 0, 65536);
}

absl::Status CheckReview(string_view where, const v1::Review& review) {
  const auto name = [where](string_view field) { return absl::StrCat(where, field); };
  RETURN_IF_ERROR(CheckProductId(name("product_id"), review.product_id()));
  if (!IsSha256(review.image_sha256())) {
    return Invalid(name("image_sha256"), "expected the 64 lower-case hex digits of the picture that was reviewed");
  }
  if (review.decision() != v1::VERDICT_KIND_CLEAN && review.decision() != v1::VERDICT_KIND_ABUSE) {
    return Invalid(name("decision"), absl::StrCat(v1::VerdictKind_Name(review.decision()), ", expected ",
                                                  "VERDICT_KIND_CLEAN or VERDICT_KIND_ABUSE"));
  }
  const bool abuse = review.decision() == v1::VERDICT_KIND_ABUSE;
  if (abuse && review.reasons().empty()) return Invalid(name("reasons"), "empty; say why it is ABUSE");
  if (!abuse && !review.reasons().empty()) return Invalid(name("reasons"), "expected none of what is CLEAN");
  std::set<int> reasons;
  for (const int reason : review.reasons()) {
    RETURN_IF_ERROR(CheckReason(name("reasons"), reason));
    if (!reasons.insert(reason).second) {
      return Invalid(name("reasons"), absl::StrCat(v1::AbuseReason_Name(reason), " is there twice"));
    }
  }
  RETURN_IF_ERROR(CheckText(name("reviewer"), review.reviewer(), 1, 256));
  RETURN_IF_ERROR(CheckText(name("note"), review.note(), 0, kMaxWords));
  if (review.has_reviewed_at()) return Invalid(name("reviewed_at"), "expected to be not set; it is now");
  if (review.has_verdict()) return Invalid(name("verdict"), "expected to be not set; it is the kept one");
  return absl::OkStatus();
}

absl::Status CheckFilter(const v1::ProductFilter& filter) {
  RETURN_IF_ERROR(CheckCategoryPath("filter.category_path", filter.category_path()));
  RETURN_IF_ERROR(CheckText("filter.brand", filter.brand(), 0, 256));
  if (!v1::ImageState_IsValid(filter.image_state())) {
    return absl::InvalidArgumentError("filter.image_state: is not one of ImageState");
  }
  if (!v1::VerdictKind_IsValid(filter.verdict())) {
    return absl::InvalidArgumentError("filter.verdict: is not one of VerdictKind");
  }
  const google::protobuf::Timestamp& time = filter.updated_after();
  if (time.seconds() < 0 || time.seconds() > kLastSecond || time.nanos() < 0 || time.nanos() > 999'999'999) {
    return absl::InvalidArgumentError("filter.updated_after: is no time of the years 1970 to 2261");
  }
  return absl::OkStatus();
}

std::string CleanText(string_view text, std::size_t most) {
  std::string clean;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = Utf8Length(text, i);
    if (clean.size() + std::max<std::size_t>(size, 1) > most) break;
    if (size == 0) {
      clean += '?';
      ++i;
    } else {
      clean.append(text.data() + i, size);
      i += size;
    }
  }
  return clean;
}

}  // namespace mannequin::store
