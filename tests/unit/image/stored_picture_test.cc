#include "common/image/stored_picture.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/image/bytes.h"
#include "common/image/generated_mark.h"
#include "common/image/jpeg.h"
#include "common/image/resize.h"
#include "tests/unit/image/picture_files.h"

namespace mannequin {
namespace {

constexpr absl::string_view kSecret = "GPS 48.1371 N 11.5754 E";

StoredPicture Stored(std::string bytes, const StoredPictureOptions& options = {}) {
  absl::StatusOr<StoredPicture> picture = MakeStoredPicture(std::move(bytes), options);
  EXPECT_TRUE(picture.ok()) << picture.status();
  return picture.ok() ? *std::move(picture) : StoredPicture{};
}

absl::StatusCode CodeOf(std::string bytes, const StoredPictureOptions& options = {}) {
  return MakeStoredPicture(std::move(bytes), options).status().code();
}

// What is said of the data is so.
void ExpectSound(const StoredPicture& picture) {
  EXPECT_EQ(picture.not_available, "");
  absl::StatusOr<ImageHeader> header = ReadImageHeader(picture.data);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->media_type, picture.media_type);
  EXPECT_EQ(header->width, picture.width);
  EXPECT_EQ(header->height, picture.height);
  for (const StoredPicture::Rendition& rendition : picture.renditions) {
    absl::StatusOr<Pixels> pixels = DecodeImage(rendition.jpeg);
    ASSERT_TRUE(pixels.ok()) << pixels.status();
    EXPECT_LE(std::max(pixels->width, pixels->height), rendition.side);
    EXPECT_EQ(ReadImageHeader(rendition.jpeg)->media_type, "image/jpeg");
  }
}

// Sizes as of catalogues, with all parities: strips and single pixels besides.
constexpr int kSizes[][2] = {{60, 80}, {224, 224}, {225, 223}, {97, 61}, {17, 400}, {16, 16}, {640, 33}};

TEST(MakeStoredPicture, KeepsCleanPicturesByteForByte) {
  for (const auto& [width, height] : kSizes) {
    const Pixels pixels = TestTexture(width, height);
    for (const std::string& bytes :
         // libvips writes EXIF into every WebP: the first pass takes it out.
         {Stored(EncodeByVips(pixels, ".webp")).data, Stored(EncodeByVips(pixels, ".webp[lossless]")).data,
          EncodeByVips(pixels, ".jpg[Q=90,strip]"), EncodeByVips(pixels, ".jpg[Q=60,interlace,strip]"),
          EncodeByVips(pixels, ".jpg[subsample-mode=off,strip]"), EncodeByVips(pixels, ".png[strip]"),
          EncodeByVips(pixels, ".png[interlace,strip]")}) {
      const StoredPicture picture = Stored(bytes);
      ExpectSound(picture);
      EXPECT_TRUE(picture.data == bytes) << width << "x" << height << " " << picture.media_type;
    }
  }
}

TEST(MakeStoredPicture, TakesMetadataOutAndLeavesThePixelsBitForBit) {
  for (const auto& [width, height] : kSizes) {
    const Pixels pixels = TestTexture(width, height);
    const auto with_metadata = [](VipsImage* image) {
      VipsImage* out = nullptr;
      EXPECT_EQ(vips_copy(image, &out, nullptr), 0);
      vips_image_set_blob_copy(out, VIPS_META_XMP_NAME, kSecret.data(), kSecret.size());
      vips_image_set_string(out, "exif-ifd0-ImageDescription", std::string(kSecret).c_str());
      return out;
    };
    std::string jpeg = EncodeByVips(pixels, ".jpg[Q=88,interlace]", with_metadata);
    jpeg = WithJpegSegment(jpeg, 0xfe, kSecret);
    jpeg = WithJpegSegment(jpeg, 0xed, kSecret);
    jpeg = WithJpegSegment(jpeg, 0xe2, absl::StrCat("MPF", kSecret));
    jpeg += jpeg;
    std::string png = EncodeByVips(pixels, ".png", with_metadata);
    for (const char* type : {"tEXt", "zTXt", "iTXt", "tIME", "prVt"}) png = WithPngChunk(png, type, kSecret);
    absl::StrAppend(&png, kSecret);
    std::string webp = EncodeByVips(pixels, ".webp", with_metadata);
    absl::StrAppend(&webp, kSecret);
    for (const std::string& bytes : {jpeg, png, webp}) {
      EXPECT_TRUE(absl::StrContains(bytes, kSecret));
      const StoredPicture picture = Stored(bytes);
      ExpectSound(picture);
      EXPECT_FALSE(absl::StrContains(picture.data, kSecret)) << picture.media_type;
      EXPECT_FALSE(absl::StrContains(picture.data, "Exif")) << picture.media_type;
      EXPECT_LT(picture.data.size(), bytes.size());
      EXPECT_TRUE(DecodeImage(picture.data)->rgb == DecodeImage(bytes)->rgb) << picture.media_type;
      // There is nothing left to take out.
      EXPECT_TRUE(Stored(picture.data).data == picture.data) << picture.media_type;
    }
  }
}

TEST(MakeStoredPicture, KeepsWhatSaysHowPixelsAreShown) {
  std::string png = EncodeByVips(TestTexture(40, 40), ".png[strip]");
  const absl::string_view gamma("\0\0\xb1\x8f", 4);
  png = WithPngChunk(png, "gAMA", gamma);
  EXPECT_TRUE(Stored(png).data == png);
  const std::string jpeg = EncodeJpeg(TestTexture(40, 40), 80).value();
  EXPECT_TRUE(absl::StrContains(jpeg, "JFIF"));
  EXPECT_TRUE(Stored(jpeg).data == jpeg);
}

TEST(MakeStoredPicture, TakesTheThumbnailOutOfJfif) {
  const std::string jpeg = EncodeJpeg(TestTexture(40, 40), 80).value();
  ASSERT_EQ(jpeg.substr(6, 4), "JFIF");
  const std::string thumbnail = absl::StrCat(jpeg.substr(6, 12), "\x01\x01", "abc");
  const std::string bytes = WithJpegSegment(absl::StrCat(jpeg.substr(0, 2), jpeg.substr(20)), 0xe0, thumbnail);
  EXPECT_TRUE(Stored(bytes).data == jpeg);
}

TEST(MakeStoredPicture, KeepsTheBytesAsTheyCameWhenAsked) {
  StoredPictureOptions options;
  options.keep_original = true;
  const Pixels pixels = TestTexture(50, 30);
  for (const std::string& bytes :
       {WithJpegSegment(EncodeByVips(pixels, ".jpg"), 0xe1, ExifOrientation(6)), EncodeByVips(pixels, ".png"),
        EncodeByVips(pixels, ".gif"), EncodeByVips(pixels, ".avif"), AnimatedWebp(3)}) {
    const StoredPicture picture = Stored(bytes, options);
    ExpectSound(picture);
    EXPECT_TRUE(picture.data == bytes) << picture.media_type;
  }
}

TEST(MakeStoredPicture, TurnsEveryOrientationUpright) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string bytes =
        WithJpegSegment(EncodeByVips(TestGradient(480, 320), ".jpg[Q=95,strip]"), 0xe1, ExifOrientation(orientation));
    const StoredPicture picture = Stored(bytes);
    ExpectSound(picture);
    EXPECT_EQ(picture.media_type, "image/jpeg");
    const Pixels kept = DecodeImage(picture.data).value();
    EXPECT_EQ(kept.width, orientation < 5 ? 480 : 320);
    EXPECT_LT(MeanDifference(kept, DecodeImage(bytes).value()), 1.5) << orientation;
    EXPECT_FALSE(absl::StrContains(picture.data, "Exif"));
    const Pixels rendition = DecodeImage(picture.renditions.at(0).jpeg).value();
    EXPECT_LT(MeanDifference(rendition, Resize(kept, rendition.width, rendition.height)), 2.5) << orientation;
  }
}

TEST(MakeStoredPicture, ConvertsDisplayP3ToSrgb) {
  const Pixels pixels = TestGradient(64, 64);
  const auto to_p3 = [](VipsImage* image) {
    VipsImage* out = nullptr;
    EXPECT_EQ(vips_icc_export(image, &out, "output_profile", "p3", nullptr), 0) << vips_error_buffer();
    return out;
  };
  for (const char* suffix : {".jpg[Q=95]", ".png", ".webp[lossless]"}) {
    const std::string bytes = EncodeByVips(pixels, suffix, to_p3);
    const StoredPicture picture = Stored(bytes);
    ExpectSound(picture);
    EXPECT_EQ(picture.media_type, absl::string_view(suffix) == ".png" ? "image/png" : "image/jpeg");
    // The raw colours are sRGB: no profile is needed to read them.
    EXPECT_LT(MeanDifference(DecodeImage(picture.data).value(), pixels), 4) << suffix;
    EXPECT_TRUE(Stored(picture.data).data == picture.data);
  }
}

TEST(MakeStoredPicture, DropsAnSrgbProfileWithoutEncodingAnew) {
  const Pixels pixels = TestTexture(64, 64);
  const auto to_srgb = [](VipsImage* image) {
    VipsImage* out = nullptr;
    EXPECT_EQ(vips_icc_export(image, &out, "output_profile", "srgb", nullptr), 0) << vips_error_buffer();
    return out;
  };
  for (const char* suffix : {".jpg[Q=90]", ".png", ".webp[lossless]"}) {
    const std::string bytes = EncodeByVips(pixels, suffix, to_srgb);
    const StoredPicture picture = Stored(bytes);
    ExpectSound(picture);
    EXPECT_LT(picture.data.size(), bytes.size()) << suffix;
    EXPECT_TRUE(DecodeImage(picture.data)->rgb == DecodeImage(bytes)->rgb) << suffix;
  }
}

TEST(MakeStoredPicture, EncodesCmykAnew) {
  const std::string bytes = EncodeByVips(TestGradient(64, 64), ".jpg[Q=95]", [](VipsImage* image) {
    VipsImage* out = nullptr;
    EXPECT_EQ(vips_colourspace(image, &out, VIPS_INTERPRETATION_CMYK, nullptr), 0) << vips_error_buffer();
    return out;
  });
  const StoredPicture picture = Stored(bytes);
  ExpectSound(picture);
  EXPECT_LT(MeanDifference(DecodeImage(picture.data).value(), DecodeImage(bytes).value()), 2);
}

TEST(MakeStoredPicture, KeepsGreyAndSixteenBitsAsTheyAre) {
  const std::string grey = EncodeByVips(TestGradient(64, 64), ".jpg[strip]", [](VipsImage* image) {
    VipsImage* out = nullptr;
    EXPECT_EQ(vips_colourspace(image, &out, VIPS_INTERPRETATION_B_W, nullptr), 0);
    return out;
  });
  const std::string deep = EncodeByVips(TestGradient(64, 64), ".png[strip]", [](VipsImage* image) {
    VipsImage* out = nullptr;
    EXPECT_EQ(vips_colourspace(image, &out, VIPS_INTERPRETATION_RGB16, nullptr), 0);
    return out;
  });
  for (const std::string& bytes : {grey, deep}) {
    const StoredPicture picture = Stored(bytes);
    ExpectSound(picture);
    EXPECT_TRUE(picture.data == bytes) << picture.media_type;
  }
}

TEST(MakeStoredPicture, EncodesGifAsPngAndAvifAsJpeg) {
  const Pixels pixels = TestGradient(120, 90);
  const StoredPicture from_gif = Stored(EncodeByVips(pixels, ".gif"));
  ExpectSound(from_gif);
  EXPECT_EQ(from_gif.media_type, "image/png");
  EXPECT_LT(MeanDifference(DecodeImage(from_gif.data).value(), pixels), 12);
  const StoredPicture from_avif = Stored(EncodeByVips(pixels, ".avif[Q=90]"));
  ExpectSound(from_avif);
  EXPECT_EQ(from_avif.media_type, "image/jpeg");
  EXPECT_LT(MeanDifference(DecodeImage(from_avif.data).value(), pixels), 4);
}

TEST(MakeStoredPicture, KeepsTheFirstFrameOfAnAnimation) {
  const Pixels first = TestTexture(40, 30);
  const StoredPicture from_png = Stored(AnimatedPng(first, 5));
  ExpectSound(from_png);
  EXPECT_TRUE(from_png.data == EncodeImage(first, "image/png").value());
  const StoredPicture from_webp = Stored(AnimatedWebp(3));
  ExpectSound(from_webp);
  EXPECT_EQ(from_webp.media_type, "image/jpeg");
  EXPECT_EQ(from_webp.width, 16);
}

TEST(MakeStoredPicture, RefusesAnimationsOfTooManyFrames) {
  StoredPictureOptions options;
  options.limits.max_frames = 4;
  for (const std::string& bytes : {AnimatedGif(5), AnimatedWebp(5), AnimatedPng(TestGradient(20, 20), 5)}) {
    const absl::Status status = MakeStoredPicture(bytes, options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "max_frames = 4")) << status;
  }
  EXPECT_EQ(ReadImageHeader(AnimatedGif(4), options.limits)->frames, 4);
  EXPECT_EQ(ReadImageHeader(AnimatedWebp(4), options.limits)->frames, 4);
  EXPECT_EQ(ReadImageHeader(AnimatedPng(TestGradient(20, 20), 4), options.limits)->frames, 4);
  EXPECT_EQ(CodeOf(AnimatedGif(10'000)), absl::StatusCode::kResourceExhausted);
}

TEST(MakeStoredPicture, KeepsTheMarkOfGeneratedMedia) {
  const std::string xmp = GeneratedMarkPacket();
  const Pixels pixels = TestTexture(64, 48);
  std::vector<std::string> pictures;
  for (const char* type : {"image/jpeg", "image/png", "image/webp"}) {
    pictures.push_back(EncodeImage(pixels, type, 90, xmp).value());
    EXPECT_TRUE(DecodeImage(Stored(pictures.back()).data)->rgb == DecodeImage(pictures.back())->rgb);
  }
  pictures.push_back(WithJpegSegment(pictures[0], 0xe1, ExifOrientation(6)));
  // A box of XMP as AVIF's item of that type would hold it, and a GIF's extension.
  const std::string item = absl::StrCat("mimeapplication/rdf+xml", xmp);
  pictures.push_back(
      absl::StrCat(EncodeByVips(pixels, ".avif"), Big32Bytes(static_cast<std::uint32_t>(item.size() + 4)), item));
  std::string gif = EncodeByVips(pixels, ".gif");
  gif.pop_back();
  absl::StrAppend(&gif, "\x21\xff\x0bXMP DataXMP");
  for (std::size_t at = 0; at < xmp.size(); at += 255) {
    const std::string block = xmp.substr(at, 255);
    absl::StrAppend(&gif, std::string(1, static_cast<char>(block.size())), block);
  }
  pictures.push_back(absl::StrCat(gif, std::string(1, '\0'), ";"));
  for (const std::string& bytes : pictures) {
    ASSERT_TRUE(HasGeneratedMark(bytes)) << ReadImageHeader(bytes)->media_type;
    const StoredPicture picture = Stored(bytes);
    ExpectSound(picture);
    EXPECT_TRUE(HasGeneratedMark(picture.data)) << picture.media_type;
    EXPECT_FALSE(absl::StrContains(picture.data, "Exif")) << picture.media_type;
  }
  EXPECT_FALSE(HasGeneratedMark(Stored(EncodeByVips(pixels, ".jpg")).data));
}

TEST(MakeStoredPicture, MakesRenditionsThatAreNotEnlarged) {
  StoredPictureOptions options;
  options.rendition_sides = {256, 128, 16};
  const Pixels pixels = TestGradient(200, 100);
  const StoredPicture picture = Stored(EncodeByVips(pixels, ".jpg[Q=95]"), options);
  ExpectSound(picture);
  ASSERT_EQ(picture.renditions.size(), 3u);
  constexpr int kExpected[][2] = {{200, 100}, {128, 64}, {16, 8}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(picture.renditions[i].side, options.rendition_sides[i]);
    const Pixels rendition = DecodeImage(picture.renditions[i].jpeg).value();
    EXPECT_EQ(rendition.width, kExpected[i][0]);
    EXPECT_EQ(rendition.height, kExpected[i][1]);
    EXPECT_LT(MeanDifference(rendition, Resize(pixels, rendition.width, rendition.height)), 3);
  }
  options.rendition_sides = {};
  EXPECT_TRUE(Stored(EncodeByVips(pixels, ".jpg"), options).renditions.empty());
}

TEST(MakeStoredPicture, RenditionsOfALargePictureAreThoseOfAWholeDecode) {
  const Pixels pixels = TestGradient(1500, 1100);
  const StoredPicture picture = Stored(EncodeByVips(pixels, ".jpg[Q=95,strip]"));
  EXPECT_LT(MeanDifference(DecodeImage(picture.renditions.at(0).jpeg).value(), Resize(pixels, 128, 94)), 2.5);
  EXPECT_EQ(picture.width, 1500);
  EXPECT_LE(std::popcount(picture.perceptual_hash ^ PerceptualHash(pixels)), 2);
}

TEST(MakeStoredPicture, RefusesPicturesThatAreCutAnywhere) {
  const Pixels pixels = TestTexture(64, 64);
  for (const std::string& bytes :
       {EncodeByVips(pixels, ".jpg"), EncodeByVips(pixels, ".jpg[interlace]"), EncodeByVips(pixels, ".png"),
        EncodeByVips(pixels, ".png[interlace]"), EncodeByVips(pixels, ".webp"), EncodeByVips(pixels, ".gif"),
        EncodeByVips(pixels, ".avif[Q=90]")}) {
    const std::string type = ReadImageHeader(bytes)->media_type;
    for (std::size_t size = 0; size + 2 < bytes.size(); size += 97) {
      EXPECT_EQ(CodeOf(bytes.substr(0, size)), absl::StatusCode::kInvalidArgument)
          << type << " cut at " << size << " of " << bytes.size();
    }
  }
}

TEST(MakeStoredPicture, RefusesDecompressionBombsBeforeItDecodes) {
  EXPECT_EQ(CodeOf(FlatPng(50'000, 50'000)), absl::StatusCode::kResourceExhausted);
  StoredPictureOptions options;
  options.limits.max_pixels = 5'000;
  for (const char* suffix : {".jpg", ".png", ".webp", ".gif", ".avif"}) {
    const absl::Status status = MakeStoredPicture(EncodeByVips(TestGradient(80, 80), suffix), options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << suffix << status;
  }
}

TEST(MakeStoredPicture, RefusesHeadersThatLie) {
  // A JPEG that claims more rows than it has.
  std::string jpeg = EncodeByVips(TestTexture(64, 64), ".jpg[strip]");
  const std::size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  jpeg[frame + 5] = 1;
  EXPECT_EQ(CodeOf(jpeg), absl::StatusCode::kInvalidArgument);
  // A PNG that claims to be wider.
  std::string png = EncodeByVips(TestTexture(64, 64), ".png[strip]");
  png[19] = 65;
  EXPECT_EQ(CodeOf(png), absl::StatusCode::kInvalidArgument);
  // A GIF whose frame is larger than its screen.
  std::string gif = EncodeByVips(TestTexture(200, 200), ".gif");
  gif[6] = gif[8] = 10;
  StoredPictureOptions options;
  options.limits.max_pixels = 10'000;
  EXPECT_EQ(CodeOf(gif, options), absl::StatusCode::kResourceExhausted);
}

TEST(MakeStoredPicture, RefusesAProgressiveJpegOfAThousandScans) {
  std::string jpeg = EncodeByVips(TestTexture(32, 32), ".jpg[interlace,strip]");
  // The last scan again and again.
  const std::size_t scan = jpeg.rfind("\xff\xda");
  const std::string last = jpeg.substr(scan, jpeg.size() - 2 - scan);
  std::string scans;
  for (int i = 0; i < 1000; ++i) scans += last;
  jpeg.insert(jpeg.size() - 2, scans);
  EXPECT_EQ(CodeOf(jpeg), absl::StatusCode::kInvalidArgument);
}

TEST(ReadImageHeader, ReadsAvif) {
  const absl::StatusOr<ImageHeader> header = ReadImageHeader(EncodeByVips(TestGradient(97, 61), ".avif"));
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->width, 97);
  EXPECT_EQ(header->height, 61);
  EXPECT_EQ(header->media_type, "image/avif");
  EXPECT_EQ(header->frames, 1);
}

TEST(ReadImageHeader, SeesTheSizeOfAv1DataBehindALyingBox) {
  std::string avif = EncodeByVips(TestGradient(400, 300), ".avif");
  const std::size_t ispe = avif.find("ispe");
  ASSERT_NE(ispe, std::string::npos);
  avif.replace(ispe + 8, 8, std::string("\0\0\0\x10\0\0\0\x10", 8));
  ImageLimits limits;
  limits.max_pixels = 50'000;
  EXPECT_EQ(ReadImageHeader(avif, limits).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadImageHeader(avif)->width, 16);
  EXPECT_EQ(CodeOf(avif), absl::StatusCode::kInvalidArgument);
}

TEST(ReadImageHeader, RefusesHeicAndOtherIsoMedia) {
  const std::string avif = EncodeByVips(TestGradient(32, 32), ".avif");
  std::string heic = avif;
  heic.replace(8, 4, "heic");
  heic.replace(16, 4, "heic");
  const absl::Status status = ReadImageHeader(heic).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "HEIC")) << status;
  std::string mislabelled = avif;
  const std::size_t item = mislabelled.find("av01");
  mislabelled.replace(item, 4, "hvc1");
  EXPECT_EQ(ReadImageHeader(mislabelled).status().code(), absl::StatusCode::kInvalidArgument);
  std::string video = avif;
  video.replace(8, 4, "isom");
  video.replace(16, 4, "mp42");
  EXPECT_EQ(ReadImageHeader(video).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReadImageHeader, EndsForEveryByteOfAnAvifHeaderThatIsWrong) {
  const std::string avif = EncodeByVips(TestGradient(32, 32), ".avif");
  for (std::size_t at = 0; at < std::min<std::size_t>(avif.size(), 400); ++at) {
    for (const int value : {0x00, 0x7f, 0xff}) {
      std::string wrong = avif;
      wrong[at] = static_cast<char>(value);
      const absl::StatusOr<ImageHeader> header = ReadImageHeader(wrong);
      EXPECT_TRUE(!header.ok() || header->width > 0);
    }
  }
}

}  // namespace
}  // namespace mannequin
