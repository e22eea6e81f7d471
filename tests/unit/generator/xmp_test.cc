#include "services/generator/xmp.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/image/generated_mark.h"
#include "common/image/image.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

Pixels Grey() { return {32, 32, std::vector<std::uint8_t>(32 * 32 * 3, 128)}; }

TEST(Xmp, SaysThatANetworkDrewItForWhatByWhatAndFromWhichSeed) {
  const std::string xmp = GeneratedXmp(
      {.product_id = "B00X", .bundle_version = "b-1", .seed = 18446744073709551615u, .category_card = false});
  for (const char* part : {kGeneratedSourceType, "Iptc4xmpExt:DigitalSourceType=\"http", "mannequin:ProductId=\"B00X\"",
                           "mannequin:BundleVersion=\"b-1\"", "mannequin:Seed=\"18446744073709551615\""}) {
    EXPECT_TRUE(absl::StrContains(xmp, part)) << part;
  }
}

TEST(Xmp, EscapesWhatWouldEndAnAttribute) {
  EXPECT_FALSE(absl::StrContains(
      GeneratedXmp({.product_id = "\"/><evil", .bundle_version = "", .seed = 0, .category_card = false}), "<evil"));
}

TEST(Xmp, OfACardNamesTheProgramsSourceTypeAndNoSeed) {
  const std::string xmp =
      GeneratedXmp({.product_id = "B00X", .bundle_version = "b-1", .seed = 0, .category_card = true});
  EXPECT_TRUE(absl::StrContains(xmp, absl::StrCat("DigitalSourceType=\"", kProgramSourceType, "\""))) << xmp;
  EXPECT_FALSE(absl::StrContains(xmp, "Seed")) << xmp;
  for (const char* type : {"image/png", "image/jpeg", "image/webp"}) {
    EXPECT_EQ(GeneratedSourceTypeOf(EncodeImage(Grey(), type, 90, xmp).value()), kProgramSourceType) << type;
  }
}

TEST(GeneratedMark, IsFoundInEveryFormatThatCarriesIt) {
  for (const char* type : {"image/png", "image/jpeg", "image/webp"}) {
    const std::string marked = EncodeImage(Grey(), type, 90, GeneratedXmp({})).value();
    EXPECT_TRUE(HasGeneratedMark(marked)) << type;
    EXPECT_FALSE(HasGeneratedMark(EncodeImage(Grey(), type).value())) << type;
    EXPECT_FALSE(HasGeneratedMark(EncodeImage(Grey(), type, 90, "<x:xmpmeta/>").value())) << type;
  }
}

TEST(GeneratedMark, IsMetadataNotJustBytesInTheFile) {
  for (const char* type : {"image/png", "image/jpeg", "image/webp"}) {
    EXPECT_FALSE(HasGeneratedMark(EncodeImage(Grey(), type).value() + kGeneratedSourceType)) << type;
  }
}

TEST(GeneratedMark, IsNotInWhatIsNoPicture) {
  EXPECT_FALSE(HasGeneratedMark(""));
  EXPECT_FALSE(HasGeneratedMark(kGeneratedSourceType));
  const std::string marked = EncodeImage(Grey(), "image/png", 90, GeneratedXmp({})).value();
  for (std::size_t length = 0; length < marked.size(); length += 7) HasGeneratedMark(marked.substr(0, length));
}

}  // namespace
}  // namespace mannequin
