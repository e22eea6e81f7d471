// Pictures of which the truth is known, because they are drawn here.
#include "common/image/picture_measures.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "common/image/jpeg_quality.h"
#include "common/image/resize.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

struct Rgb {
  std::uint8_t r, g, b;
};

Pixels Plain(int width, int height, Rgb color = {255, 255, 255}) {
  Pixels pixels{width, height, {}};
  for (int i = 0; i < width * height; ++i) pixels.rgb.insert(pixels.rgb.end(), {color.r, color.g, color.b});
  return pixels;
}

// Of one colour with fine stripes, as cloth is.
void Draw(Pixels& pixels, int left, int top, int width, int height, Rgb color) {
  for (int y = top; y < top + height; ++y) {
    for (int x = left; x < left + width; ++x) {
      std::uint8_t* pixel = &pixels.rgb[static_cast<std::size_t>(3 * (y * pixels.width + x))];
      const int shade = (x / 3 + y / 5) % 2 * 10;
      pixel[0] = static_cast<std::uint8_t>(color.r + shade);
      pixel[1] = static_cast<std::uint8_t>(color.g + shade);
      pixel[2] = static_cast<std::uint8_t>(color.b + shade);
    }
  }
}

// A soft grey spot as a lamp throws it: darker by `depth` at most.
void Shade(Pixels& pixels, int left, int top, int width, int height, int depth) {
  for (int y = top; y < top + height; ++y) {
    for (int x = left; x < left + width; ++x) {
      const double u = (x - left - width / 2.0) / (width / 2.0), v = (y - top - height / 2.0) / (height / 2.0);
      const int darker = static_cast<int>(depth * std::max(0.0, 1 - u * u - v * v));
      std::uint8_t* pixel = &pixels.rgb[static_cast<std::size_t>(3 * (y * pixels.width + x))];
      for (int c = 0; c < 3; ++c) pixel[c] = static_cast<std::uint8_t>(std::max(0, pixel[c] - darker));
    }
  }
}

PictureMeasures Measured(const std::string& bytes) {
  const ImageHeader header = ReadImageHeader(bytes).value();
  return ReadPictureMeasures(bytes, header, DecodeForMeasures(bytes, header, 0).value());
}
PictureMeasures Measured(const Pixels& pixels, int quality = 90) {
  return Measured(EncodeImage(pixels, "image/jpeg", quality).value());
}

// A garment on white, 224 pixels as most pictures of the catalogue.
Pixels Garment() {
  Pixels pixels = Plain(224, 224);
  Draw(pixels, 62, 24, 100, 176, {150, 30, 40});
  Draw(pixels, 30, 40, 40, 60, {150, 30, 40});
  Draw(pixels, 154, 40, 40, 60, {150, 30, 40});
  Draw(pixels, 90, 80, 44, 30, {240, 240, 10});
  return pixels;
}

TEST(PictureMeasures, SizeBytesAndFormatAreTheFiles) {
  const std::string bytes = EncodeImage(Plain(1200, 900), "image/png").value();
  const PictureMeasures measures = Measured(bytes);
  EXPECT_EQ(measures.width, 1200);
  EXPECT_EQ(measures.height, 900);
  EXPECT_EQ(measures.bytes, static_cast<std::int64_t>(bytes.size()));
  EXPECT_EQ(measures.media_type, "image/png");
  EXPECT_FALSE(measures.jpeg_quality.has_value());
}

TEST(PictureMeasures, BigPicturesAreMeasuredSmaller) {
  for (const char* type : {"image/jpeg", "image/png"}) {
    const std::string bytes = EncodeImage(Plain(2000, 1700), type).value();
    const Pixels pixels = DecodeForMeasures(bytes, ReadImageHeader(bytes).value(), 128).value();
    EXPECT_GE(pixels.height, kMeasuredSide) << type;
    EXPECT_LT(pixels.height, 2 * kMeasuredSide) << type;
    EXPECT_FALSE(Measured(bytes).blockiness.has_value()) << type;
  }
}

TEST(Backdrop, RingingOfJpegDoesNotFailAWhiteBorder) {
  Pixels pixels = Plain(224, 224);
  Draw(pixels, 3, 3, 218, 218, {10, 10, 10});  // its ringing reaches the border
  EXPECT_GE(Measured(pixels, 75).backdrop.white, 0.95);
}

TEST(Backdrop, GreyIsNotWhite) {
  Pixels pixels = Plain(224, 224, {238, 238, 238});
  Draw(pixels, 60, 60, 100, 100, {30, 60, 130});
  const Backdrop backdrop = Measured(pixels).backdrop;
  EXPECT_EQ(backdrop.white, 0);
  EXPECT_EQ(backdrop.plain, 1);
  EXPECT_NEAR(backdrop.color[0], 238, 2);
}

TEST(Backdrop, TheProductsBoxIsMeasuredWithoutItsShadow) {
  Pixels pixels = Plain(400, 400);
  Shade(pixels, 20, 280, 360, 100, 40);
  Draw(pixels, 100, 100, 160, 200, {40, 90, 30});
  const Backdrop backdrop = Measured(pixels).backdrop;
  ASSERT_TRUE(backdrop.product.has_value());
  EXPECT_NEAR(backdrop.product->frame_share, 0.5, 0.03);
  EXPECT_EQ(backdrop.product->edge_share, 0);
  EXPECT_EQ(backdrop.product->count, 1);
}

TEST(Backdrop, AWhiteProductOnWhiteIsSeenByItsOutline) {
  Pixels pixels = Plain(224, 224);
  Draw(pixels, 50, 40, 120, 150, {225, 225, 225});
  const Backdrop backdrop = Measured(pixels).backdrop;
  ASSERT_TRUE(backdrop.product.has_value());
  EXPECT_NEAR(backdrop.product->frame_share, 150.0 / 224, 0.03);
  EXPECT_EQ(backdrop.product->count, 1);
}

TEST(Backdrop, ThereIsNoProductOnABackgroundOfManyColoursNorOnAnEmptyOne) {
  Pixels noise = Plain(200, 200);
  std::mt19937 random(1);
  for (std::uint8_t& level : noise.rgb) level = static_cast<std::uint8_t>(random() % 256);
  EXPECT_FALSE(Measured(noise).backdrop.product.has_value());
  EXPECT_FALSE(Measured(Plain(200, 200)).backdrop.product.has_value());
}

TEST(Backdrop, ProductsThatStandApartAreCounted) {
  Pixels pixels = Plain(224, 224);
  Draw(pixels, 12, 60, 50, 100, {150, 20, 20});
  Draw(pixels, 86, 60, 50, 40, {20, 140, 20});
  Draw(pixels, 160, 60, 50, 90, {20, 20, 150});
  EXPECT_EQ(Measured(pixels).backdrop.product->count, 3);
}

TEST(Backdrop, APairIsOneProduct) {
  Pixels shoes = Plain(224, 224);
  Draw(shoes, 20, 60, 70, 120, {90, 50, 20});
  Draw(shoes, 130, 64, 72, 118, {94, 52, 22});
  const Backdrop backdrop = Measured(shoes).backdrop;
  EXPECT_EQ(backdrop.product->count, 1);
  EXPECT_FALSE(backdrop.product->side_by_side);
}

TEST(Backdrop, CrumbsAndDustAreNoProducts) {
  Pixels pixels = Garment();
  Draw(pixels, 8, 8, 3, 3, {20, 20, 20});
  Draw(pixels, 205, 210, 8, 8, {20, 20, 20});
  EXPECT_EQ(Measured(pixels).backdrop.product->count, 1);
}

TEST(Backdrop, AFloorIsNoProductThatTheSidesCut) {
  Pixels room = Plain(224, 224, {240, 236, 230});
  Draw(room, 0, 170, 224, 54, {190, 150, 110});
  Draw(room, 70, 60, 80, 120, {30, 60, 160});
  EXPECT_FALSE(Measured(room).backdrop.product.has_value());
  // A model that the lower edge cuts stands on none.
  Pixels model = Plain(224, 224);
  Draw(model, 60, 20, 100, 204, {30, 60, 160});
  ASSERT_TRUE(Measured(model).backdrop.product.has_value());
  EXPECT_LT(Measured(model).backdrop.product->cut_share, 0.01);
}

TEST(Backdrop, AProductBeyondTheSideIsCutAndOneThatTouchesItIsNot) {
  Pixels cut = Plain(224, 224);
  Draw(cut, 0, 60, 120, 100, {20, 60, 140});
  EXPECT_NEAR(Measured(cut).backdrop.product->cut_share, 100.0 / 224, 0.03);
  EXPECT_NEAR(Measured(cut).backdrop.product->edge_share, 100.0 / 896, 0.02);
  Pixels round = Plain(224, 224);
  for (int y = 0; y < 224; ++y) {
    const int half = static_cast<int>(112 * std::sqrt(std::max(0.0, 1 - (y - 112) * (y - 112) / (112.0 * 112))));
    if (half > 0) Draw(round, 112 - half, y, 2 * half, 1, {20, 60, 140});
  }
  EXPECT_LT(Measured(round).backdrop.product->cut_share, 0.05);
}

TEST(EdgeWidth, IsThatOfTheBlur) {
  const auto width = [](double factor) {
    const Pixels sharp = Garment();
    const int side = static_cast<int>(224 / factor);
    return Measured(factor == 1 ? sharp : Resize(Resize(sharp, side, side), 224, 224)).edge_width.value();
  };
  EXPECT_LT(width(1), 1.6);
  EXPECT_GT(width(4), 3.5);
  EXPECT_GT(width(4), width(2));
}

TEST(EdgeWidth, NothingIsSaidOfAPictureWithoutEdges) {
  Pixels pixels = Plain(224, 224);
  Shade(pixels, 40, 40, 150, 150, 60);
  EXPECT_FALSE(Measured(pixels).edge_width.has_value());
}

TEST(JpegQuality, IsThatOfTheEncoder) {
  const Pixels pixels = Garment();
  for (const int quality : {5, 10, 30, 50, 75, 90, 95, 100}) {
    EXPECT_NEAR(JpegQuality(EncodeImage(pixels, "image/jpeg", quality).value()).value(), quality, 1) << quality;
  }
}

TEST(JpegQuality, BrokenFilesHaveNone) {
  const std::string jpeg = EncodeImage(Garment(), "image/jpeg").value();
  EXPECT_FALSE(JpegQuality("").has_value());
  EXPECT_FALSE(JpegQuality(EncodeImage(Garment(), "image/png").value()).has_value());
  // Cut anywhere before its table ends, or with any byte of its head changed, it must not read beyond.
  for (std::size_t length = 0; length < 90; ++length) EXPECT_FALSE(JpegQuality(jpeg.substr(0, length)).has_value());
  for (std::size_t at = 0; at < 600; ++at) {
    std::string changed = jpeg;
    changed[at] = static_cast<char>(0xff);
    const auto quality = JpegQuality(changed);
    EXPECT_TRUE(!quality || (*quality >= 1 && *quality <= 100)) << at;
  }
}

TEST(Blockiness, IsHighAfterTooMuchCompressionEvenWhenSavedAgain) {
  Pixels pixels = Garment();
  Shade(pixels, 62, 24, 100, 176, 60);
  const double fine = Measured(pixels, 90).blockiness.value();
  const Pixels blocks = DecodeImage(EncodeImage(pixels, "image/jpeg", 8).value()).value();
  const double coarse = Measured(blocks, 95).blockiness.value();
  EXPECT_GT(coarse, fine + 0.3);
}

TEST(Seam, IsFoundWhereTwoPicturesAreJoined) {
  // Textures without a background of one colour.
  std::mt19937 random(3);
  const auto texture = [&](Rgb color, int width) {
    Pixels pixels = Plain(width, 200, color);
    for (std::uint8_t& level : pixels.rgb) level = static_cast<std::uint8_t>(level + random() % 24);
    return pixels;
  };
  Pixels joined = texture({60, 90, 120}, 200);
  const Pixels right = texture({150, 120, 60}, 100);
  for (int y = 0; y < 200; ++y) {
    std::copy_n(right.rgb.begin() + y * 300, 300, joined.rgb.begin() + y * 600 + 300);
  }
  EXPECT_GT(Measured(joined).seam.clear, 1);
  EXPECT_TRUE(Measured(joined).seam.upright);
  EXPECT_LT(Measured(texture({60, 90, 120}, 200)).seam.clear, 0.3);
}

TEST(Seam, AProductsOwnStraightSideIsNone) {
  Pixels box = Plain(224, 224);
  Draw(box, 112, 30, 90, 160, {120, 60, 20});  // its left side lies in the middle of the frame
  EXPECT_LT(Measured(box).seam.clear, 0.3);
}

TEST(PictureMeasures, PicturesOfAPixelAndStripsAreMeasured) {
  for (const auto& [width, height] : {std::pair(1, 1), std::pair(1, 300), std::pair(3000, 2), std::pair(7, 7)}) {
    const PictureMeasures measures = Measured(EncodeImage(Plain(width, height, {9, 9, 9}), "image/png").value());
    EXPECT_EQ(measures.width, width);
    EXPECT_EQ(measures.height, height);
  }
}

}  // namespace
}  // namespace mannequin
