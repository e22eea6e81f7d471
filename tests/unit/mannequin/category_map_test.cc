#include "services/mannequin/category_map.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/image/image.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

std::vector<MapDot> Dots(int categories, int each) {
  std::vector<MapDot> dots;
  for (int c = 0; c < categories; ++c) {
    for (int i = 0; i < each; ++i) {
      dots.push_back({{static_cast<float>(c) + 0.01f * static_cast<float>(i), static_cast<float>(c % 3)},
                      absl::StrCat("Category ", c)});
    }
  }
  return dots;
}

// Strong colours among the pixels from `left` to `right`.
std::set<std::uint32_t> Colours(const Pixels& map, int left, int right) {
  std::set<std::uint32_t> colours;
  for (int y = 60; y < map.height; ++y) {
    for (int x = left; x < right; ++x) {
      const std::uint8_t* pixel = &map.rgb[(static_cast<std::size_t>(y) * map.width + x) * 3];
      const int high = std::max({pixel[0], pixel[1], pixel[2]}), low = std::min({pixel[0], pixel[1], pixel[2]});
      if (high - low > 80) colours.insert(pixel[0] << 16 | pixel[1] << 8 | pixel[2]);
    }
  }
  return colours;
}

TEST(CategoryMap, IsASquareWithALegendBesideIt) {
  const auto png = CategoryMap(Dots(3, 20), {.title = "60 products", .side = 400});
  ASSERT_TRUE(png.ok()) << png.status();
  const Pixels map = *DecodeImage(*png);
  EXPECT_EQ(map.width, 700);
  EXPECT_EQ(map.height, 652);                              // the legend's, which is longer than a map so small
  EXPECT_TRUE(Colours(map, 410, 422).contains(0xe6194b));  // the first category's disc in the legend
}

TEST(CategoryMap, TheWholeLegendIsInTheSmallestPicture) {
  std::vector<MapDot> dots = Dots(30, 5);
  dots.push_back({{0, 0}, ""});
  const Pixels map = *DecodeImage(*CategoryMap(dots, {.title = "", .side = 400}));
  // The grey disc of "no category", the 22nd and last line.
  const int y = 44 + 40 + 21 * 24 - 5;
  EXPECT_EQ(map.rgb[(static_cast<std::size_t>(y) * map.width + 416) * 3], 0xb8);
}

TEST(CategoryMap, MoreCategoriesThanColoursAreGrey) {
  const Pixels few = *DecodeImage(*CategoryMap(Dots(20, 5), {.title = "", .side = 700})),
               many = *DecodeImage(*CategoryMap(Dots(300, 5), {.title = "", .side = 700}));
  const auto legend = [](const Pixels& map) { return Colours(map, 712, 721).size(); };
  EXPECT_GT(legend(few), 19u);
  EXPECT_LE(legend(many), legend(few) + 20);  // edges of discs differ a little
}

TEST(CategoryMap, TakesNamesOfAnyLengthScriptAndPunctuation) {
  std::vector<MapDot> dots = Dots(2, 5);
  for (const std::string& name : {std::string(), std::string(300, 'W'), std::string("<b>Tom & \"Jerry\"</b>\x01"),
                                  std::string("여성의류"), std::string("腕時計")}) {
    dots.push_back({{0.5f, 0.5f}, name});
  }
  const auto png = CategoryMap(dots, {.title = "<&>", .side = 400});
  EXPECT_TRUE(png.ok()) << png.status();
}

TEST(CategoryMap, OneDotOrAllInOnePlaceIsAMapToo) {
  for (const int n : {1, 50}) {
    const auto png =
        CategoryMap(std::vector<MapDot>(static_cast<std::size_t>(n), {{2, 2}, "A"}), {.title = "", .side = 400});
    EXPECT_TRUE(png.ok()) << png.status();
  }
}

TEST(CategoryMap, OfNothingIsRefused) {
  EXPECT_EQ(CategoryMap({}, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin
