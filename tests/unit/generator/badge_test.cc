#include "services/generator/badge.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/image/generated_mark.h"
#include "gtest/gtest.h"
#include "services/generator/generated_image.h"

namespace mannequin {
namespace {

Pixels Ground(int width, int height, std::uint8_t grey) {
  return {width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height, grey)};
}

struct Changed {
  int count = 0;
  int left = 1 << 20, top = 1 << 20, right = 0, bottom = 0;
  int darkest = 255, lightest = 0;  // of the label
};

Changed Compare(const Pixels& before, const Pixels& after) {
  Changed changed;
  for (int y = 0; y < before.height; ++y) {
    for (int x = 0; x < before.width; ++x) {
      const std::size_t at = 3 * (static_cast<std::size_t>(y) * before.width + x);
      if (std::equal(&before.rgb[at], &before.rgb[at] + 3, &after.rgb[at])) continue;
      ++changed.count;
      changed.left = std::min(changed.left, x);
      changed.top = std::min(changed.top, y);
      changed.right = std::max(changed.right, x + 1);
      changed.bottom = std::max(changed.bottom, y + 1);
      changed.darkest = std::min<int>(changed.darkest, after.rgb[at]);
      changed.lightest = std::max<int>(changed.lightest, after.rgb[at]);
    }
  }
  return changed;
}

TEST(Badge, StandsInTheLowerRightCornerOnATenthAtMostWhateverTheSize) {
  for (const auto& [width, height] : std::vector<std::pair<int, int>>{
           {32, 32}, {33, 40}, {64, 64}, {128, 128}, {255, 255}, {256, 256}, {512, 512}, {1024, 1024}, {300, 120}}) {
    SCOPED_TRACE(width);
    const Pixels before = Ground(width, height, 130);
    const auto after = WithBadge(before);
    ASSERT_TRUE(after.ok()) << after.status();
    const Changed changed = Compare(before, *after);
    EXPECT_GT(changed.count, 0);
    EXPECT_LE((changed.right - changed.left) * (changed.bottom - changed.top), width * height / 10);
    EXPECT_GE(changed.left, width / 3);
    EXPECT_GE(changed.top, height / 3);
    EXPECT_LT(changed.right, width);
    EXPECT_LT(changed.bottom, height);
  }
}

TEST(Badge, CanBeReadOnBlackAndOnWhite) {
  for (const std::uint8_t ground : {std::uint8_t{0}, std::uint8_t{255}}) {
    for (const int side : {64, 128, 512}) {
      const Pixels before = Ground(side, side, ground);
      const Changed changed = Compare(before, WithBadge(before).value());
      // Letters and label are far apart in tone.
      EXPECT_LT(changed.darkest, 60);
      EXPECT_GT(changed.lightest, ground == 255 ? 180 : 220);
    }
  }
}

TEST(Badge, HasLongWordsWhereTheyHaveRoom) {
  const auto shape = [](int side) {
    const Pixels before = Ground(side, side, 130);
    const Changed changed = Compare(before, WithBadge(before).value());
    return static_cast<double>(changed.right - changed.left) / (changed.bottom - changed.top);
  };
  EXPECT_LT(shape(128), 2);
  EXPECT_GT(shape(512), 5);
}

TEST(Badge, OfAnEncodedPictureKeepsItsSizeAndMark) {
  const Provenance provenance{.product_id = "B00X", .bundle_version = "b-1", .seed = 7};
  const v1::Image plain = EncodeGenerated(Ground(128, 128, 130), {}, provenance).value();
  const v1::Image badged = BadgedImage(plain, provenance).value();
  EXPECT_EQ(badged.width(), 128);
  EXPECT_EQ(badged.media_type(), "image/png");
  EXPECT_EQ(GeneratedSourceTypeOf(badged.data()), kGeneratedSourceType);
  EXPECT_NE(badged.data().find("mannequin:Seed=\"7\""), std::string::npos);
  EXPECT_EQ(BadgedImage(plain, provenance)->sha256(), badged.sha256());
}

TEST(Badge, IsRefusedByAPictureWithoutRoomAndByWhatIsNone) {
  EXPECT_EQ(WithBadge(Ground(31, 200, 0)).status().code(), absl::StatusCode::kInvalidArgument);
  v1::Image none;
  none.set_data("no picture");
  EXPECT_EQ(BadgedImage(none, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin
