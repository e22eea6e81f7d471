#include "common/image/image.h"

#include <gtest/gtest.h>
#include <vips/vips.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <thread>

#include "common/image/resize.h"
#include "tests/unit/image/picture_files.h"

namespace mannequin {
namespace {

Pixels Texture(int side) { return TestTexture(side, side); }

int Channel(const Pixels& pixels, int x, int y, int channel) {
  return pixels.rgb[3 * (std::size_t(y) * pixels.width + x) + channel];
}

DecodeOptions ResizeTo(int side, bool pad = true) {
  DecodeOptions options;
  options.resize_to = side;
  options.pad = pad;
  return options;
}

// Encodes whatever `change` makes of an RGB picture, by libvips itself: formats that
// EncodeImage does not write.
std::string Encoded(const Pixels& pixels, const char* suffix, const std::function<VipsImage*(VipsImage*)>& change) {
  InitImages();
  VipsImage* image = vips_image_new_from_memory_copy(pixels.rgb.data(), pixels.rgb.size(), pixels.width, pixels.height,
                                                     3, VIPS_FORMAT_UCHAR);
  image->Type = VIPS_INTERPRETATION_sRGB;
  VipsImage* changed = change(image);
  void* buffer = nullptr;
  std::size_t size = 0;
  EXPECT_EQ(vips_image_write_to_buffer(changed, suffix, &buffer, &size, nullptr), 0) << vips_error_buffer();
  std::string bytes(static_cast<char*>(buffer), size);
  g_free(buffer);
  g_object_unref(changed);
  g_object_unref(image);
  return bytes;
}

class RoundTrip : public testing::TestWithParam<const char*> {};

TEST_P(RoundTrip, KeepsSizeAndColoursWithinTolerance) {
  const Pixels pixels = TestGradient(97, 61);
  absl::StatusOr<std::string> bytes = EncodeImage(pixels, GetParam(), 92);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  absl::StatusOr<ImageHeader> header = ReadImageHeader(*bytes);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->width, 97);
  EXPECT_EQ(header->height, 61);
  EXPECT_EQ(header->media_type, GetParam());
  absl::StatusOr<Pixels> decoded = DecodeImage(*bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->width, 97);
  EXPECT_EQ(decoded->height, 61);
  EXPECT_LT(MeanDifference(pixels, *decoded), 2.5);
}

TEST_P(RoundTrip, KeepsXmp) {
  constexpr absl::string_view kXmp = "<x:xmpmeta xmlns:x='adobe:ns:meta/'>trainedAlgorithmicMedia</x:xmpmeta>";
  absl::StatusOr<std::string> bytes = EncodeImage(TestGradient(32, 32), GetParam(), 90, kXmp);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_NE(bytes->find("trainedAlgorithmicMedia"), std::string::npos);
  EXPECT_TRUE(DecodeImage(*bytes).ok());
  absl::StatusOr<std::string> without = EncodeImage(TestGradient(32, 32), GetParam(), 90);
  EXPECT_EQ(without->find("trainedAlgorithmicMedia"), std::string::npos);
}

TEST_P(RoundTrip, RefusesDataCutAnywhere) {
  const std::string bytes = *EncodeImage(Texture(64), GetParam(), 85);
  for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 16) {
    const absl::string_view cut = absl::string_view(bytes).substr(0, size);
    EXPECT_EQ(DecodeImage(cut).status().code(), absl::StatusCode::kInvalidArgument) << size << " of " << bytes.size();
    EXPECT_EQ(DecodeImage(cut, ResizeTo(16)).status().code(), absl::StatusCode::kInvalidArgument)
        << size << " of " << bytes.size();
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, RoundTrip, testing::Values("image/jpeg", "image/png", "image/webp"),
                         [](const auto& format) { return std::string(format.param).substr(6); });

TEST(DecodeImage, RefusesAJpegCutJustBeforeItsEnd) {
  const std::string bytes = *EncodeImage(Texture(64), "image/jpeg", 85);
  for (std::size_t less = 1; less < 200; ++less) {
    EXPECT_FALSE(DecodeImage(absl::string_view(bytes).substr(0, bytes.size() - less)).ok()) << less;
  }
}

TEST(DecodeImage, RefusesAJpegThatLostItsMiddle) {
  std::string bytes = *EncodeImage(Texture(64), "image/jpeg", 85);
  bytes.erase(bytes.size() / 2, bytes.size() / 4);
  EXPECT_EQ(DecodeImage(bytes).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(DecodeImage, RefusesWhatIsNoPicture) {
  for (absl::string_view bytes :
       {absl::string_view(), absl::string_view("<!DOCTYPE html><html><body>Sorry</body></html>"),
        absl::string_view("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
        absl::string_view("%PDF-1.7"), absl::string_view("\xff\xd8\xff"), absl::string_view("\x89PNG\r\n\x1a\n"),
        absl::string_view("GIF89a"), absl::string_view("RIFF\x04\0\0\0WEBP", 12)}) {
    EXPECT_EQ(DecodeImage(bytes).status().code(), absl::StatusCode::kInvalidArgument) << bytes;
    EXPECT_EQ(ReadImageHeader(bytes).status().code(), absl::StatusCode::kInvalidArgument) << bytes;
  }
}

TEST(DecodeImage, TakesOnePixel) {
  const std::string bytes = *EncodeImage(Pixels{1, 1, {200, 10, 10}}, "image/png");
  absl::StatusOr<Pixels> whole = DecodeImage(bytes);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->rgb, (std::vector<std::uint8_t>{200, 10, 10}));
  absl::StatusOr<Pixels> grown = DecodeImage(bytes, ResizeTo(8));
  ASSERT_TRUE(grown.ok()) << grown.status();
  EXPECT_EQ(grown->width, 8);
  EXPECT_EQ(Channel(*grown, 7, 7, 0), 200);
}

TEST(DecodeImage, PutsAlphaOverWhiteAtEightAndSixteenBits) {
  const auto half_clear = [](VipsImage* image, VipsBandFormat format, double opaque) {
    VipsImage *cast = nullptr, *out = nullptr;
    if (format == VIPS_FORMAT_USHORT) {
      EXPECT_EQ(vips_colourspace(image, &cast, VIPS_INTERPRETATION_RGB16, nullptr), 0);
    } else {
      EXPECT_EQ(vips_copy(image, &cast, nullptr), 0);
    }
    EXPECT_EQ(vips_bandjoin_const1(cast, &out, opaque / 2, nullptr), 0);
    g_object_unref(cast);
    return out;
  };
  const Pixels red{8, 8, [] {
                     std::vector<std::uint8_t> rgb;
                     for (int i = 0; i < 64; ++i) rgb.insert(rgb.end(), {255, 0, 0});
                     return rgb;
                   }()};
  const std::string eight =
      Encoded(red, ".png", [&](VipsImage* image) { return half_clear(image, VIPS_FORMAT_UCHAR, 255); });
  const std::string sixteen =
      Encoded(red, ".png", [&](VipsImage* image) { return half_clear(image, VIPS_FORMAT_USHORT, 65535); });
  for (const std::string& bytes : {eight, sixteen}) {
    absl::StatusOr<Pixels> pixels = DecodeImage(bytes);
    ASSERT_TRUE(pixels.ok()) << pixels.status();
    EXPECT_EQ(pixels->rgb.size(), 3u * 64);
    EXPECT_NEAR(Channel(*pixels, 3, 3, 0), 255, 2);
    EXPECT_NEAR(Channel(*pixels, 3, 3, 1), 128, 3);
  }
}

TEST(DecodeImage, ConvertsCmykAndGrey) {
  const Pixels pixels = TestGradient(40, 40);
  const std::string cmyk = Encoded(pixels, ".jpg", [](VipsImage* image) {
    VipsImage* out = nullptr;
    EXPECT_EQ(vips_colourspace(image, &out, VIPS_INTERPRETATION_CMYK, nullptr), 0) << vips_error_buffer();
    return out;
  });
  absl::StatusOr<Pixels> from_cmyk = DecodeImage(cmyk, ResizeTo(20));
  ASSERT_TRUE(from_cmyk.ok()) << from_cmyk.status();
  EXPECT_LT(MeanDifference(Resize(pixels, 20, 20), *from_cmyk), 25);

  const std::string grey = Encoded(pixels, ".jpg", [](VipsImage* image) {
    VipsImage* out = nullptr;
    EXPECT_EQ(vips_colourspace(image, &out, VIPS_INTERPRETATION_B_W, nullptr), 0);
    return out;
  });
  absl::StatusOr<Pixels> from_grey = DecodeImage(grey);
  ASSERT_TRUE(from_grey.ok()) << from_grey.status();
  EXPECT_EQ(Channel(*from_grey, 20, 20, 0), Channel(*from_grey, 20, 20, 2));
}

TEST(DecodeImage, TurnsEveryExifOrientationUpright) {
  const Pixels stored = TestGradient(48, 32);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string bytes = Encoded(stored, ".jpg[Q=95]", [&](VipsImage* image) {
      VipsImage* out = nullptr;
      EXPECT_EQ(vips_copy(image, &out, nullptr), 0);
      vips_image_set_int(out, VIPS_META_ORIENTATION, orientation);
      return out;
    });
    // The expectation is libvips' own reading of EXIF.
    VipsImage* loaded = vips_image_new_from_buffer(bytes.data(), bytes.size(), "", nullptr);
    VipsImage* turned = nullptr;
    ASSERT_EQ(vips_autorot(loaded, &turned, nullptr), 0);
    std::size_t size = 0;
    void* memory = vips_image_write_to_memory(turned, &size);
    const auto* begin = static_cast<const std::uint8_t*>(memory);
    const Pixels expected{turned->Xsize, turned->Ysize, {begin, begin + size}};
    g_free(memory);
    g_object_unref(turned);
    g_object_unref(loaded);

    absl::StatusOr<Pixels> pixels = DecodeImage(bytes);
    ASSERT_TRUE(pixels.ok()) << pixels.status();
    EXPECT_EQ(pixels->width, expected.width) << orientation;
    EXPECT_LT(MeanDifference(expected, *pixels), 2) << orientation;
  }
}

TEST(DecodeImage, AppliesAnEmbeddedProfile) {
  const Pixels pixels = TestGradient(40, 40);
  const std::string bytes = Encoded(pixels, ".jpg[Q=95]", [](VipsImage* image) {
    VipsImage* out = nullptr;
    EXPECT_EQ(vips_icc_export(image, &out, "output_profile", "p3", nullptr), 0) << vips_error_buffer();
    return out;
  });
  absl::StatusOr<Pixels> decoded = DecodeImage(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_LT(MeanDifference(pixels, *decoded), 6);
}

TEST(DecodeImage, PadsOrCoversTheSquare) {
  const std::string bytes = *EncodeImage(TestGradient(200, 100), "image/jpeg", 95);
  absl::StatusOr<Pixels> padded = DecodeImage(bytes, ResizeTo(64, true));
  ASSERT_TRUE(padded.ok()) << padded.status();
  EXPECT_EQ(padded->width, 64);
  EXPECT_EQ(padded->height, 64);
  EXPECT_EQ(Channel(*padded, 32, 2, 0), 255);
  EXPECT_NEAR(Channel(*padded, 32, 32, 0), 130, 6);

  absl::StatusOr<Pixels> covered = DecodeImage(bytes, ResizeTo(64, false));
  ASSERT_TRUE(covered.ok()) << covered.status();
  EXPECT_EQ(covered->height, 64);
  // The middle half of the width: 40 + 180 * (1/4 .. 3/4).
  EXPECT_NEAR(Channel(*covered, 0, 32, 0), 85, 6);
  EXPECT_NEAR(Channel(*covered, 63, 32, 0), 175, 6);
}

TEST(DecodeImage, ScaledLoadingGivesThePictureThatScalingTheWholeGives) {
  const Pixels pixels = TestGradient(640, 480);
  const std::string bytes = *EncodeImage(pixels, "image/jpeg", 95);
  for (int side : {16, 60, 128, 400}) {
    absl::StatusOr<Pixels> scaled = DecodeImage(bytes, ResizeTo(side));
    ASSERT_TRUE(scaled.ok()) << scaled.status();
    EXPECT_LT(MeanDifference(FitSquare(pixels, side, true), *scaled), 2.5) << side;
  }
}

TEST(ReadImageHeader, RefusesTooManyPixelsWithoutTheirData) {
  // IHDR of 65,000 x 65,000 and nothing behind it.
  std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xfd\xe8\0\0\xfd\xe8\x08\x02\0\0\0\0\0\0\0", 33);
  EXPECT_EQ(ReadImageHeader(png).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DecodeImage(png).status().code(), absl::StatusCode::kResourceExhausted);
  ImageLimits limits;
  limits.max_pixels = std::int64_t{1} << 33;
  EXPECT_TRUE(ReadImageHeader(png, limits).ok());
}

TEST(ReadImageHeader, RefusesTooManyBytes) {
  ImageLimits limits;
  limits.max_bytes = 100;
  const std::string bytes = *EncodeImage(TestGradient(32, 32), "image/jpeg");
  EXPECT_EQ(ReadImageHeader(bytes, limits).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(ReadImageHeader, RefusesSidesOfZeroPixels) {
  const std::string gif("GIF89a\0\0\x05\0\0\0\0;", 14);
  EXPECT_EQ(ReadImageHeader(gif).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(EncodeImage, RefusesAWrongShapeQualityOrType) {
  EXPECT_EQ(EncodeImage(Pixels{2, 2, {1, 2, 3}}, "image/png").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(EncodeImage(TestGradient(8, 8), "image/gif").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(EncodeImage(TestGradient(8, 8), "image/jpeg", 0).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RenderSvg, DrawsAndRefusesNonsense) {
  absl::StatusOr<Pixels> pixels = RenderSvg(
      "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'><rect width='10' height='10' "
      "fill='#f00'/></svg>");
  ASSERT_TRUE(pixels.ok()) << pixels.status();
  EXPECT_EQ(pixels->width, 20);
  EXPECT_EQ(pixels->height, 10);
  EXPECT_EQ(Channel(*pixels, 5, 5, 1), 0);
  EXPECT_EQ(Channel(*pixels, 15, 5, 1), 255);
  EXPECT_EQ(RenderSvg("<svg").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Resize, GivesTheSameWhateverWasScaledBefore) {
  const Pixels pixels = TestGradient(97, 61);
  std::map<std::pair<int, int>, std::vector<std::uint8_t>> first;
  for (int round = 0; round < 3; ++round) {
    for (int width = 30; width < 40; ++width) {
      for (const int height : {20 + round, 20, 31}) {
        const std::vector<std::uint8_t> scaled = Resize(pixels, width, height).rgb;
        const auto [found, is_new] = first.emplace(std::pair(width, height), scaled);
        EXPECT_EQ(found->second, scaled) << width << "x" << height;
      }
    }
  }
}

TEST(Resize, KeepsAConstantExactlyAndTheMeanNearly) {
  Pixels white{33, 17, std::vector<std::uint8_t>(std::size_t{3} * 33 * 17, 255)};
  for (int side : {1, 5, 16, 64}) {
    for (std::uint8_t value : Resize(white, side, side).rgb) ASSERT_EQ(value, 255);
  }
  const Pixels small = Resize(TestGradient(300, 300), 1, 1);
  EXPECT_NEAR(small.rgb[0], 130, 4);
}

TEST(Sheet, LaysImagesInRowsWithGaps) {
  const std::vector<Pixels> images(5, Pixels{2, 3, std::vector<std::uint8_t>(18, 7)});
  const Pixels sheet = Sheet(images, 3, 4);
  EXPECT_EQ(sheet.width, 3 * 2 + 2 * 4);
  EXPECT_EQ(sheet.height, 2 * 3 + 4);
  EXPECT_EQ(Channel(sheet, 0, 0, 0), 7);
  EXPECT_EQ(Channel(sheet, 2, 0, 0), 255);
  EXPECT_EQ(Channel(sheet, 6, 7, 0), 7);
  EXPECT_EQ(Channel(sheet, 12, 7, 0), 255);
  EXPECT_EQ(Sheet({}, 3).width, 0);
}

TEST(PerceptualHash, IsNearForTheSamePictureAndFarForAnother) {
  const Pixels one = *RenderSvg(
      "<svg xmlns='http://www.w3.org/2000/svg' width='200' height='200'><circle cx='70' cy='80' r='50'/>"
      "<rect x='120' y='130' width='60' height='30' fill='teal'/></svg>");
  const Pixels other = *RenderSvg(
      "<svg xmlns='http://www.w3.org/2000/svg' width='200' height='200'><path d='M10 190L100 10L190 190Z' fill='navy'/>"
      "</svg>");
  const Pixels again = *DecodeImage(*EncodeImage(Resize(one, 90, 90), "image/jpeg", 60));
  EXPECT_LE(std::popcount(PerceptualHash(one) ^ PerceptualHash(again)), 8);
  EXPECT_GE(std::popcount(PerceptualHash(one) ^ PerceptualHash(other)), 12);
  EXPECT_EQ(PerceptualHash(Pixels{}), 0u);
}

TEST(DecodeImage, WorksFromManyThreads) {
  const std::string jpeg = *EncodeImage(Texture(64), "image/jpeg");
  const std::string png = *EncodeImage(Texture(64), "image/png");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) {
        EXPECT_TRUE(DecodeImage(jpeg, ResizeTo(32)).ok());
        EXPECT_TRUE(DecodeImage(png, ResizeTo(32)).ok());
        EXPECT_FALSE(DecodeImage(absl::string_view(png).substr(0, 300)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace mannequin
