#include "services/mannequin/evidence_view.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace mannequin {
namespace {

const char* KindName(v1::EvidenceKind kind) { return kind == v1::EVIDENCE_KIND_PICTURE ? "picture" : "text"; }

}  // namespace

std::string EvidenceText(const v1::Verdict& verdict, absl::string_view indent) {
  std::string text;
  const v1::Sight& sight = verdict.sight();
  std::vector<std::string> seen;
  if (!sight.category().empty()) {
    seen.push_back(absl::StrFormat("%s (%.2f)", sight.category(), sight.category_probability()));
  }
  if (!sight.color().empty()) seen.push_back(absl::StrFormat("%s (%.2f)", sight.color(), sight.color_probability()));
  if (!seen.empty()) absl::StrAppend(&text, indent, "looks like ", absl::StrJoin(seen, ", "), "\n");
  for (const v1::EvidenceProduct& product : verdict.evidence()) {
    absl::StrAppend(&text, indent,
                    absl::StrFormat("near by %-7s %.2f  %s  %s\n", KindName(product.kind()), product.similarity(),
                                    product.product_id(), product.title()));
  }
  for (const std::string& why : verdict.degraded()) absl::StrAppend(&text, indent, "not said: ", why, "\n");
  return text;
}

void AddEvidenceJson(const v1::Verdict& verdict, nlohmann::json& line) {
  if (verdict.has_sight()) {
    const v1::Sight& sight = verdict.sight();
    line["looks_like"] = {{"category", sight.category()}, {"category_probability", sight.category_probability()}};
    if (!sight.color().empty()) {
      line["looks_like"]["color"] = sight.color();
      line["looks_like"]["color_probability"] = sight.color_probability();
    }
  }
  for (const v1::EvidenceProduct& product : verdict.evidence()) {
    line["evidence"].push_back(
        {{"product_id", product.product_id()},
         {"title", product.title()},
         {"category_path", std::vector<std::string>(product.category_path().begin(), product.category_path().end())},
         {"by", KindName(product.kind())},
         {"similarity", product.similarity()}});
  }
  for (const std::string& why : verdict.degraded()) line["degraded"].push_back(why);
}

}  // namespace mannequin
