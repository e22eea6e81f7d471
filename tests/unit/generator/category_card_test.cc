#include "services/generator/category_card.h"

#include <cstdlib>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

// Pixels clearly darker than the ground, in rows `top` to `bottom`, both shares of the side.
int Ink(const Pixels& card, double top, double bottom) {
  int ink = 0;
  for (int y = static_cast<int>(top * card.height); y < static_cast<int>(bottom * card.height); ++y) {
    for (int x = card.width / 10; x < card.width * 9 / 10; ++x) {
      ink += card.rgb[static_cast<std::size_t>(y * card.width + x) * 3] < 160 ? 1 : 0;
    }
  }
  return ink;
}

TEST(CategoryCard, HasTheNameAndTheLineUnderItOnGrey) {
  for (const int side : {16, 64, 256, 1024}) {
    const Pixels card = CategoryCard("Handbags", "en", side).value();
    EXPECT_EQ(card.width, side);
    EXPECT_EQ(card.height, side);
  }
  const Pixels card = CategoryCard("Handbags", "en", 256).value();
  EXPECT_GT(Ink(card, 0.3, 0.6), 200);
  EXPECT_GT(Ink(card, 0.75, 0.9), 40);
  for (std::size_t i = 0; i < card.rgb.size(); i += 3) {
    EXPECT_LE(std::abs(card.rgb[i] - card.rgb[i + 2]), 16);  // no colour to be taken for the product's
  }
  EXPECT_NE(card.rgb, CategoryCard("Watches", "en", 256)->rgb);
  EXPECT_NE(card.rgb, CategoryCard("Handbags", "ko", 256)->rgb);
}

TEST(CategoryCard, KeepsLongAndStrangeNamesInsideTheCard) {
  for (const std::string name :
       {"Face Wash and Cleanser", "Highlighter and Blush", "Donaudampfschifffahrtsgesellschaftskapitänsmütze",
        "남성용 방수 등산 재킷", "<b>&'\"", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", ""}) {
    const absl::StatusOr<Pixels> card = CategoryCard(name, "en", 256);
    ASSERT_TRUE(card.ok()) << name << card.status();
    // Nothing dark on the outermost pixels.
    for (int i = 0; i < 256; ++i) {
      EXPECT_GT(card->rgb[static_cast<std::size_t>(i * 256) * 3], 200) << name;
      EXPECT_GT(card->rgb[static_cast<std::size_t>(i * 256 + 255) * 3], 200) << name;
    }
  }
  EXPECT_TRUE(CategoryCard(std::string(256, 'W'), "en", 256).ok());
}

TEST(CategoryCard, RefusesALanguageWithoutWords) {
  EXPECT_TRUE(HasCardLanguage("en"));
  EXPECT_TRUE(HasCardLanguage("ko"));
  EXPECT_FALSE(HasCardLanguage("xx"));
  EXPECT_FALSE(HasCardLanguage(""));
  EXPECT_EQ(CategoryCard("Bags", "xx", 256).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin
