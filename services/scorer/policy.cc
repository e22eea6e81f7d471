#include "services/scorer/policy.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "services/scorer/quality_rules.h"
#include "spdlog/spdlog.h"

namespace mannequin {

// policies/*.textproto, by CMakeLists.txt.
const std::vector<EmbeddedFile>& PolicyFiles();

namespace {

// How a measure is shown, and the most that it can be.
struct Unit {
  v1::PolicyMeasure measure;
  const char* what;  // "%s" is the value
  enum { kShare, kCount, kPixels, kRatio, kBytes, kMegapixels } form;
};

constexpr Unit kUnits[] = {
    {v1::POLICY_MEASURE_WHITE_BACKGROUND, "%s of the border is white", Unit::kShare},
    {v1::POLICY_MEASURE_FRAME_SHARE, "the product takes %s of the frame", Unit::kShare},
    {v1::POLICY_MEASURE_OVERLAY, "text or a badge is laid over the picture with probability %s", Unit::kShare},
    {v1::POLICY_MEASURE_PRODUCTS, "products that stand apart: %s", Unit::kCount},
    {v1::POLICY_MEASURE_SHORTER_SIDE, "the shorter side has %s", Unit::kPixels},
    {v1::POLICY_MEASURE_LONGER_SIDE, "the longer side has %s", Unit::kPixels},
    {v1::POLICY_MEASURE_ASPECT, "width by height is %s", Unit::kRatio},
    {v1::POLICY_MEASURE_BYTES, "the file has %s", Unit::kBytes},
    {v1::POLICY_MEASURE_MEGAPIXELS, "the picture has %s", Unit::kMegapixels},
    {v1::POLICY_MEASURE_EDGE_SHARE, "the product touches %s of the frame's edge", Unit::kShare},
};

const Unit* UnitOf(v1::PolicyMeasure measure) {
  for (const Unit& unit : kUnits) {
    if (unit.measure == measure) return &unit;
  }
  return nullptr;
}

std::string Shown(const Unit& unit, double value) {
  switch (unit.form) {
    case Unit::kShare:
      return absl::StrFormat("%.4g %%", 100 * value);
    case Unit::kCount:
      return absl::StrFormat("%.0f", value);
    case Unit::kPixels:
      return absl::StrFormat("%.0f pixels", value);
    case Unit::kRatio:
      return absl::StrFormat("%.3g", value);
    case Unit::kBytes:
      return absl::StrFormat("%.0f bytes", value);
    case Unit::kMegapixels:
      return absl::StrFormat("%.3g megapixels", value);
  }
  return "";
}

absl::Status CheckRule(const v1::PolicyRule& rule) {
  if (rule.name().empty()) return absl::InvalidArgumentError("name: empty");
  if (rule.source().empty()) return absl::InvalidArgumentError("source: empty; say where the marketplace says so");
  if (!absl::StartsWith(rule.source(), "https://")) return absl::InvalidArgumentError("source: no https:// address");
  if (rule.measure() == v1::POLICY_MEASURE_FORMAT) {
    if (rule.formats().empty()) return absl::InvalidArgumentError("formats: empty");
    if (rule.has_at_least() || rule.has_at_most()) return absl::InvalidArgumentError("a format has no bound");
    return absl::OkStatus();
  }
  const Unit* unit = UnitOf(rule.measure());
  if (unit == nullptr) return absl::InvalidArgumentError("measure: not set");
  if (!rule.formats().empty()) return absl::InvalidArgumentError("formats: only of POLICY_MEASURE_FORMAT");
  if (!rule.has_at_least() && !rule.has_at_most()) return absl::InvalidArgumentError("neither at_least nor at_most");
  if (rule.has_at_least() && rule.has_at_most() && rule.at_least() > rule.at_most()) {
    return absl::InvalidArgumentError("at_least is over at_most");
  }
  const bool share = unit->form == Unit::kShare;
  for (const double bound : {rule.has_at_least() ? rule.at_least() : rule.at_most(),
                             rule.has_at_most() ? rule.at_most() : rule.at_least()}) {
    if (!(bound >= 0) || (share && bound > 1)) {
      return absl::InvalidArgumentError(share ? "a bound is not in 0 to 1" : "a bound is under 0");
    }
  }
  return absl::OkStatus();
}

// What allows them must be quoted: they are forbidden where nothing was found.
absl::Status CheckGeneratedImages(const v1::Policy& policy) {
  const std::string &quote = policy.generated_images_quote(), &source = policy.generated_images_source();
  if (quote.empty() != source.empty() || (policy.allows_generated_images() && quote.empty())) {
    return absl::InvalidArgumentError(absl::StrCat("generated_images_", quote.empty() ? "quote" : "source",
                                                   ": empty; say in which words the marketplace says so, and where"));
  }
  if (source.empty() || absl::StartsWith(source, "https://")) return absl::OkStatus();
  return absl::InvalidArgumentError("generated_images_source: no https:// address");
}

absl::Status CheckPolicy(const v1::Policy& policy, absl::string_view file) {
  if (policy.name().empty() || file != absl::StrCat(policy.name(), ".textproto")) {
    return absl::InvalidArgumentError(absl::StrCat("name: \"", policy.name(), "\" is not the file's"));
  }
  if (!absl::StartsWith(policy.version(), absl::StrCat(policy.name(), "-"))) {
    return absl::InvalidArgumentError(absl::StrCat("version: does not begin with \"", policy.name(), "-\""));
  }
  if (policy.title().empty()) return absl::InvalidArgumentError("title: empty");
  RETURN_IF_ERROR(CheckGeneratedImages(policy));
  if (policy.rules().empty()) return absl::InvalidArgumentError("rules: none");
  std::set<std::string> names;
  for (const v1::PolicyRule& rule : policy.rules()) {
    const absl::Status status = CheckRule(rule);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("rule \"", rule.name(), "\": ", status.message()));
    }
    if (!names.insert(rule.name()).second) {
      return absl::InvalidArgumentError(absl::StrCat("rule \"", rule.name(), "\": twice"));
    }
  }
  return absl::OkStatus();
}

// What a rule bounds, or why it cannot be had.
absl::StatusOr<double> Measured(v1::PolicyMeasure measure, const PictureMeasures& measures,
                                std::optional<double> overlay) {
  const std::optional<ShownProduct>& product = measures.backdrop.product;
  switch (measure) {
    case v1::POLICY_MEASURE_WHITE_BACKGROUND:
      return measures.backdrop.white;
    case v1::POLICY_MEASURE_SHORTER_SIDE:
      return std::min(measures.width, measures.height);
    case v1::POLICY_MEASURE_LONGER_SIDE:
      return std::max(measures.width, measures.height);
    case v1::POLICY_MEASURE_ASPECT:
      return static_cast<double>(measures.width) / measures.height;
    case v1::POLICY_MEASURE_BYTES:
      return static_cast<double>(measures.bytes);
    case v1::POLICY_MEASURE_MEGAPIXELS:
      return measures.width * static_cast<double>(measures.height) / 1e6;
    case v1::POLICY_MEASURE_OVERLAY:
      if (!overlay) return absl::UnavailableError("no network judged the overlay");
      return *overlay;
    default:
      break;
  }
  if (!product) return absl::UnavailableError("nothing stands out from a background of one colour");
  if (measure == v1::POLICY_MEASURE_FRAME_SHARE) return product->frame_share;
  if (measure == v1::POLICY_MEASURE_PRODUCTS) return product->count;
  return product->edge_share;
}

v1::PolicyFinding Finding(const v1::PolicyRule& rule, std::string detail) {
  v1::PolicyFinding finding;
  finding.set_rule(rule.name());
  finding.set_detail(std::move(detail));
  finding.set_source(rule.source());
  return finding;
}

}  // namespace

absl::StatusOr<std::vector<v1::Policy>> ParsePolicies(const std::vector<EmbeddedFile>& files) {
  std::vector<v1::Policy> policies;
  for (const EmbeddedFile& file : files) {
    v1::Policy& policy = policies.emplace_back();
    RETURN_IF_ERROR(ParseTextConfig(file.bytes, file.name, &policy));
    const absl::Status status = CheckPolicy(policy, file.name);
    if (!status.ok()) return absl::InvalidArgumentError(absl::StrCat(file.name, ": ", status.message()));
  }
  absl::c_sort(policies, [](const v1::Policy& a, const v1::Policy& b) { return a.name() < b.name(); });
  const auto twice =
      absl::c_adjacent_find(policies, [](const v1::Policy& a, const v1::Policy& b) { return a.name() == b.name(); });
  if (twice != policies.end()) return absl::InvalidArgumentError(absl::StrCat(twice->name(), ".textproto: twice"));
  return policies;
}

const std::vector<v1::Policy>& Policies() {
  static const auto& policies = *[] {
    absl::StatusOr<std::vector<v1::Policy>> parsed = ParsePolicies(PolicyFiles());
    if (!parsed.ok()) {
      spdlog::critical("policies: {}", std::string(parsed.status().message()));
      std::abort();
    }
    return new std::vector<v1::Policy>(*std::move(parsed));
  }();
  return policies;
}

absl::StatusOr<const v1::Policy*> PolicyNamed(absl::string_view name) {
  if (name.empty()) return nullptr;
  for (const v1::Policy& policy : Policies()) {
    if (policy.name() == name) return &policy;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "policy: \"", name.substr(0, 64), "\" is not known; there are ",
      absl::StrJoin(Policies(), ", ",
                    [](std::string* out, const v1::Policy& policy) { absl::StrAppend(out, policy.name()); })));
}

std::string RulesVersion(const v1::Policy* policy) {
  return policy == nullptr ? kRulesVersion : absl::StrCat(kRulesVersion, " ", policy->version());
}

PolicyOpinion JudgePolicy(const v1::Policy& policy, const PictureMeasures& measures, std::optional<double> overlay) {
  PolicyOpinion opinion;
  const auto raise = [&](v1::VerdictKind kind) { opinion.kind = std::max(opinion.kind, kind); };
  for (const v1::PolicyRule& rule : policy.rules()) {
    double probability = 1;
    if (rule.measure() == v1::POLICY_MEASURE_FORMAT) {
      if (absl::c_linear_search(rule.formats(), measures.media_type)) continue;
      opinion.findings.push_back(Finding(rule, absl::StrCat("the file is ", measures.media_type, "; it must be ",
                                                            absl::StrJoin(rule.formats(), ", "))));
    } else {
      const absl::StatusOr<double> measured = Measured(rule.measure(), measures, overlay);
      if (!measured.ok()) {
        opinion.unchecked.push_back(absl::StrCat("policy rule ", rule.name(), ": ", measured.status().message()));
        if (rule.required()) raise(v1::VERDICT_KIND_REVIEW);
        continue;
      }
      const bool under = rule.has_at_least() && *measured < rule.at_least();
      if (!under && !(rule.has_at_most() && *measured > rule.at_most())) continue;
      const Unit& unit = *UnitOf(rule.measure());
      const double bound = under ? rule.at_least() : rule.at_most();
      std::string what = unit.what;
      what.replace(what.find("%s"), 2, Shown(unit, *measured));
      v1::PolicyFinding finding =
          Finding(rule, absl::StrCat(what, "; ", under ? "at least " : "at most ", Shown(unit, bound),
                                     rule.required() ? " must be" : " should be"));
      finding.set_measured(*measured);
      finding.set_bound(bound);
      opinion.findings.push_back(std::move(finding));
      if (rule.measure() == v1::POLICY_MEASURE_OVERLAY) probability = *measured;
    }
    opinion.probability = std::max(opinion.probability, probability);
    raise(rule.required() ? v1::VERDICT_KIND_ABUSE : v1::VERDICT_KIND_REVIEW);
  }
  return opinion;
}

void AddPolicy(Opinion& opinion, const PolicyOpinion& judged) {
  v1::ReasonScore reason;
  reason.set_reason(v1::ABUSE_REASON_POLICY);
  reason.set_probability(judged.probability);
  reason.set_detail(absl::StrJoin(judged.findings, ", ", [](std::string* out, const v1::PolicyFinding& finding) {
    absl::StrAppend(out, finding.rule());
  }));
  AddReason(opinion, std::move(reason), judged.kind);
}

}  // namespace mannequin
