#include "services/scorer/policy.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

constexpr char kShop[] = R"(
name: "shop" version: "shop-1" title: "Shop"
rules { name: "white" measure: POLICY_MEASURE_WHITE_BACKGROUND at_least: 0.95 required: true source: "https://s/w" }
rules { name: "share" measure: POLICY_MEASURE_FRAME_SHARE at_least: 0.75 at_most: 0.9 source: "https://s/f" }
rules { name: "text" measure: POLICY_MEASURE_OVERLAY at_most: 0.5 required: true source: "https://s/t" }
rules { name: "format" measure: POLICY_MEASURE_FORMAT formats: "image/jpeg" formats: "image/png" source: "https://s/m" }
)";

absl::StatusOr<std::vector<v1::Policy>> Parsed(const std::string& text, const char* name = "shop.textproto") {
  return ParsePolicies({{name, text}});
}

v1::Policy Shop() { return Parsed(kShop).value()[0]; }

// Keeps every rule of the shop.
PictureMeasures Kept() {
  PictureMeasures measures;
  measures.width = 1200;
  measures.height = 1000;
  measures.bytes = 100'000;
  measures.media_type = "image/jpeg";
  measures.backdrop.white = 1;
  measures.backdrop.product.emplace();
  measures.backdrop.product->frame_share = 0.8;
  return measures;
}

// "ABUSE 1 white share": kind, probability and the broken rules.
std::string Render(const PolicyOpinion& opinion) {
  std::string text = absl::StrCat(v1::VerdictKind_Name(opinion.kind).substr(13), " ", opinion.probability);
  for (const v1::PolicyFinding& finding : opinion.findings) absl::StrAppend(&text, " ", finding.rule());
  return text;
}

TEST(Policy, APictureThatKeepsTheRulesIsClean) { EXPECT_EQ(Render(JudgePolicy(Shop(), Kept(), 0.1)), "CLEAN 0"); }

TEST(Policy, AFindingSaysWhatWasMeasuredItsBoundAndWhereTheMarketplaceSaysSo) {
  PictureMeasures measures = Kept();
  measures.backdrop.white = 0.41;
  const PolicyOpinion opinion = JudgePolicy(Shop(), measures, 0.1);
  EXPECT_EQ(Render(opinion), "ABUSE 1 white");
  EXPECT_EQ(opinion.findings[0].detail(), "41 % of the border is white; at least 95 % must be");
  EXPECT_EQ(opinion.findings[0].measured(), 0.41);
  EXPECT_EQ(opinion.findings[0].bound(), 0.95);
  EXPECT_EQ(opinion.findings[0].source(), "https://s/w");
}

TEST(Policy, ARuleThatIsNotRequiredMakesReview) {
  PictureMeasures measures = Kept();
  measures.backdrop.product->frame_share = 0.95;
  PolicyOpinion opinion = JudgePolicy(Shop(), measures, 0.1);
  EXPECT_EQ(Render(opinion), "REVIEW 1 share");
  EXPECT_EQ(opinion.findings[0].detail(), "the product takes 95 % of the frame; at most 90 % should be");
  measures.backdrop.product->frame_share = 0.5;
  EXPECT_EQ(JudgePolicy(Shop(), measures, 0.1).findings[0].bound(), 0.75);
}

TEST(Policy, AnOverlayBreaksItsRuleWithItsOwnProbability) {
  EXPECT_EQ(Render(JudgePolicy(Shop(), Kept(), 0.875)), "ABUSE 0.875 text");
}

TEST(Policy, AnotherFormatIsNamedWithThoseThatAreTaken) {
  PictureMeasures measures = Kept();
  measures.media_type = "image/gif";
  const PolicyOpinion opinion = JudgePolicy(Shop(), measures, 0.1);
  EXPECT_EQ(Render(opinion), "REVIEW 1 format");
  EXPECT_EQ(opinion.findings[0].detail(), "the file is image/gif; it must be image/jpeg, image/png");
}

TEST(Policy, WhatCannotBeCheckedIsSaidAndARequiredRuleIsThenForAPerson) {
  PictureMeasures measures = Kept();
  measures.backdrop.product.reset();
  PolicyOpinion opinion = JudgePolicy(Shop(), measures, 0.1);
  EXPECT_EQ(Render(opinion), "CLEAN 0");
  EXPECT_EQ(absl::StrJoin(opinion.unchecked, "|"),
            "policy rule share: nothing stands out from a background of one colour");
  opinion = JudgePolicy(Shop(), Kept(), std::nullopt);
  EXPECT_EQ(Render(opinion), "REVIEW 0");
  EXPECT_EQ(absl::StrJoin(opinion.unchecked, "|"), "policy rule text: no network judged the overlay");
}

TEST(Policy, TheReasonTakesItsPlaceAndNamesTheRules) {
  PictureMeasures measures = Kept();
  measures.backdrop.white = 0;
  measures.media_type = "image/gif";
  Opinion opinion;
  AddPolicy(opinion, JudgePolicy(Shop(), measures, 0.1));
  EXPECT_EQ(opinion.kind, v1::VERDICT_KIND_ABUSE);
  ASSERT_EQ(opinion.reasons.size(), 1u);
  EXPECT_EQ(opinion.reasons[0].reason(), v1::ABUSE_REASON_POLICY);
  EXPECT_EQ(opinion.reasons[0].detail(), "white, format");
}

TEST(Policy, TheProgramsOwnAreSoundAndHaveTheirNames) {
  std::vector<std::string> names;
  for (const v1::Policy& policy : Policies()) names.push_back(policy.name());
  EXPECT_EQ(names, (std::vector<std::string>{"amazon", "coupang", "google_merchant", "naver"}));
}

TEST(Policy, GeneratedImagesMayGoOnlyWhereTheMarketplacesOwnWordsAllowThem) {
  std::vector<std::string> allowed;
  for (const v1::Policy& policy : Policies()) {
    if (!policy.allows_generated_images()) continue;
    allowed.push_back(policy.name());
    EXPECT_FALSE(policy.generated_images_quote().empty());
    EXPECT_FALSE(policy.generated_images_source().empty());
  }
  EXPECT_EQ(allowed, std::vector<std::string>{"google_merchant"});
}

TEST(Policy, IsFoundByNameAndAnUnknownOneNamesThoseThatThereAre) {
  EXPECT_EQ(PolicyNamed("").value(), nullptr);
  EXPECT_EQ(PolicyNamed("amazon").value()->name(), "amazon");
  const absl::Status status = PolicyNamed("ebay").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "policy: \"ebay\" is not known; there are amazon, coupang, google_merchant, naver");
}

TEST(Policy, TheRulesVersionNamesThePolicys) {
  const v1::Policy shop = Shop();
  EXPECT_EQ(RulesVersion(nullptr), "rules-1");
  EXPECT_EQ(RulesVersion(&shop), "rules-1 shop-1");
}

TEST(Policy, AmazonTakesAWhitePictureAndNamesAllThatASmallGreyOneBreaks) {
  const v1::Policy& amazon = **PolicyNamed("amazon");
  PictureMeasures measures = Kept();
  measures.backdrop.product->frame_share = 0.9;
  EXPECT_EQ(Render(JudgePolicy(amazon, measures, 0.01)), "CLEAN 0");
  measures.width = measures.height = 300;
  measures.backdrop.white = 0;
  measures.backdrop.product->count = 3;
  EXPECT_EQ(Render(JudgePolicy(amazon, measures, 0.01)), "ABUSE 1 white_background single_product size zoom");
}

TEST(ParsePolicies, RefusesABrokenFileAndNamesTheFault) {
  const auto fault = [](const std::string& text, const char* name = "shop.textproto") {
    const absl::Status status = Parsed(text, name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(status.message());
  };
  const std::string head = "name: \"shop\" version: \"shop-1\" title: \"Shop\" ";
  const auto rule = [&](const std::string& fields) { return head + "rules { name: \"r\" " + fields + " }"; };
  const std::string source = " source: \"https://s\"";
  EXPECT_TRUE(absl::StartsWith(fault("nme: 1"), "shop.textproto:1:")) << fault("nme: 1");
  EXPECT_EQ(fault(kShop, "other.textproto"), "other.textproto: name: \"shop\" is not the file's");
  EXPECT_EQ(fault("name: \"shop\" version: \"1\""), "shop.textproto: version: does not begin with \"shop-\"");
  EXPECT_EQ(fault(head), "shop.textproto: rules: none");
  const std::string say = ": empty; say in which words the marketplace says so, and where";
  EXPECT_EQ(fault(head + "allows_generated_images: true"), "shop.textproto: generated_images_quote" + say);
  EXPECT_EQ(fault(head + "generated_images_quote: \"no\""), "shop.textproto: generated_images_source" + say);
  EXPECT_EQ(fault(head + "generated_images_quote: \"no\" generated_images_source: \"a book\""),
            "shop.textproto: generated_images_source: no https:// address");
  EXPECT_EQ(fault(rule("measure: POLICY_MEASURE_BYTES at_most: 1")),
            "shop.textproto: rule \"r\": source: empty; say where the marketplace says so");
  EXPECT_EQ(fault(rule("measure: POLICY_MEASURE_BYTES at_most: 1 source: \"a book\"")),
            "shop.textproto: rule \"r\": source: no https:// address");
  EXPECT_EQ(fault(rule("measure: POLICY_MEASURE_BYTES" + source)),
            "shop.textproto: rule \"r\": neither at_least nor at_most");
  EXPECT_EQ(fault(rule("at_most: 1" + source)), "shop.textproto: rule \"r\": measure: not set");
  EXPECT_EQ(fault(rule("measure: POLICY_MEASURE_FRAME_SHARE at_least: 85" + source)),
            "shop.textproto: rule \"r\": a bound is not in 0 to 1");
  EXPECT_EQ(fault(rule("measure: POLICY_MEASURE_ASPECT at_least: 2 at_most: 1" + source)),
            "shop.textproto: rule \"r\": at_least is over at_most");
  EXPECT_EQ(fault(rule("measure: POLICY_MEASURE_FORMAT" + source)), "shop.textproto: rule \"r\": formats: empty");
  EXPECT_EQ(fault(rule("measure: POLICY_MEASURE_BYTES at_most: 1 formats: \"image/png\"" + source)),
            "shop.textproto: rule \"r\": formats: only of POLICY_MEASURE_FORMAT");
  const std::string whole = "rules { name: \"r\" measure: POLICY_MEASURE_BYTES at_most: 1" + source + " }";
  EXPECT_EQ(fault(head + whole + whole), "shop.textproto: rule \"r\": twice");
  EXPECT_EQ(ParsePolicies({{"shop.textproto", kShop}, {"shop.textproto", kShop}}).status().message(),
            "shop.textproto: twice");
}

}  // namespace
}  // namespace mannequin
