#include "services/mannequin/ingest/merchant_format.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/mannequin/ingest/format_detection.h"
#include "services/mannequin/ingest/merchant_cell.h"
#include "tests/unit/mannequin/read_record.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

// "|" stands for a tab.
std::string Tabs(absl::string_view text) { return absl::StrReplaceAll(text, {{"|", "\t"}}); }

// What a feed of this header makes of a line, or why the header is none.
std::string Read(absl::string_view header, absl::string_view line) {
  MerchantFormat format;
  RecordError error;
  if (!format.ReadHeader(Tabs(header), &error)) return absl::StrCat(error.column, ": ", error.what);
  return ReadRecord(format, Tabs(line));
}

// Of a feed with a product_type and nothing else.
std::string PathOf(absl::string_view cell) { return Read("id|product_type", absl::StrCat("A|", cell)); }

std::string WrittenAndRead(absl::string_view text) {
  std::string cell, read;
  AppendCell(text, &cell);
  EXPECT_EQ(cell.find_first_of("\t\n\r"), std::string::npos);
  ReadCell(cell, &read);
  return read;
}

TEST(MerchantFormat, AWholeLineBecomesAProduct) {
  EXPECT_EQ(
      Read("id|title|description|link|image_link|additional_image_link|brand|google_product_category|"
           "product_type|color|gender|size|price|gtin|availability",
           "A-17|Men&#39;s Red &amp; Black Shirt|<p>Soft.</p> Warm.|https://x/p|https://x/1.jpg|"
           "https://x/2.jpg,https://x/3.jpg|Acme|212|Apparel > Men > Shirts|Red/Black|male|M|12.99 EUR||in_stock"),
      "A-17|Men's Red & Black Shirt|Acme|Apparel>Men>Shirts|"
      "color=Red/Black,gender=male,size=M,price=12.99 EUR,availability=in_stock,google_product_category=212|"
      "Soft.\nWarm.|https://x/1.jpg");
}

TEST(MerchantFormat, ColumnsAreNamedInAnySpelling) {
  EXPECT_EQ(Read("ID|Title|g:image link|G:Age Group| Custom Label 0 ", "A|T|u|adult|x"),
            "A|T|||age_group=adult,custom_label_0=x||u");
  EXPECT_EQ(Read("\"id\"|\"title\"", "A|T"), "A|T|||||");
}

TEST(MerchantFormat, AHeaderThatIsNoneSaysWhy) {
  EXPECT_THAT(Read("title", ""), HasSubstr("0: header: one column only"));
  EXPECT_EQ(Read("title|price", ""), "0: header: no column \"id\"");
  EXPECT_EQ(Read("id|price", ""), "0: header: no column \"title\", \"product_type\" or \"google_product_category\"");
  EXPECT_EQ(Read("id|title|ID", ""), "10: header: id stands twice");
  EXPECT_THAT(Read("id|title||price", ""), HasSubstr("10: header: \"\" is no column's name"));
  EXPECT_THAT(Read("id|title|{\"a\": 1}", ""), HasSubstr("is no column's name"));
  EXPECT_THAT(Read("A1|title|https://x/1.jpg", ""), HasSubstr("is no column's name"));
  EXPECT_EQ(Read("id|title|caf\xE9", ""), "13: invalid UTF-8");
}

TEST(MerchantFormat, ALineOfAnotherNumberOfCellsIsRefused) {
  EXPECT_EQ(Read("id|title|brand", "A|T"), "0: 2 cells, the header has 3 columns: was the line cut?");
  EXPECT_EQ(Read("id|title", "A|T|x"), "0: 3 cells, the header has 2 columns: is there a tab inside a value?");
  EXPECT_EQ(Read("id|title", "|T"), "0: id: empty; every product needs one");
  EXPECT_EQ(Read("id|title", "A|"), "0: the record has neither a title nor a category");
  EXPECT_EQ(Read("id|title", "A|caf\xE9"), "6: invalid UTF-8");
}

TEST(MerchantFormat, QuotedCellsLoseTheirQuotes) {
  EXPECT_EQ(Read("id|title", "A|\"7\"\" Tablet, black\""), "A|7\" Tablet, black|||||");
  EXPECT_EQ(Read("id|title", "A|\"Best\" Shirt of \"All\""), "A|\"Best\" Shirt of \"All\"|||||");
  EXPECT_EQ(Read("id|title", "A|\""), "A|\"|||||");
}

TEST(MerchantFormat, OfSeveralPathsTheFirstIsTaken) {
  EXPECT_EQ(PathOf("Home > Women > Dresses, Home > Sale"), "A|||Home>Women>Dresses|||");
  EXPECT_EQ(PathOf("Shirts, Tops"), "A|||Shirts|||");
  EXPECT_EQ(PathOf("Clothing, Shoes &amp; Jewelry > Women"), "A|||Clothing, Shoes & Jewelry>Women|||");
  EXPECT_EQ(PathOf("Home &gt; Women>Dresses"), "A|||Home>Women>Dresses|||");
  EXPECT_EQ(PathOf(" > Home >  > "), "A|||Home|||");
  EXPECT_EQ(PathOf("a&#62;b &#44; c > d"), "A|||a>b , c>d|||");
}

TEST(MerchantFormat, GooglesCategoryIsThePathOnlyInWordsAndAlone) {
  EXPECT_EQ(Read("id|google_product_category", "A|Apparel & Accessories > Shoes"),
            "A|||Apparel & Accessories>Shoes|||");
  EXPECT_EQ(Read("id|title|google product category", "A|T|187"), "A|T|||google_product_category=187||");
  EXPECT_EQ(Read("id|google_product_category|product_type", "A|Shoes|Boots"),
            "A|||Boots|google_product_category=Shoes||");
}

TEST(MerchantFormat, WhatDoesNotFitAnAttributeIsLeftOut) {
  EXPECT_EQ(Read("id|title|color|" + std::string(65, 'n'), absl::StrCat("A|T|", std::string(257, 'x'), "|x")),
            "A|T|||||");
  std::string header = "id|title", line = "A|T";
  for (int i = 0; i < 70; ++i) {
    absl::StrAppend(&header, "|c", i);
    absl::StrAppend(&line, "|", i);
  }
  EXPECT_THAT(Read(header, line), HasSubstr(",c63=63||"));
}

TEST(MerchantFormat, AnExportIsTakenAsItIs) {
  EXPECT_EQ(
      Read("id|title|description|brand|product_type|color|mannequin:sleeve length|mannequin_derived|mannequin_order",
           "A|&#32;a  b&#32;|<b>x</b>|&quot;B\"|a&#62;b > &#32;c&#44;|red|long|color|sleeve length,color"),
      "A| a  b |\"B\"|a>b> c,|sleeve length=long,~color=red|<b>x</b>|");
  EXPECT_EQ(Read("id|title|color|mannequin_derived", "A|T|red|size"),
            "0: mannequin_derived: the product has no attribute \"size\"");
  EXPECT_EQ(Read("id|title|color|mannequin_derived|mannequin_order", "A|T|red||color,color"),
            "0: mannequin_order: the product has no other attribute \"color\"");
}

TEST(MerchantFormat, OnlyAnExportDerivesNothing) {
  MerchantFormat feed, exported;
  RecordError error;
  ASSERT_TRUE(feed.ReadHeader("id\ttitle", &error));
  ASSERT_TRUE(exported.ReadHeader("id\ttitle\tmannequin_derived", &error));
  EXPECT_TRUE(feed.Clone()->DerivesAttributes());
  EXPECT_FALSE(exported.Clone()->DerivesAttributes());
}

TEST(MerchantFormat, AFeedIsFoundByItsHeader) {
  const std::string text = Tabs("\n\nid|title|color\n\nA|T|red\n");
  const absl::StatusOr<DetectedFormat> found = DetectFormat(text, {.catalog = "feed"});
  ASSERT_EQ(found.status(), absl::OkStatus());
  ASSERT_NE(found->format, nullptr);
  EXPECT_EQ(found->format->name(), "merchant");
  EXPECT_EQ(found->header_lines, 3);
  EXPECT_EQ(text.substr(found->header_bytes), "\nA\tT\tred\n");
  EXPECT_EQ(ReadRecord(*found->format->Clone(), "A\tT\tred"), "A|T|||color=red||");

  const absl::StatusOr<DetectedFormat> forced = DetectFormat("\nA\tT\n", {.catalog = "feed", .format = "merchant"});
  EXPECT_EQ(forced.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(forced.status().message()), "feed:2: header: no column \"id\"");
}

TEST(MerchantCell, AnyTextIsReadBackAsItWasWritten) {
  for (const absl::string_view text : {"",
                                       "plain",
                                       " ",
                                       "   ",
                                       " a ",
                                       "\t",
                                       "\n",
                                       "\r\n",
                                       "\"",
                                       "\"a\"",
                                       "\"\"",
                                       "a\"b",
                                       "&",
                                       "&amp;",
                                       "&amp;amp;",
                                       "&#10;",
                                       "&#x41;",
                                       "&unknown;",
                                       "&am\t;",
                                       "&#3\t",
                                       "&gt;",
                                       "a > b",
                                       "a, b",
                                       "\xF0\x9F\x98\x80",
                                       "\xC2\xA0x\xC2\xA0",
                                       "\v",
                                       "a\tb\nc\rd",
                                       "& ",
                                       " &",
                                       "&quot;",
                                       "\"&quot;\""}) {
    EXPECT_EQ(WrittenAndRead(text), text);
  }
  EXPECT_EQ(WrittenAndRead(std::string("nul \0 inside", 12)), std::string("nul \0 inside", 12));
}

TEST(MerchantCell, AnAmpersandIsEscapedOnlyWhereItWouldBeDecoded) {
  std::string cell;
  AppendCell("AT&T, Salt & Pepper &amp; &x;", &cell);
  EXPECT_EQ(cell, "AT&T, Salt & Pepper &amp;amp; &x;");
}

TEST(MerchantCell, APathIsReadBackAsItWasWritten) {
  const std::vector<std::string> parts = {"a > b", "c, d", "&gt;", "\"e\"", " f ", "&#62;", "g&gt;h,\ti", ">", ","};
  std::string path;
  for (const std::string& part : parts) {
    if (!path.empty()) path += " > ";
    AppendPart(part, &path);
  }
  std::vector<std::string> read;
  ForEachPartOfPath(path, [&read](absl::string_view part) { ReadCell(part, &read.emplace_back()); });
  EXPECT_EQ(read, parts);
}

}  // namespace
}  // namespace mannequin
