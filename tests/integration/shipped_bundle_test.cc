// The bundle that comes with the program: drawing and scoring before anyone has trained.
#include <filesystem>

#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/integration/command_suite.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

class ShippedBundle : public CommandSuite {
 protected:
  // Nobody listens at the server's address.
  nlohmann::json Json(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--output", "json"});
    const Ended ended = Run(words);
    EXPECT_EQ(ended.status, 0) << ended.errors;
    return nlohmann::json::parse(ended.output, nullptr, false);
  }
};

TEST_F(ShippedBundle, DrawsWithoutAServerAndIsRecognisedWhenItIsPassedOffAsAPhoto) {
  const nlohmann::json drawn = Json({"generate", "--local", "--title", "Black leather handbag", "--category",
                                     "Handbags", "--color", "black", "--out", folder_});
  ASSERT_EQ(drawn["images"].size(), 1u) << drawn;
  const std::string path = drawn["images"][0]["path"];
  const auto picture = DecodeImage(ReadFile(path).value());
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_EQ(picture->width, 128);

  const nlohmann::json verdict =
      Json({"score", "--local", path, "--title", "Black leather handbag", "--category", "Handbags"});
  EXPECT_EQ(verdict["verdict"], "ABUSE");
  EXPECT_EQ(verdict["reasons"][0], "PLACEHOLDER");
  EXPECT_EQ(verdict["bundle_version"], drawn["bundle_version"]);
}

TEST_F(ShippedBundle, SaysWhatThePictureLooksLikeAndWhyThereIsNoEvidenceInAnEmptyStore) {
  const nlohmann::json drawn = Json({"generate", "--local", "--title", "Black leather handbag", "--category",
                                     "Handbags", "--color", "black", "--out", folder_});
  ASSERT_EQ(drawn["images"].size(), 1u) << drawn;
  const nlohmann::json verdict = Json({"score", "--local", drawn["images"][0]["path"], "--title", "White sports shoes",
                                       "--category", "Sports Shoes", "--evidence", "3"});
  EXPECT_EQ(verdict["looks_like"]["category"], "Handbags");
  EXPECT_EQ(verdict["looks_like"]["color"], "black");
  ASSERT_EQ(verdict["degraded"].size(), 2u) << verdict;
  EXPECT_THAT(verdict["degraded"][0].get<std::string>(), HasSubstr("evidence by picture: "));
  EXPECT_THAT(verdict["degraded"][1].get<std::string>(), HasSubstr("evidence by text: the embedder at 127.0.0.1:"));
}

TEST_F(ShippedBundle, APictureByItsAddressIsFetchedByTheSuitesOwnFetcherWhichRefusesPrivateOnes) {
  const Ended ended =
      Run({"score", "--local", "http://127.0.0.1:1/photo.jpg", "--title", "Blue shirt", "--category", "Shirts"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("image_url: forbidden_address: "));
}

TEST_F(ShippedBundle, TellsACategoryThatItDoesNotKnow) {
  const Ended ended = Run({"generate", "--local", "--title", "Row boat", "--category", "Boats", "--out", folder_});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("category \"Boats\" is not known to bundle"));
}

TEST_F(ShippedBundle, ScoresAFileOfListingsInItsOrder) {
  const nlohmann::json drawn = Json({"generate", "--local", "--category", "Shirts", "--out", folder_});
  ASSERT_EQ(drawn["images"].size(), 1u) << drawn;
  const std::string photos = folder_ + "/photos";
  std::filesystem::create_directories(photos);
  std::filesystem::copy_file(drawn["images"][0]["path"].get<std::string>(), photos + "/one.png");
  ASSERT_TRUE(WriteFileAtomically(photos + "/two.jpg", "no picture").ok());
  std::string listings;
  for (const char* id : {"one", "two", "three"}) {
    listings += nlohmann::json{{"id", id}, {"title", "Blue shirt"}, {"category_path", {"Shirts"}}}.dump() + "\n";
  }
  listings += "not a listing\n";
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/listings.jsonl", listings).ok());
  const Ended ended =
      Run({"--output", "json", "score", "--local", "--from", folder_ + "/listings.jsonl", "--images", photos});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  std::vector<nlohmann::json> lines;
  for (const absl::string_view line : absl::StrSplit(ended.output, '\n', absl::SkipEmpty())) {
    lines.push_back(nlohmann::json::parse(line));
  }
  ASSERT_EQ(lines.size(), 4u) << ended.output;
  EXPECT_FALSE(lines[0].contains("id"));
  EXPECT_THAT(lines[0]["error"].get<std::string>(), HasSubstr("listings.jsonl:4"));
  lines.erase(lines.begin());
  EXPECT_EQ(lines[0]["id"], "one");
  EXPECT_EQ(lines[0]["verdict"], "ABUSE");
  EXPECT_EQ(lines[0]["probability"]["PLACEHOLDER"], 1);
  EXPECT_EQ(lines[1]["id"], "two");
  EXPECT_THAT(lines[1]["error"].get<std::string>(), HasSubstr("image: "));
  EXPECT_EQ(lines[2]["id"], "three");
  EXPECT_EQ(lines[2]["verdict"], "NOT_SCORED");
  EXPECT_THAT(lines[2]["not_scored_reason"].get<std::string>(), HasSubstr("no picture"));
  EXPECT_THAT(ended.errors, HasSubstr("1 scored, 1 not scored, 1 failed, 1 lines are no listing"));
}

TEST_F(ShippedBundle, IsInstalledOnceIntoAFolderOfBundles) {
  const std::string bundles = folder_ + "/bundles";
  std::filesystem::create_directories(bundles);
  const nlohmann::json first = Json({"models", "install", bundles});
  EXPECT_EQ(first["installed"], true);
  const std::string version = first["current_version"];
  EXPECT_TRUE(std::filesystem::exists(bundles + "/" + version + "/MODEL_CARD.md"));
  const nlohmann::json second = Json({"models", "install", bundles});
  EXPECT_EQ(second["installed"], false);
  EXPECT_EQ(second["current_version"], version);
}

TEST_F(ShippedBundle, IsWhatAnEmptySuiteBeginsWithUnlessItIsToldNotTo) {
  shipped_bundle_ = true;
  Serve();
  const nlohmann::json listed = Json({"models", "list"});
  ASSERT_EQ(listed["bundles"].size(), 1u) << listed;
  EXPECT_EQ(listed["current_version"], listed["bundles"][0]["version"]);
  up_.reset();
  std::filesystem::remove_all(folder_ + "/data");
  shipped_bundle_ = false;
  Serve();
  EXPECT_TRUE(Json({"models", "list"})["bundles"].empty());
}

}  // namespace
}  // namespace mannequin
