#include "services/mannequin/ingest/format_detection.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/mannequin/read_record.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

constexpr absl::string_view kAsinAndTitle = R"({"asin": "A", "title": "T"})";
constexpr absl::string_view kSnap = "{'asin': 'A', 'title': 'T', 'categories': [['x']]}";
constexpr absl::string_view kSnapThatIsJson =
    R"({"asin": "A", "title": "T", "imUrl": "http://x/1.jpg", "categories": [["x", "y"]], "salesRank": {"x": 1}})";
constexpr absl::string_view k2018 =
    R"({"category": ["x"], "description": ["d"], "title": "T", "also_buy": [], "asin": "A", "imageURL": []})";
constexpr absl::string_view k2023 =
    R"({"main_category": "x", "title": "T", "features": [], "images": [], "categories": ["x"], "parent_asin": "A"})";
constexpr absl::string_view kJsonl = R"({"id": "A", "title": "T"})";

// The format's name, the error's words, or "" for a text of blank lines.
std::string Detect(absl::string_view text, absl::string_view forced = "") {
  const absl::StatusOr<DetectedFormat> found = DetectFormat(text, {.catalog = "c", .format = forced});
  if (!found.ok()) return absl::StrCat(absl::StatusCodeToString(found.status().code()), ": ", found.status().message());
  return found->format == nullptr ? "" : std::string(found->format->name());
}

TEST(FormatDetection, EachFormatIsFoundByItsFirstRecord) {
  EXPECT_EQ(Detect(kSnap), "snap");
  EXPECT_EQ(Detect(kSnapThatIsJson), "snap");
  EXPECT_EQ(Detect(k2018), "amazon-2018");
  EXPECT_EQ(Detect(k2023), "amazon-2023");
  EXPECT_EQ(Detect(kJsonl), "jsonl");
}

TEST(FormatDetection, ALineOfTwoFormatsLeavesTheChoiceToALaterOne) {
  EXPECT_EQ(Detect(absl::StrCat(kAsinAndTitle, "\n", kAsinAndTitle, "\n", k2018)), "amazon-2018");
  EXPECT_EQ(Detect(absl::StrCat(kAsinAndTitle, "\n", kSnapThatIsJson)), "snap");
  EXPECT_EQ(Detect(absl::StrCat(kAsinAndTitle, "\n", kAsinAndTitle)), "snap");
}

TEST(FormatDetection, ABadRecordOfOneFormatIsNotTakenForAnother) {
  // Good as amazon-2018, which knows neither imUrl nor a price of words.
  EXPECT_EQ(Detect(absl::StrCat(R"({"asin": "A", "title": "T", "imUrl": "u", "price": "?"})", "\n", kSnapThatIsJson)),
            "snap");
  // Good as snap, which knows no category.
  EXPECT_EQ(Detect(absl::StrCat(R"({"asin": "A", "title": "T", "category": 1})", "\n", k2018)), "amazon-2018");
}

TEST(FormatDetection, ATextThatLooksLikeAKeyIsNone) {
  EXPECT_EQ(Detect(R"({"asin": "A", "title": "say \"category\": x", "imUrl": "http://x"})"), "snap");
}

TEST(FormatDetection, BadAndBlankLinesBeforeTheFirstRecordDoNotHideIt) {
  EXPECT_EQ(Detect(absl::StrCat("garbage\n\n{\"parent_asin\": 1}\n", k2023)), "amazon-2023");
  EXPECT_EQ(Detect("\n  \n\r\n"), "");
  EXPECT_EQ(Detect(""), "");
}

TEST(FormatDetection, WithoutAProductTheFirstFaultInEachFormatIsSaid) {
  const std::string message = Detect("\n<html>\n<p>");
  EXPECT_THAT(message, HasSubstr("INVALID_ARGUMENT: no line of c is a product in a known format (jsonl, snap, "));
  EXPECT_THAT(message, HasSubstr("c:2:1: record: expected a JSON object, got <html> (read as jsonl)"));
  EXPECT_THAT(message, HasSubstr("c:2:1: record: expected a dict, got < (read as snap)"));
  EXPECT_THAT(message, HasSubstr("(read as amazon-2018)"));
  EXPECT_THAT(message, HasSubstr("(read as amazon-2023)"));
}

TEST(FormatDetection, ReviewsAreNotProducts) {
  EXPECT_THAT(Detect(R"({"overall": 5.0, "reviewerID": "R", "asin": "A", "reviewText": "good", "summary": "s"})"),
              HasSubstr("reviewerID: this is a review"));
  EXPECT_THAT(Detect(R"({"rating": 5.0, "title": "Nice", "text": "t", "images": [], "asin": "A", "parent_asin": "P",)"
                     R"( "user_id": "U"})"),
              HasSubstr("user_id: this is a review"));
}

TEST(FormatDetection, AForcedFormatIsNotQuestioned) {
  EXPECT_EQ(Detect(k2018, "snap"), "snap");
  EXPECT_EQ(Detect("garbage", "jsonl"), "jsonl");
  EXPECT_THAT(Detect(k2018, "xml"), HasSubstr("INVALID_ARGUMENT: unknown catalogue format \"xml\"; known: jsonl"));
}

TEST(FormatDetection, ACloneReadsTheSameOnItsOwn) {
  const absl::StatusOr<DetectedFormat> found = DetectFormat(k2018, {.catalog = "c"});
  ASSERT_EQ(found.status(), absl::OkStatus());
  const std::unique_ptr<RecordFormat> clone = found->format->Clone();
  EXPECT_EQ(clone->name(), "amazon-2018");
  EXPECT_EQ(ReadRecord(*clone, k2018), "A|T||x||d|");
  EXPECT_EQ(ReadRecord(*found->format, k2018), "A|T||x||d|");
}

}  // namespace
}  // namespace mannequin
