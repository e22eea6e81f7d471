#include <filesystem>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/base/sha256.h"
#include "common/base/text_config.h"
#include "common/base/xml.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(TextConfig, NamesAnUnknownKeyWithItsPlace) {
  config::v1::StoreConfig config;
  const absl::Status status = ParseTextConfig("data: \"x\"\ncolour: \"red\"\n", "store.textproto", &config);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), StartsWith("store.textproto:2:"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("colour"));
}

TEST(TextConfig, RefusesARepeatedScalar) {
  config::v1::StoreConfig config;
  EXPECT_FALSE(ParseTextConfig("data: \"x\" data: \"y\"", "store.textproto", &config).ok());
}

TEST(TextConfig, SaysWhichFileIsMissing) {
  config::v1::StoreConfig config;
  const absl::Status status = ReadTextConfig("/nonexistent/store.textproto", &config);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/store.textproto"));
}

TEST(Sha256, AgreesWithTheStandardsExample) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const std::string folder = MakeTemporaryFolder("sha256").value();
  const std::string bytes(3'000'000, 'x');
  ASSERT_TRUE(WriteFileAtomically(folder + "/f", bytes).ok());
  EXPECT_EQ(Sha256HexOfFile(folder + "/f").value(), Sha256Hex(bytes));
  std::filesystem::remove_all(folder);
}

TEST(File, IsReplacedWholeAndLeavesNothingBeside) {
  const std::string folder = MakeTemporaryFolder("file").value();
  ASSERT_TRUE(WriteFileAtomically(folder + "/f", "old").ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "/f", "new").ok());
  EXPECT_EQ(ReadFile(folder + "/f").value(), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  std::filesystem::remove_all(folder);
}

TEST(File, InAFolderThatIsNotThereIsAnErrorWithThePath) {
  const absl::Status status = WriteFileAtomically("/nonexistent/f", "x");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/f"));
}

TEST(NewId, SortsByTimeAndDiffers) {
  const absl::Time now = absl::FromUnixMillis(1'700'000'000'000);
  const std::string first = NewId("job-", now);
  EXPECT_EQ(first.size(), 4u + 26u);
  EXPECT_NE(first, NewId("job-", now));
  EXPECT_LT(first, NewId("job-", now + absl::Milliseconds(1)));
}

TEST(Log, RefusesALevelThatItDoesNotKnow) {
  config::v1::LogConfig config;
  config.set_level("loud");
  EXPECT_EQ(InitLog("test", config).code(), absl::StatusCode::kInvalidArgument);
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(absl::UnixEpoch());
  EXPECT_EQ(clock.Now(), absl::UnixEpoch());
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), absl::UnixEpoch() + absl::Seconds(5));
}

TEST(EscapeXml, LeavesNothingThatXmlWouldReadOrRefuse) {
  EXPECT_EQ(EscapeXml("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&apos;");
  EXPECT_EQ(EscapeXml("a\tb\nc\rd"), "a&#9;b&#10;c&#13;d");
  EXPECT_EQ(EscapeXml(std::string("a\0b\x1F", 4)), "a\uFFFDb\uFFFD");
  EXPECT_EQ(EscapeXml("\uFFFEx\uFFFF"), "\uFFFDx\uFFFD");
  EXPECT_EQ(EscapeXml("caf\u00E9 \u4E2D"), "caf\u00E9 \u4E2D");
}

}  // namespace
}  // namespace mannequin
