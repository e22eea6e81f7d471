#include "common/image/overlay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace mannequin {
namespace {

Pixels Grey(int side) { return {side, side, std::vector<std::uint8_t>(std::size_t{3} * side * side, 128)}; }

int Painted(const OverlayPatch& patch) {
  int painted = 0;
  for (std::size_t i = 3; i < patch.rgba.size(); i += 4) painted += patch.rgba[i] > 0 ? 1 : 0;
  return painted;
}

TEST(RandomOverlay, IsTheSameForTheSameNumbers) {
  std::mt19937_64 one(7), two(7);
  for (int i = 0; i < 50; ++i) {
    const OverlaySpec a = RandomOverlay(one, 128);
    const OverlaySpec b = RandomOverlay(two, 128);
    EXPECT_EQ(a.text, b.text);
    EXPECT_EQ(a.x, b.x);
    EXPECT_EQ(RenderOverlay(a)->rgba, RenderOverlay(b)->rgba);
  }
}

TEST(RandomOverlay, DrawsEveryKindInsideThePictureAndPaintsEachPatch) {
  std::mt19937_64 random(1);
  std::set<OverlayKind> kinds;
  for (int i = 0; i < 150; ++i) {
    const OverlaySpec spec = RandomOverlay(random, 128);
    kinds.insert(spec.kind);
    EXPECT_GE(spec.x, 0);
    EXPECT_GE(spec.y, 0);
    EXPECT_LE(spec.x + spec.width, 128);
    EXPECT_LE(spec.y + spec.height, 128);
    absl::StatusOr<OverlayPatch> patch = RenderOverlay(spec);
    ASSERT_TRUE(patch.ok()) << patch.status();
    EXPECT_EQ(patch->width, spec.width);
    EXPECT_GT(Painted(*patch), spec.width * spec.height / 25) << spec.text;
  }
  EXPECT_EQ(kinds.size(), std::size_t{kOverlayKinds});
}

TEST(RenderOverlay, DrawsLettersOfEveryScriptAndEscapesThem) {
  OverlaySpec spec;
  spec.width = 160;
  spec.height = 40;
  std::set<std::vector<std::uint8_t>> different;
  for (const char* text : {"SALE", "무료배송", "特价", "送料無料", "СКИДКА", "خصم", "<b>&\"</b>"}) {
    spec.text = text;
    spec.font = "Noto Sans CJK KR";
    absl::StatusOr<OverlayPatch> patch = RenderOverlay(spec);
    ASSERT_TRUE(patch.ok()) << patch.status();
    EXPECT_GT(Painted(*patch), 100) << text;
    different.insert(patch->rgba);
  }
  EXPECT_EQ(different.size(), 7u);
}

TEST(RenderOverlay, RefusesSizesOutOfRangeAndBrokenText) {
  OverlaySpec spec;
  spec.text = "SALE";
  spec.width = 5000;
  EXPECT_EQ(RenderOverlay(spec).status().code(), absl::StatusCode::kInvalidArgument);
  spec.width = 7;
  EXPECT_EQ(RenderOverlay(spec).status().code(), absl::StatusCode::kInvalidArgument);
  spec.width = 64;
  spec.text = "\xff\xfe";
  EXPECT_EQ(RenderOverlay(spec).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Blend, ReturnsTheBoxOfWhatItPainted) {
  OverlaySpec spec;
  spec.kind = OverlayKind::kBanner;
  spec.text = "NEW";
  spec.width = 40;
  spec.height = 20;
  const OverlayPatch patch = *RenderOverlay(spec);
  Pixels pixels = Grey(64);
  Box box = Blend(pixels, patch, 10, 5);
  EXPECT_EQ(box.x, 10);
  EXPECT_EQ(box.y, 5);
  EXPECT_EQ(box.width, 40);
  EXPECT_EQ(box.height, 20);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      const bool inside = x >= 10 && x < 50 && y >= 5 && y < 25;
      if (!inside) {
        ASSERT_EQ(pixels.rgb[3 * (y * 64 + x)], 128);
      }
    }
  }
  box = Blend(pixels, patch, 54, -10);
  EXPECT_EQ(box.x, 54);
  EXPECT_EQ(box.y, 0);
  EXPECT_EQ(box.width, 10);
  EXPECT_EQ(box.height, 10);
  EXPECT_EQ(Blend(pixels, patch, 64, 0).width, 0);
  EXPECT_EQ(Blend(pixels, patch, -40, 0).width, 0);
  EXPECT_EQ(Blend(pixels, patch, 0, 0, 0.0).width, 0);
}

TEST(Blend, MixesByOpacity) {
  const OverlayPatch patch{1, 1, {255, 255, 255, 255}};
  Pixels pixels{1, 1, {55, 55, 55}};
  Blend(pixels, patch, 0, 0, 0.5);
  EXPECT_NEAR(pixels.rgb[0], 155, 2);
  Blend(pixels, patch, 0, 0, 1);
  EXPECT_EQ(pixels.rgb[0], 255);
}

// Cairo's letters are shared by all threads.
TEST(RenderOverlay, DrawsLettersFromManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> drawn = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&drawn, i] {
      std::mt19937_64 random(static_cast<std::uint64_t>(i));
      for (int n = 0; n < 150; ++n) drawn += RenderOverlay(VariedOverlay(random, 128)).ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(drawn, 600);
}

TEST(VariedOverlay, CanBeRenderedAndLiesOnThePicture) {
  std::mt19937_64 one(4), two(4);
  std::set<std::string> fonts;
  int small = 0, faint = 0;
  for (int i = 0; i < 300; ++i) {
    const OverlaySpec spec = VariedOverlay(one, 128), same = VariedOverlay(two, 128);
    EXPECT_EQ(spec.text, same.text);
    EXPECT_EQ(spec.x, same.x);
    EXPECT_FALSE(spec.text.empty());
    EXPECT_GE(spec.x, 0);
    EXPECT_GE(spec.y, 0);
    EXPECT_LE(spec.x + spec.width, 128) << i;
    EXPECT_LE(spec.y + spec.height, 128) << i;
    fonts.insert(spec.font);
    small += spec.height <= 12 ? 1 : 0;
    faint += spec.opacity < 0.5 ? 1 : 0;
    if (i < 40) {
      EXPECT_TRUE(RenderOverlay(spec).ok()) << i;
    }
  }
  EXPECT_GT(fonts.size(), 8u);
  EXPECT_GT(small, 10);
  EXPECT_GT(faint, 10);
}

}  // namespace
}  // namespace mannequin
