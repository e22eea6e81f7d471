#include "services/trainer/batches.h"

#include <random>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(RenderOverlayBank, IsTheSameForTheSameSeed) {
  InitImages();
  const auto a = RenderOverlayBank(3, 64, 5), b = RenderOverlayBank(3, 64, 5), other = RenderOverlayBank(3, 64, 6);
  ASSERT_TRUE(a.ok()) << a.status();
  ASSERT_EQ(a->size(), 3u);
  EXPECT_EQ((*a)[0].second.rgba, (*b)[0].second.rgba);
  EXPECT_NE((*a)[0].second.rgba, (*other)[0].second.rgba);
}

TEST(BlendRandomOverlay, MarksTheCellsThatItPainted) {
  OverlaySpec spec;
  spec.kind = OverlayKind::kBorder;  // keeps its place
  spec.x = 8;
  spec.y = 16;
  const OverlayPatch patch{16, 8, std::vector<std::uint8_t>(16 * 8 * 4, 255)};
  const OverlayBank bank = {{spec, patch}};
  Pixels black{32, 32, std::vector<std::uint8_t>(32 * 32 * 3, 0)};
  std::mt19937_64 random(1);
  std::vector<float> cells(16, -1);
  BlendRandomOverlay(black, bank, random, cells.data());
  EXPECT_EQ(cells, (std::vector<float>{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(black.rgb[(16 * 32 + 8) * 3], 255);
  EXPECT_EQ(black.rgb[(15 * 32 + 8) * 3], 0);
}

TEST(SplitPosition, IsFixedByTheIdAndSpreadEvenly) {
  EXPECT_EQ(SplitPosition("B00X"), SplitPosition("B00X"));
  int held_out = 0;
  for (int i = 0; i < 2000; ++i) held_out += SplitPosition("id-" + std::to_string(i)) < kHeldOutShare ? 1 : 0;
  EXPECT_NEAR(held_out, 200, 45);
}

}  // namespace
}  // namespace mannequin
