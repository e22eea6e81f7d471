#include "common/model/derived_attributes.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "services/mannequin/ingest/record_format.h"

namespace mannequin {
namespace {

// Of a title, a brand and a path "A > B": "color=red gender=men".
std::string Derived(absl::string_view title, absl::string_view brand = "",
                    absl::string_view path = "Apparel > Shirts") {
  v1::Product product;
  product.set_id("A");
  product.set_title(std::string(title));
  product.set_brand(std::string(brand));
  for (const absl::string_view part : absl::StrSplit(path, " > ")) product.add_category_path(std::string(part));
  DeriveAttributes(&product);
  std::string out;
  for (const v1::Attribute& attribute : product.attributes()) {
    EXPECT_TRUE(attribute.derived());
    absl::StrAppend(&out, out.empty() ? "" : " ", attribute.name(), "=", attribute.value());
  }
  return out;
}

TEST(DerivedAttributes, ATitleGivesWhatItSays) {
  EXPECT_EQ(Derived("Peter England Men's Navy Blue Cotton Shirt, Size 42"),
            "color=navy blue gender=men material=cotton size=42");
  EXPECT_EQ(Derived("plain shirt"), "");
  EXPECT_EQ(Derived(""), "");
}

TEST(DerivedAttributes, TheLongestNameOfAColorIsTaken) {
  EXPECT_EQ(Derived("Navy Blue Shirt"), "color=navy blue");
  EXPECT_EQ(Derived("NAVY Shirt"), "color=navy blue");
  EXPECT_EQ(Derived("Dark Gray Shirt"), "color=dark grey");
  EXPECT_EQ(Derived("Off-White Shirt"), "color=off white");
  EXPECT_EQ(Derived("Hot Blue Shirt"), "color=blue");  // "hot blue" is no colour's name
  EXPECT_EQ(Derived("Light Weight Blue Shirt"), "color=blue");
}

TEST(DerivedAttributes, TwoColorsOrAWordThatMayBeOneGiveNone) {
  EXPECT_EQ(Derived("Black and White Shirt"), "");
  EXPECT_EQ(Derived("Blue Shirt, Navy Blue Collar"), "");
  EXPECT_EQ(Derived("Red Shirt, Red"), "color=red");
  EXPECT_EQ(Derived("Cream Red Shirt"), "");
  EXPECT_EQ(Derived("Multi Color Red Shirt"), "");
  EXPECT_EQ(Derived("Wht/Blue Shirt"), "");
  EXPECT_EQ(Derived("Gold Ring"), "");
}

TEST(DerivedAttributes, AColorOfAPartOrInANameIsNotTheProducts) {
  EXPECT_EQ(Derived("Titan Blue Dial Watch"), "");
  EXPECT_EQ(Derived("Red Bull Mug"), "");
  EXPECT_EQ(Derived("Black & Decker Drill"), "");
  EXPECT_EQ(Derived("Blue Striped Shirt"), "");
  EXPECT_EQ(Derived("Coloured Blackboard Infrared Hundred Shirt"), "");  // inside words
}

TEST(DerivedAttributes, WordsInsideTheBrandDoNotCount) {
  EXPECT_EQ(Derived("Red Chief Men Black Shoes", "Red Chief"), "color=black gender=men");
  EXPECT_EQ(Derived("red chief men shoes", "Red Chief"), "gender=men");
  EXPECT_EQ(Derived("Leather World Black Bag", "Leather World"), "color=black");
  EXPECT_EQ(Derived("Redmond Red Shirt", "Red"), "");  // the brand alone, and "Redmond" is not it
  EXPECT_EQ(Derived("Boys World Unisex Cap", "Boys World"), "gender=unisex");
}

TEST(DerivedAttributes, OneGenderIsTakenAndTwoAreNot) {
  EXPECT_EQ(Derived("Womens Top"), "gender=women");
  EXPECT_EQ(Derived("Ladies' Top"), "gender=women");
  EXPECT_EQ(Derived("Men\xE2\x80\x99s Top"), "gender=men");
  EXPECT_EQ(Derived("MEN&#39;S Top"), "gender=men");
  EXPECT_EQ(Derived("Girl's Top"), "gender=girls");
  EXPECT_EQ(Derived("Boy Leg Brief"), "");
  EXPECT_EQ(Derived("Unisex Cap for Men and Women"), "");
  EXPECT_EQ(Derived("X-Men Shirt"), "");
  EXPECT_EQ(Derived("Omen Womenswear Shirt"), "");
}

TEST(DerivedAttributes, AnImitationIsToldFromTheMaterial) {
  EXPECT_EQ(Derived("Faux Leather Bag"), "material=faux leather");
  EXPECT_EQ(Derived("PU Leather Bag"), "material=pu leather");
  EXPECT_EQ(Derived("Leatherette Bag"), "material=leatherette");
  EXPECT_EQ(Derived("Leather Cleaner"), "");
  EXPECT_EQ(Derived("Leather-Look Bag"), "");
  EXPECT_EQ(Derived("Cotton Blend Shirt"), "");
  EXPECT_EQ(Derived("60% Cotton 40% Polyester Shirt"), "");
  EXPECT_EQ(Derived("100% Cotton Shirt"), "material=cotton");
}

TEST(DerivedAttributes, ASizeNeedsItsWord) {
  EXPECT_EQ(Derived("Shirt (Size: XL)"), "size=XL");
  EXPECT_EQ(Derived("Shoe size 7.5"), "size=7.5");
  EXPECT_EQ(Derived("Shirt XL"), "");
  EXPECT_EQ(Derived("Shirt size 36-38"), "");
  EXPECT_EQ(Derived("Soap size 3 oz"), "");
  EXPECT_EQ(Derived("Socks pack size 12"), "");
  EXPECT_EQ(Derived("Sheet King Size 9"), "");
  EXPECT_EQ(Derived("Shirt size 99"), "");
  EXPECT_EQ(Derived("Shirt size M or size L"), "");
  EXPECT_EQ(Derived("Any size"), "");
}

TEST(DerivedAttributes, TitlesOfWorksGiveNothingAndBeautyNoColor) {
  EXPECT_EQ(Derived("Two and a Half Men", "", "Movies & TV > Comedy"), "");
  EXPECT_EQ(Derived("The Color Purple", "", "Books"), "");
  EXPECT_EQ(Derived("Women Barbie Pink Nail Polish", "", "Personal Care > Nails"), "gender=women");
  EXPECT_EQ(Derived("Black Tea", "", "Grocery & Gourmet Food"), "");
}

TEST(DerivedAttributes, WhatTheSellerGaveStays) {
  v1::Product product;
  product.set_title("Red Cotton Shirt for Men size M");
  SetAttribute("colour", "crimson", &product);
  SetAttribute("department", "mens", &product);
  SetAttribute("material", "cotton", &product);
  DeriveAttributes(&product);
  ASSERT_EQ(product.attributes_size(), 4);
  EXPECT_EQ(product.attributes(3).name(), "size");
}

TEST(DerivedAttributes, ThereAreNeverMoreThan64) {
  v1::Product product;
  product.set_title("Red Cotton Shirt for Men size M");
  for (int i = 0; i < kMaxAttributes - 1; ++i) SetAttribute(absl::StrCat("a", i), "x", &product);
  DeriveAttributes(&product);
  EXPECT_EQ(product.attributes_size(), kMaxAttributes);
  EXPECT_EQ(product.attributes(kMaxAttributes - 1).name(), "color");
}

TEST(DerivedAttributes, AnyBytesAreATitle) {
  for (int byte = 1; byte < 256; ++byte) {
    const std::string odd(1, static_cast<char>(byte));
    EXPECT_EQ(Derived(odd), "");
    (void)Derived(absl::StrCat("Men", odd, "Red", odd));
    (void)Derived(absl::StrCat(std::string(4095, ' '), odd));
  }
  EXPECT_EQ(Derived(absl::StrCat(std::string(4096, ' '), "red")), "");  // behind the bound of a title
  std::string many;
  for (int i = 0; i < 300; ++i) many += "x ";
  EXPECT_EQ(Derived(many + "red"), "");  // no title
}

}  // namespace
}  // namespace mannequin
