// amazon-2018 and amazon-2023.
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/mannequin/read_record.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

std::string Of2018(absl::string_view line) { return ReadRecord("amazon-2018", line); }
std::string Of2023(absl::string_view line) { return ReadRecord("amazon-2023", line); }

// A record with an id and a title beside `fields`.
std::string With2018(absl::string_view fields) {
  return Of2018(absl::StrCat(R"({"asin": "A", "title": "T", )", fields, "}"));
}
std::string With2023(absl::string_view fields) {
  return Of2023(absl::StrCat(R"({"parent_asin": "A", "title": "T", )", fields, "}"));
}

TEST(Amazon2018Format, AWholeRecordBecomesAProduct) {
  EXPECT_EQ(
      Of2018(
          R"({"category": ["Clothing, Shoes &amp; Jewelry", "Girls", "Dresses"], "tech1": "", "description": )"
          R"(["Soft &amp; warm.<br /><br />Ages 4-7.", ""], "fit": "", "title": "Girls Ballet Tutu Zebra Hot Pink", )"
          R"("also_buy": ["B00JHONN1S"], "tech2": "", "brand": "Coxlures", "feature": ["100% Cotton", "Imported"], )"
          R"("rank": "19,963,069inClothing,ShoesJewelry(", "also_view": [], "details": {"\n    Item model number:\n": )"
          R"("x"}, "main_cat": "Toys", "similar_item": "", "date": "", "price": "$3.17", "asin": "0000031852", )"
          R"("imageURL": ["https://m.example/51._SX38_.jpg"], "imageURLHighRes": ["https://m.example/51.jpg", )"
          R"("https://m.example/52.jpg"]})"),
      "0000031852|Girls Ballet Tutu Zebra Hot Pink|Coxlures|Clothing, Shoes & Jewelry>Girls>Dresses|price=3.17|"
      "Soft & warm.\nAges 4-7.\n100% Cotton\nImported|https://m.example/51.jpg");
}

TEST(Amazon2018Format, ThePathEndsWhereAPagesMarkupBegins) {
  EXPECT_EQ(With2018(R"("category": ["Clothing", "Men", "</span></span></span>", "100% Cotton", "Imported"])"),
            "A|T||Clothing>Men|||");
  EXPECT_EQ(With2018(absl::StrCat(R"("category": ["Clothing", "", ")", std::string(257, 'x'), R"(", "Men"])")),
            "A|T||Clothing|||");
  EXPECT_EQ(With2018(R"("category": ["Clothing", "Size < 4"])"), "A|T||Clothing>Size < 4|||");
}

TEST(Amazon2018Format, WithoutAPathTheMainCategoryIsTaken) {
  EXPECT_EQ(With2018(R"("category": [], "main_cat": "Musical Instruments")"), "A|T||Musical Instruments|||");
  EXPECT_EQ(
      With2018(R"("main_cat": "<img src=\"https://m.example/logo.png\" class=\"nav\" alt=\"AMAZON FASHION\" />")"),
      "A|T||AMAZON FASHION|||");
  EXPECT_EQ(With2018(R"("main_cat": "<img src=\"x\" />")"), "A|T|||||");
}

TEST(Amazon2018Format, APriceIsTakenOnlyWhenItIsOne) {
  EXPECT_EQ(With2018(R"("price": "$1,299.99")"), "A|T|||price=1299.99||");
  EXPECT_EQ(With2018(R"("price": "$12.99 - $20.00")"), "A|T|||price=12.99 - 20.00||");
  EXPECT_EQ(With2018(R"("price": 3.17)"), "A|T|||price=3.17||");
  for (const absl::string_view none :
       {R"("")", R"("$")", R"("$12.")", R"(".a-section { color: red }\n$5")", R"("$5 off")", R"("$5 -")", "null"}) {
    EXPECT_EQ(With2018(absl::StrCat("\"price\": ", none)), "A|T|||||") << none;
  }
}

TEST(Amazon2018Format, ThePicturesComeBestFirst) {
  EXPECT_EQ(With2018(R"("imageURLHighRes": [], "imageURL": ["u1", "u2"], "image": ["u3"])"), "A|T|||||u1");
  EXPECT_EQ(With2018(R"("image": ["u3"], "imageURL": null)"), "A|T|||||u3");
  EXPECT_EQ(With2018(R"("imageURL": "u1", "imageURLHighRes": "u0")"), "A|T|||||u0");
}

TEST(Amazon2018Format, TextsAreCleaned) {
  EXPECT_EQ(
      Of2018(R"({"asin": "A", "title": "Levi&#39;s&reg;\n      501  Jeans ", "brand": "Visit Amazon's Kei M. Page"})"),
      "A|Levi's\xC2\xAE 501 Jeans|Kei M.||||");
  EXPECT_EQ(With2018(R"("brand": "by\n    \n    Nike")"), "A|T|by Nike||||");
  EXPECT_EQ(With2018(R"("description": ["a < b", "<b>bold</b><script>var x = 1;</script> <!-- no --><3"])"),
            "A|T||||a < b\nbold\n<3|");
  EXPECT_EQ(Of2018(R"({"asin": "A", "title": "var aPageStart = (new Date()).getTime();", "category": ["x"]})"),
            "A|||x|||");
}

TEST(Amazon2018Format, ADescriptionEndsAtItsBound) {
  const std::string letters(65'535, 'd');
  EXPECT_EQ(With2018(absl::StrCat(R"("description": [")", letters, R"(\u00e9", "more"])")), "A|T||||" + letters + "|");
}

TEST(Amazon2018Format, EachFaultHasItsOwnWords) {
  EXPECT_EQ(Of2018(R"({"title": "T"})"), "0: asin: missing; it is the product's id");
  EXPECT_EQ(Of2018(R"({"asin": "A"})"), "0: the record has neither a title nor a category");
  EXPECT_EQ(Of2018(R"({"asin": 1, "title": "T"})"), "10: asin: expected a string, got 1");
  EXPECT_EQ(With2018(R"("category": 1)"), "41: category: expected a string or a list of strings, got 1");
  EXPECT_EQ(With2018(R"("category": ["x", ["y"]])"), "47: category: expected a string, got a list");
  EXPECT_EQ(With2018(R"("imageURL": [1])"), "42: imageURL: expected a string, got 1");
  EXPECT_EQ(With2018(R"("price": true)"), "38: price: expected a number, got true");
  EXPECT_EQ(Of2018("{\"asin\": \"A\", \"title\": \"caf\xE9\"}"), "28: invalid UTF-8");
  EXPECT_EQ(Of2018(R"({"asin": "A", "title": "T")"), "27: the line ends before the record does; was it cut?");
  EXPECT_EQ(Of2018("{'asin': 'A'}"),
            "2: not JSON: a quote, colon, comma or bracket is missing or too much near 'asin':");
  EXPECT_EQ(With2018(absl::StrCat(R"("brand": ")", std::string(257, 'x'), "\"")),
            "0: brand: 257 bytes, at most 256 are kept");
}

TEST(Amazon2018Format, AKeyThatStandsTwiceTakesTheLaterValue) {
  EXPECT_EQ(With2018(R"("title": "U", "category": ["x"], "category": ["y"], "imageURL": ["u"], "imageURL": [])"),
            "A|U||y|||");
}

TEST(Amazon2023Format, AWholeRecordBecomesAProduct) {
  EXPECT_EQ(
      Of2023(
          R"({"main_category": "AMAZON FASHION", "title": "YUEDGE 5 Pairs Men&#39;s Crew Socks", "average_rating": 4.6, )"
          R"("rating_number": 16, "features": ["Machine wash"], "description": ["Warm &amp; dry."], "price": 14.99, )"
          R"("images": [{"thumb": "t1", "large": "l1", "variant": "PT01", "hi_res": "h1"}, {"thumb": "t2", "large": )"
          R"("l2", "variant": "MAIN", "hi_res": "h2"}], "videos": [{"title": "x"}], "store": "YUEDGE", "categories": )"
          R"(["Clothing, Shoes & Jewelry", "Men", "Socks"], "details": {"Package Dimensions": "10 x 8", "Department": )"
          R"("mens", "Color": "Navy Blue", "Material": "Cotton", "Size": "9-12", "Date First Available": "2020"}, )"
          R"("parent_asin": "B08BHN9PK5", "bought_together": null})"),
      "B08BHN9PK5|YUEDGE 5 Pairs Men's Crew Socks|YUEDGE|Clothing, Shoes & Jewelry>Men>Socks|"
      "price=14.99,department=mens,color=Navy Blue,material=Cotton,size=9-12|Machine wash\nWarm & dry.|h2");
}

TEST(Amazon2023Format, ThePictureIsTheMainOneInItsBestSize) {
  EXPECT_EQ(
      With2023(R"("images": [{"large": "l1"}, {"variant": "MAIN", "hi_res": null, "large": "l2", "thumb": "t"}])"),
      "A|T|||||l2");
  EXPECT_EQ(With2023(R"("images": [{"variant": "PT01", "thumb": "t1"}, {"variant": "MAIN", "hi_res": null}])"),
            "A|T|||||t1");
  EXPECT_EQ(With2023(R"("images": {"hi_res": [null, "h2"], "large": ["l1", "l2"], "thumb": ["t1", "t2"], )"
                     R"("variant": ["MAIN", "PT01"]})"),
            "A|T|||||l1");
  EXPECT_EQ(With2023(R"("images": [])"), "A|T|||||");
  EXPECT_EQ(With2023(R"("images": {"hi_res": [], "large": null})"), "A|T|||||");
  EXPECT_EQ(With2023(R"("images": null)"), "A|T|||||");
}

TEST(Amazon2023Format, WithoutCategoriesTheMainOneIsTaken) {
  EXPECT_EQ(With2023(R"("main_category": "All &amp; Beauty", "categories": [])"), "A|T||All & Beauty|||");
  EXPECT_EQ(With2023(R"("main_category": null, "categories": null)"), "A|T|||||");
}

TEST(Amazon2023Format, TheBrandIsTheDetailOrTheStore) {
  EXPECT_EQ(With2023(R"("details": {"Brand": "Nike"}, "store": "Some Shop")"), "A|T|Nike||||");
  EXPECT_EQ(With2023(R"("details": {"Brand": null}, "store": "Some Shop")"), "A|T|Some Shop||||");
}

TEST(Amazon2023Format, DetailsMayBeAStringOfJson) {
  EXPECT_EQ(With2023(R"("details": "{\"Color\": \"Black &amp; White\", \"Brand\": \"N\", \"Rank\": {\"x\": 1}}")"),
            "A|T|N||color=Black & White||");
  EXPECT_EQ(With2023(R"("details": "none")"), "A|T|||||");
  EXPECT_EQ(With2023(absl::StrCat(R"("details": {"Color": ")", std::string(257, 'x'), R"(", "Size": 4})")), "A|T|||||");
}

TEST(Amazon2023Format, APriceIsTakenOnlyWhenItIsOne) {
  EXPECT_EQ(With2023(R"("price": "12.99")"), "A|T|||price=12.99||");
  EXPECT_EQ(With2023(R"("price": 5)"), "A|T|||price=5||");
  for (const absl::string_view none : {"null", R"("None")", R"("from 5.99")", R"("\u2014")"}) {
    EXPECT_EQ(With2023(absl::StrCat("\"price\": ", none)), "A|T|||||") << none;
  }
}

TEST(Amazon2023Format, EachFaultHasItsOwnWords) {
  EXPECT_EQ(Of2023(R"({"asin": "A", "title": "T"})"), "0: parent_asin: missing; it is the product's id");
  EXPECT_EQ(Of2023(R"({"parent_asin": ["A"]})"), "17: parent_asin: expected a string, got a list");
  EXPECT_EQ(With2023(R"("images": 1)"), "46: images: expected a list, got 1");
  EXPECT_EQ(With2023(R"("images": ["u"])"), "47: images: expected an object, got \"u\"");
  EXPECT_EQ(With2023(R"("details": [1])"), "47: details: expected an object, got a list");
  EXPECT_EQ(With2023(R"("store": 1)"), "45: store: expected a string, got 1");
  EXPECT_EQ(With2023(R"("title": "a\udc00")"), "47: title: \\udc00 is half of a surrogate pair, alone");
}

}  // namespace
}  // namespace mannequin
