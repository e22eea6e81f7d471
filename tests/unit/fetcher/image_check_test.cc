#include "services/fetcher/image_check.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "common/base/sha256.h"
#include "common/image/resize.h"
#include "tests/unit/image/picture_files.h"

namespace mannequin {
namespace {

ImageCheck Check(std::string body, const ImageCheckOptions& options = {}) {
  return CheckImage(std::move(body), options);
}

// "NOT_AVAILABLE", or "" for a good picture.
std::string Failure(const ImageCheck& check) {
  return check.failure == v1::FETCH_FAILURE_UNSPECIFIED ? "" : v1::FetchFailure_Name(check.failure).substr(14);
}

TEST(CheckImage, OfAGoodPictureMakesWhatIsStored) {
  // Mirrored: darker to the right is what the hash sees.
  const std::string body = EncodeByVips(Upright(TestTexture(200, 100), 2), ".jpg");
  const ImageCheck check = Check(body);
  EXPECT_EQ(Failure(check), "") << check.message;
  EXPECT_EQ(check.source_sha256, Sha256Hex(body));
  EXPECT_EQ(check.picture.media_type, "image/jpeg");
  EXPECT_EQ(check.picture.width, 200);
  EXPECT_FALSE(absl::StrContains(check.picture.data, "Exif"));
  ASSERT_EQ(check.picture.renditions.size(), 1u);
  EXPECT_EQ(check.picture.renditions[0].side, 128);
  EXPECT_EQ(ReadImageHeader(check.picture.renditions[0].jpeg)->width, 128);
  EXPECT_NE(check.picture.perceptual_hash, 0u);
}

TEST(CheckImage, KeepsTheOriginalWhenAsked) {
  const std::string body = EncodeByVips(TestTexture(200, 100), ".jpg");
  ImageCheckOptions options;
  options.keep_original = true;
  options.rendition_sides = {};
  const ImageCheck check = Check(body, options);
  EXPECT_TRUE(check.picture.data == body);
  EXPECT_TRUE(check.picture.renditions.empty());
}

TEST(CheckImage, NamesWhatIsNoPicture) {
  EXPECT_EQ(Failure(Check("")), "EMPTY_BODY");
  EXPECT_EQ(Failure(Check("plain words")), "NOT_AN_IMAGE");
  const ImageCheck page = Check("  <!DOCTYPE html><html>Sorry</html>");
  EXPECT_EQ(Failure(page), "NOT_AN_IMAGE");
  EXPECT_TRUE(absl::StrContains(page.message, "HTML")) << page.message;
  const std::string whole = EncodeByVips(TestTexture(64, 64), ".jpg");
  const ImageCheck cut = Check(whole.substr(0, whole.size() / 2));
  EXPECT_EQ(Failure(cut), "NOT_AN_IMAGE");
  EXPECT_EQ(cut.source_sha256.size(), 64u);
}

TEST(CheckImage, NamesWhatIsTooLarge) {
  ImageCheckOptions options;
  options.limits.max_pixels = 100;
  EXPECT_EQ(Failure(Check(EncodeByVips(TestTexture(64, 64), ".png"), options)), "TOO_LARGE");
  EXPECT_EQ(Failure(Check(AnimatedGif(10'000))), "TOO_LARGE");
}

TEST(CheckImage, NamesPicturesThatSayThatThereIsNone) {
  const Pixels white{120, 120, std::vector<std::uint8_t>(std::size_t{3} * 120 * 120, 255)};
  const ImageCheck blank = Check(EncodeByVips(white, ".jpg"));
  EXPECT_EQ(Failure(blank), "NOT_AVAILABLE");
  EXPECT_NE(blank.message, "");
  EXPECT_EQ(Failure(Check(EncodeByVips(TestTexture(1, 1), ".gif"))), "NOT_AVAILABLE");
}

TEST(CheckImage, NamesPicturesWhoseHashIsListed) {
  const std::string body = EncodeByVips(TestTexture(64, 64), ".png");
  ImageCheckOptions options;
  options.not_available_sha256 = {Sha256Hex(body)};
  for (const bool header_only : {false, true}) {
    options.header_only = header_only;
    EXPECT_EQ(Failure(Check(body, options)), "NOT_AVAILABLE");
  }
  options.not_available_sha256 = {Sha256Hex("another")};
  EXPECT_EQ(Failure(Check(body, options)), "");
}

TEST(CheckImage, ByTheHeaderAloneKeepsTheBytesAndFindsTrackers) {
  ImageCheckOptions options;
  options.header_only = true;
  const std::string whole = EncodeByVips(TestTexture(64, 48), ".jpg");
  const std::string cut = whole.substr(0, whole.size() - 50);
  const ImageCheck check = Check(cut, options);
  EXPECT_EQ(Failure(check), "");
  EXPECT_TRUE(check.picture.data == cut);
  EXPECT_EQ(check.picture.width, 64);
  EXPECT_TRUE(check.picture.renditions.empty());
  EXPECT_EQ(check.source_sha256, Sha256Hex(cut));
  EXPECT_EQ(Failure(Check(EncodeByVips(TestTexture(1, 1), ".gif"), options)), "NOT_AVAILABLE");
}

}  // namespace
}  // namespace mannequin
