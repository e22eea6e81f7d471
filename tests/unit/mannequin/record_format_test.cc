#include "services/mannequin/ingest/record_format.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/mannequin/read_record.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

std::string Snap(absl::string_view line) { return ReadRecord("snap", line); }

TEST(SnapFormat, AWholeRecordBecomesAProduct) {
  EXPECT_EQ(
      Snap(
          R"({'asin': '0000031852', 'title': "Girls Ballet Tutu Zebra Hot Pink", 'price': 3.17, )"
          R"('imUrl': 'http://ecx.example/51.jpg', 'related': {'also_bought': ['B00JHONN1S', 'B002BZX8Z6'], )"
          R"('bought_together': ['B002BZX8Z6']}, 'salesRank': {'Toys & Games': 211836}, 'brand': 'Coxlures', )"
          R"('categories': [['Sports & Outdoors', 'Other Sports', 'Dance'], ['Clothing']], 'description': 'a\ttutu'})"),
      "0000031852|Girls Ballet Tutu Zebra Hot Pink|Coxlures|Sports & Outdoors>Other Sports>Dance|price=3.17|"
      "a\ttutu|http://ecx.example/51.jpg");
}

TEST(SnapFormat, EscapesInSeveralFieldsDoNotDisturbEachOther) {
  EXPECT_EQ(
      Snap(
          R"({'asin': 'B\x41', 'title': 'caf\xe9 \u20ac', 'brand': "L'Or\u00e9al", 'categories': [['\x41', '\x42']]})"),
      "BA|caf\xC3\xA9 \xE2\x82\xAC|L'Or\xC3\xA9\x61l|A>B|||");
}

TEST(SnapFormat, HtmlEntitiesStayAsTheyAre) {
  EXPECT_EQ(Snap("{'asin': 'A', 'title': 'Salt &amp; Pepper'}"), "A|Salt &amp; Pepper|||||");
}

TEST(SnapFormat, AKeyThatStandsTwiceTakesTheLaterValue) {
  EXPECT_EQ(Snap("{'asin': 'A', 'title': 'one', 'title': 'two', 'price': 1, 'price': 2, 'categories': [['x']], "
                 "'categories': [['y']]}"),
            "A|two||y|price=2||");
}

TEST(SnapFormat, NoneIsAbsentAndEmptyPartsAreDropped) {
  EXPECT_EQ(Snap("{'asin': 'A', 'title': 'T', 'brand': None, 'price': None, 'categories': [['', 'x', None]]}"),
            "A|T||x|||");
  EXPECT_EQ(Snap("{'asin': 'A', 'title': 'T', 'categories': []}"), "A|T|||||");
  EXPECT_EQ(Snap("{'asin': 'A', 'title': 'T', 'categories': [[]]}"), "A|T|||||");
  EXPECT_EQ(Snap("{'asin': 'A', 'title': 'T', 'categories': None}"), "A|T|||||");
}

TEST(SnapFormat, ATitleMayLackWhenThereIsACategory) {
  EXPECT_EQ(Snap("{'asin': 'A', 'categories': [['x']]}"), "A|||x|||");
  EXPECT_EQ(Snap("{'asin': 'A', 'categories': [['']]}"), "0: the record has neither a title nor a category");
}

TEST(SnapFormat, KeepsAttributesAndTheLaterOfTwo) {
  EXPECT_EQ(
      Snap("{'asin': 'A', 'title': 'T', 'price': 2, 'attributes': {'color': 'red', u'color': 'blue', 'size': None}}"),
      "A|T|||price=2,color=blue||");
  EXPECT_EQ(Snap("{'asin': 'A', 'title': 'T', 'attributes': ['red']}"),
            "43: attributes: expected a dict of strings, got a list");
}

TEST(SnapFormat, EachFaultOfARecordHasItsOwnWords) {
  EXPECT_EQ(Snap("{'title': 'T'}"), "0: the record has no id (SNAP: \"asin\")");
  EXPECT_EQ(Snap("{}"), "0: the record has no id (SNAP: \"asin\")");
  EXPECT_EQ(Snap("{'asin': 'A', 'title': 'T', 'price': 'abc'}"), "38: price: expected a number, got \"abc\"");
  EXPECT_EQ(Snap("{'asin': 'A', 'title': 'T', 'price': True}"), "38: price: expected a number, got True");
  EXPECT_EQ(Snap("{'asin': 12, 'title': 'T'}"), "10: asin: expected a string, got 12");
  EXPECT_EQ(Snap("{'asin': 'A', 'title': ['T']}"), "24: title: expected a string, got a list");
  EXPECT_EQ(Snap("{'asin': 'A', 'categories': 'x'}"), "29: categories: expected a list of paths, got \"x\"");
  EXPECT_EQ(Snap("{'asin': 'A', 'categories': ['x']}"),
            "30: categories: expected a list of paths, each a list of strings, got \"x\"");
  EXPECT_EQ(Snap("{'asin': 'A', 'categories': [['x', 1]]}"), "36: categories: expected a string, got 1");
  EXPECT_EQ(Snap("['asin']"), "1: record: expected a dict, got a list");
  EXPECT_EQ(Snap("{1: 'A'}"), "2: expected a string, got 1");
  EXPECT_EQ(Snap("{'asin': 'A'} x"), "15: text after the record");
  EXPECT_EQ(Snap("{'asin': 'A', 'related': {'x': [1, 2}}"), "37: expected \",\" or \"]\", got }");
  EXPECT_EQ(Snap("{'asin': 'A\\n', 'title': 'T'}"), "0: id: a control character");
}

TEST(SnapFormat, SkippedValuesCountTheirDepthFromTheRecord) {
  const auto nested = [](int depth) {
    return absl::StrCat("{'asin': 'A', 'title': 'T', 'x': ", std::string(depth, '['), std::string(depth, ']'), "}");
  };
  EXPECT_EQ(Snap(nested(63)), "A|T|||||");
  EXPECT_THAT(Snap(nested(64)), HasSubstr("more than 64 nested containers"));
}

TEST(RecordFormat, EachBoundOfAProductIsNamed) {
  const auto with = [](absl::string_view field, absl::string_view value) {
    return Snap(absl::StrCat("{'asin': 'A', 'title': 'T', '", field, "': ", value, "}"));
  };
  const auto text = [](size_t bytes) { return absl::StrCat("'", std::string(bytes, 'x'), "'"); };
  EXPECT_THAT(with("asin", text(128)), HasSubstr("xxx|T"));
  EXPECT_EQ(with("asin", text(129)), "0: id: 129 bytes, at most 128 are kept");
  EXPECT_EQ(with("title", text(4097)), "0: title: 4097 bytes, at most 4096 are kept");
  EXPECT_EQ(with("brand", text(257)), "0: brand: 257 bytes, at most 256 are kept");
  EXPECT_EQ(with("description", text(65537)), "0: description: 65537 bytes, at most 65536 are kept");
  EXPECT_EQ(with("imUrl", text(2049)), "0: image_url: 2049 bytes, at most 2048 are kept");
  EXPECT_EQ(with("price", std::string(257, '1')), "0: price: 257 bytes, at most 256 are kept");
  EXPECT_EQ(with("categories", absl::StrCat("[[", text(257), "]]")),
            "0: category_path: 257 bytes, at most 256 are kept");
  std::string path = "[['x'";
  for (int i = 0; i < 16; ++i) absl::StrAppend(&path, ", 'x'");
  EXPECT_EQ(with("categories", path + "]]"), "0: category_path: 17 parts, at most 16 are kept");
}

TEST(RecordFormat, AnUnknownNameListsTheKnownOnes) {
  const absl::Status status = NewRecordFormat("xml").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("jsonl, snap"));
}

}  // namespace
}  // namespace mannequin
