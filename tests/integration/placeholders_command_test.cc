// placeholders and export --channel as a person meets them.
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/image/generated_mark.h"
#include "common/model/bundle.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/integration/command_suite.h"
#include "tests/unit/model/random_bundle.h"

namespace mannequin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PlaceholdersCommand : public CommandSuite {
 protected:
  // Two shirts and a pair of boots, none with a picture, and a bundle that draws them.
  void SetUp() override {
    std::filesystem::create_directories(folder_ + "/data/bundles");
    PromoteRandomBundle(BundleFolder(folder_ + "/data/bundles"));
    Serve();
    std::string lines;
    for (const auto& [id, category] : {std::pair{"S1", "Shirts"}, {"S2", "Shirts"}, {"B1", "Boots"}}) {
      lines +=
          nlohmann::json{{"id", id}, {"title", "Acme blue thing"}, {"category_path", {"Apparel", category}}}.dump() +
          "\n";
    }
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/products.jsonl", lines).ok());
    ASSERT_EQ(Run({"ingest", folder_ + "/products.jsonl"}).status, 0);
  }
  Ended Do(std::vector<std::string> words) const {
    words.insert(words.begin(), "placeholders");
    return Run(words);
  }
  nlohmann::json Json(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--output", "json"});
    const Ended ended = Run(words);
    EXPECT_EQ(ended.status, 0) << ended.errors;
    return nlohmann::json::parse(ended.output, nullptr, false);
  }
};

TEST_F(PlaceholdersCommand, GoTheWholeWayAndKeepTheirHistory) {
  Ended ended = Do({"make", "--category", "Apparel > Shirts"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("proposed  2"));
  EXPECT_THAT(Do({"list"}).output, AllOf(HasSubstr("S1"), HasSubstr("Apparel > Shirts"), Not(HasSubstr("B1"))));
  EXPECT_THAT(Do({"list", "--category", "Apparel > Boots"}).output, Not(HasSubstr("S1")));
  EXPECT_THAT(Do({"list", "--min-confidence", "1"}).output, Not(HasSubstr("S1")));

  ASSERT_EQ(Do({"reject", "S1", "--reason", "not a shirt", "--reviewer", "kim"}).status, 0);
  ended = Do({"redraw", "S1", "--color", "red", "--reason", "another colour", "--reviewer", "lee"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("S1  proposed  confidence"));
  ended = Do({"approve", "--above", "0", "--category", "Apparel", "--reviewer", "park"});
  EXPECT_THAT(ended.output, HasSubstr("approved  2"));
  ASSERT_EQ(Do({"withdraw", "S1", "--reason", "a customer complained", "--reviewer", "kim"}).status, 0);
  ended = Do({"history", "S1"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  const std::vector<std::string> rows = absl::StrSplit(ended.output, '\n', absl::SkipEmpty());
  ASSERT_EQ(rows.size(), 6u) << ended.output;
  EXPECT_THAT(rows[1], HasSubstr("proposed"));
  EXPECT_THAT(rows[2], AllOf(HasSubstr("rejected"), HasSubstr("kim"), HasSubstr("not a shirt")));
  EXPECT_THAT(rows[3], AllOf(HasSubstr("proposed"), HasSubstr("lee"), HasSubstr("color: red")));
  EXPECT_THAT(rows[4], AllOf(HasSubstr("approved"), HasSubstr("park")));
  EXPECT_THAT(rows[5], AllOf(HasSubstr("rejected"), HasSubstr("a customer complained")));

  ended = Do({"withdraw", "B1"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("B1: there is none"));
  ended = Do({"approve", "S1"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("is REJECTED; only one that is PROPOSED can be approved"));
}

TEST_F(PlaceholdersCommand, GoToAChannelOnlyWhereItAllowsThem) {
  ASSERT_EQ(Do({"make"}).status, 0);
  ASSERT_EQ(Do({"approve", "S1", "B1"}).status, 0);
  Ended ended = Do({"export", "--out", folder_ + "/amazon", "--channel", "amazon"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("Amazon, main image: generated images are not allowed"),
                                  HasSubstr("professional photograph"), HasSubstr("https://")));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/amazon"));
  ended = Do({"export", "--out", folder_ + "/google", "--channel", "google_merchant"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_TRUE(HasGeneratedMark(ReadFile(folder_ + "/google/S1.png").value()));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/google/S2.png")) << "is not approved";
  EXPECT_EQ(Do({"export", "--channel", "google_merchant", "--state", "proposed"}).status, kFailed);

  const std::string file = folder_ + "/out.jsonl";
  nlohmann::json report =
      Json({"export", file, "--channel", "google_merchant", "--image-base", "https://shop.example"});
  EXPECT_EQ(report["placeholders_linked"], 2);
  EXPECT_EQ(report["placeholders_left_out"], 0);
  EXPECT_THAT(ReadFile(file).value(), HasSubstr("\"imageUrl\":\"https://shop.example/images/S1\""));
  report = Json({"export", file, "--channel", "amazon", "--image-base", "https://shop.example"});
  EXPECT_EQ(report["placeholders_linked"], 0);
  EXPECT_EQ(report["placeholders_left_out"], 2);
  EXPECT_THAT(ReadFile(file).value(), Not(HasSubstr("imageUrl")));
  EXPECT_THAT(Run({"export", file, "--channel", "naver"}).errors,
              HasSubstr("2 approved placeholders left out: Naver SmartStore"));
  EXPECT_THAT(Run({"export", file, "--channel", "google_merchant"}).errors, HasSubstr("give --image-base"));
}

TEST_F(PlaceholdersCommand, SayUsageWithStatusTwo) {
  EXPECT_EQ(Do({"approve"}).status, kUsage);
  EXPECT_EQ(Do({"approve", "S1", "--above", "0.5"}).status, kUsage);
  EXPECT_EQ(Do({"approve", "--above", "2"}).status, kUsage);
  EXPECT_EQ(Do({"make", "S1", "--category", "Apparel"}).status, kUsage);
  EXPECT_EQ(Do({"redraw"}).status, kUsage);
  EXPECT_EQ(Do({"export", "--channel", "ebay"}).status, kUsage);
  EXPECT_EQ(Run({"export", "x", "--image-base", "https://shop.example"}).status, kUsage);
  EXPECT_EQ(Run({"export", "x", "--channel", "amazon", "--image-base", "shop"}).status, kUsage);
  for (const char* command : {"make", "list", "approve", "reject", "redraw", "withdraw", "history", "export"}) {
    EXPECT_THAT(Do({command, "--help"}).output, HasSubstr(std::string("  mannequin placeholders ") + command));
  }
}

}  // namespace
}  // namespace mannequin
