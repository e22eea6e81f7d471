#include "common/image/not_available.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/mannequin/sample/draw.h"
#include "tests/bench/not_available/cards.h"
#include "tests/unit/image/picture_files.h"

namespace mannequin {
namespace {

std::string Why(const Pixels& pixels) { return WhyNotAvailable(pixels, pixels.width, pixels.height); }

TEST(WhyNotAvailable, NamesTrackers) {
  EXPECT_NE(Why(TestTexture(1, 1)), "");
  EXPECT_NE(Why(TestTexture(15, 15)), "");
  EXPECT_EQ(Why(TestTexture(15, 40)), "");
  EXPECT_NE(WhyNotAvailable({}, 1, 1), "");
  EXPECT_EQ(WhyNotAvailable({}, 100, 100), "");
}

TEST(WhyNotAvailable, NamesPicturesOfOneColourAlsoWithNoise) {
  for (const int shade : {0, 90, 255}) {
    Pixels pixels{200, 150, std::vector<std::uint8_t>(std::size_t{3} * 200 * 150, static_cast<std::uint8_t>(shade))};
    EXPECT_NE(Why(pixels), "");
    for (std::size_t i = 0; i < pixels.rgb.size(); i += 7) {
      pixels.rgb[i] = static_cast<std::uint8_t>(shade == 0 ? 5 : shade - 5);
    }
    EXPECT_NE(Why(pixels), "");
  }
}

TEST(WhyNotAvailable, FindsMostDrawnCards) {
  int found = 0;
  const std::vector<Card> cards = DrawCards();
  ASSERT_GE(cards.size(), 60u);
  for (const Card& card : cards) found += Why(DecodeImage(card.bytes).value()).empty() ? 0 : 1;
  EXPECT_GE(found, static_cast<int>(cards.size() * 7 / 10)) << "of " << cards.size();
}

TEST(WhyNotAvailable, TakesNoProductForACard) {
  for (const char* category : {"Mug", "T-Shirt", "Sneaker", "Watch", "Sunglasses", "Lamp"}) {
    for (int backdrop = 0; backdrop < sample::kBackdrops; ++backdrop) {
      for (int shade = 0; shade <= 240; shade += 60) {
        sample::Look look;
        look.category = category;
        const auto level = static_cast<std::uint8_t>(shade);
        look.primary = look.secondary = look.accent = {level, level, level};
        look.backdrop = static_cast<sample::Backdrop>(backdrop);
        look.wall = {230, 230, 230};
        EXPECT_EQ(Why(RenderSvg(sample::DrawProduct(look, 224)).value()), "")
            << category << " " << backdrop << " " << shade;
      }
    }
  }
}

TEST(WhyNotAvailable, TakesNoShadedThingOnWhiteForACard) {
  // A ball: light falls on it softly, in grey alone.
  const Pixels ball =
      RenderSvg(
          "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='300'><defs><radialGradient id='g' "
          "cx='40%' cy='35%'><stop offset='0' stop-color='#ddd'/><stop offset='1' stop-color='#555'/>"
          "</radialGradient></defs><rect width='300' height='300' fill='#fff'/><circle cx='150' cy='150' "
          "r='60' fill='url(#g)'/></svg>")
          .value();
  EXPECT_EQ(Why(ball), "");
}

}  // namespace
}  // namespace mannequin
