#include "services/mannequin/evidence_view.h"

#include "gtest/gtest.h"

namespace mannequin {
namespace {

v1::Verdict Mismatch() {
  v1::Verdict verdict;
  verdict.mutable_sight()->set_category("Watches");
  verdict.mutable_sight()->set_category_probability(0.971);
  verdict.mutable_sight()->set_color("black");
  verdict.mutable_sight()->set_color_probability(0.5);
  v1::EvidenceProduct& picture = *verdict.add_evidence();
  picture.set_product_id("P7");
  picture.set_title("Acme watch");
  picture.add_category_path("Accessories");
  picture.set_kind(v1::EVIDENCE_KIND_PICTURE);
  picture.set_similarity(0.934);
  v1::EvidenceProduct& text = *verdict.add_evidence();
  text = picture;
  text.set_kind(v1::EVIDENCE_KIND_TEXT);
  verdict.add_degraded("evidence by text: it is away");
  return verdict;
}

TEST(EvidenceView, IsALineForWhatIsSeenForEachProductAndForWhatIsNotSaid) {
  EXPECT_EQ(EvidenceText(Mismatch(), "  "),
            "  looks like Watches (0.97), black (0.50)\n"
            "  near by picture 0.93  P7  Acme watch\n"
            "  near by text    0.93  P7  Acme watch\n"
            "  not said: evidence by text: it is away\n");
}

TEST(EvidenceView, IsNothingWhereThereIsNothing) {
  EXPECT_EQ(EvidenceText({}, "  "), "");
  nlohmann::json line = {{"id", "p"}};
  AddEvidenceJson({}, line);
  EXPECT_EQ(line.dump(), R"({"id":"p"})");
}

TEST(EvidenceView, JsonHasTheSame) {
  nlohmann::json line = nlohmann::json::object();
  AddEvidenceJson(Mismatch(), line);
  EXPECT_EQ(line["looks_like"]["category"], "Watches");
  EXPECT_EQ(line["looks_like"]["color_probability"], 0.5);
  ASSERT_EQ(line["evidence"].size(), 2U);
  EXPECT_EQ(line["evidence"][0]["by"], "picture");
  EXPECT_EQ(line["evidence"][1]["by"], "text");
  EXPECT_EQ(line["evidence"][1]["product_id"], "P7");
  EXPECT_EQ(line["evidence"][1]["category_path"][0], "Accessories");
  EXPECT_EQ(line["degraded"][0], "evidence by text: it is away");
}

}  // namespace
}  // namespace mannequin
