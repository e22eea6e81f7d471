#include "services/mannequin/captioned_sheet.h"

#include "gtest/gtest.h"

namespace mannequin {
namespace {

CaptionedPicture Picture(const std::string& caption) {
  return {{2, 2, std::vector<std::uint8_t>(12, 40)}, caption, "confidence 0.91"};
}

// Dark pixels of the sheet's rows from `top` to `bottom`: what letters are made of.
int Ink(const Pixels& sheet, int top, int bottom) {
  int dark = 0;
  for (int y = top; y < bottom; ++y) {
    for (int x = 0; x < sheet.width; ++x) dark += sheet.rgb[static_cast<std::size_t>(y * sheet.width + x) * 3] < 140;
  }
  return dark;
}

TEST(CaptionedSheet, HasARowForEveryColumnsPicturesAndWordsUnderThem) {
  const auto one = CaptionedSheet({Picture("Red boot")}, 8),
             nine = CaptionedSheet(std::vector(9, Picture("Red boot")), 8);
  ASSERT_TRUE(one.ok() && nine.ok());
  const Pixels small = *DecodeImage(*one), large = *DecodeImage(*nine);
  EXPECT_EQ(small.width, 168);
  EXPECT_EQ(large.width, 8 * 156 + 12);
  EXPECT_EQ(large.height - 12, 2 * (small.height - 12));
  EXPECT_GT(Ink(small, 157, 172), 20);  // the caption
}

TEST(CaptionedSheet, TakesWordsOfAnyLengthScriptAndPunctuation) {
  for (const std::string& caption :
       {std::string(), std::string(500, 'W'), std::string("<b>Tom & \"Jerry\"</b>\x01"),
        std::string("여성용 클래식 가죽 숄더백 블랙 미니 크로스백 데일리 토트백 신상품")}) {
    const auto sheet = CaptionedSheet({Picture(caption)}, 1);
    ASSERT_TRUE(sheet.ok()) << sheet.status();
    EXPECT_EQ(DecodeImage(*sheet)->width, 168);
  }
}

TEST(CaptionedSheet, OfNothingIsRefused) {
  EXPECT_EQ(CaptionedSheet({}, 8).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin
