// score --keep, --replay, queue, review and reviews as a person meets them.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/image/image.h"
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
using ::testing::StartsWith;

class ScoreCommand : public CommandSuite {
 protected:
  void Serve(const RandomBundleOptions& options) {
    std::filesystem::create_directories(folder_ + "/data/bundles");
    bundle_ = PromoteRandomBundle(BundleFolder(folder_ + "/data/bundles"), options).version();
    CommandSuite::Serve();
  }
  Ended Score(std::vector<std::string> words) const {
    words.insert(words.begin(), "score");
    return Run(words);
  }
  // Lines of JSON.
  std::vector<nlohmann::json> Json(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--output", "json", "score"});
    const Ended ended = Run(words);
    EXPECT_EQ(0, ended.status) << ended.errors;
    return Lines(ended.output);
  }
  static std::vector<nlohmann::json> Lines(const std::string& text) {
    std::vector<nlohmann::json> lines;
    for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }
  std::string Picture(const std::string& name, int shade) const {
    Pixels pixels{60, 40, {}};  // not tiny, which would be a reason of its own
    for (int y = 0; y < pixels.height; ++y) {
      for (int x = 0; x < pixels.width * 3; ++x) {
        pixels.rgb.push_back(static_cast<std::uint8_t>((x * 5 + y * 3 + shade) % 256));
      }
    }
    const std::string path = absl::StrCat(folder_, "/photos/", name, ".jpg");
    std::filesystem::create_directories(folder_ + "/photos");
    EXPECT_TRUE(WriteFileAtomically(path, EncodeImage(pixels, "image/jpeg").value()).ok());
    return path;
  }

  std::string bundle_;
};

TEST_F(ScoreCommand, AVerdictIsKeptReplayedAndReviewed) {
  Serve({.mismatch_bias = 4});
  const std::string photo = Picture("B00X", 0);
  const std::vector<std::string> listing = {photo,        "--id",   "B00X",    "--title", "Acme blue shirt",
                                            "--category", "Shirts", "--color", "blue",    "--keep"};
  ASSERT_EQ(0, Score(listing).status);
  Picture("q1", 1);
  const std::string line = nlohmann::json{{"id", "q1"}, {"title", "Acme shirt"}, {"category_path", {"Shirts"}}}.dump();
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/listings.jsonl", line + "\n").ok());
  const Ended many = Score({"--from", folder_ + "/listings.jsonl", "--images", folder_ + "/photos", "--keep"});
  ASSERT_EQ(0, many.status) << many.errors;

  // The store has no picture of a listing that was sent with its own.
  Ended ended = Score({"--replay", "B00X"});
  EXPECT_EQ(kFailed, ended.status);
  EXPECT_THAT(ended.errors, HasSubstr("is not in the store; send it"));
  ended = Score({"--replay", "B00X", "--image", photo});
  EXPECT_EQ(0, ended.status) << ended.errors;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("B00X, then"), HasSubstr("the same, by bundle " + bundle_)));
  const nlohmann::json replay = Json({"--replay", "B00X", "--image", photo})[0];
  EXPECT_TRUE(replay["same"]);
  EXPECT_EQ("ABUSE", replay["now"]["verdict"]);

  std::vector<nlohmann::json> queue = Json({"queue"});
  ASSERT_EQ(2u, queue.size());
  EXPECT_EQ("B00X", queue[0]["id"]);
  EXPECT_EQ("ABUSE", queue[0]["verdict"]);
  EXPECT_EQ("blue", queue[0]["attributes"]["color"]);
  ended = Score({"queue", "--limit", "1"});
  EXPECT_THAT(ended.output, AllOf(HasSubstr("MISMATCH"), HasSubstr("Acme blue shirt")));
  EXPECT_THAT(ended.errors, HasSubstr("more wait"));
  EXPECT_TRUE(Json({"queue", "--kind", "review"}).empty());

  ended = Score({"review", "--decision", "abuse", "--reason", "mismatch", "--reason", "overlay", "B00X", "--reviewer",
                 "kim", "--note", "a boot"});
  EXPECT_EQ(0, ended.status) << ended.errors;
  EXPECT_THAT(ended.output,
              AllOf(StartsWith("ABUSE       B00X, the verdict"), HasSubstr("by kim: MISMATCH, PROMOTIONAL_OVERLAY")));
  ASSERT_EQ(0, Score({"review", "q1", "--decision", "clean", "--reviewer", "kim"}).status);
  EXPECT_TRUE(Json({"queue"}).empty());

  // Killed and started again: nothing is lost.
  up_->Signal(SIGKILL);
  up_->Wait();
  CommandSuite::Serve();
  ended = Score({"reviews", "--export", folder_ + "/reviews.jsonl"});
  EXPECT_EQ(0, ended.status) << ended.errors;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("50.0 %"), HasSubstr("2 reviews")));
  const std::vector<nlohmann::json> reviews = Lines(ReadFile(folder_ + "/reviews.jsonl").value());
  ASSERT_EQ(2u, reviews.size());
  EXPECT_EQ("B00X", reviews[0]["id"]);
  EXPECT_EQ("Acme blue shirt", reviews[0]["title"]);
  EXPECT_EQ(Sha256Hex(ReadFile(photo).value()), reviews[0]["image_sha256"]);
  EXPECT_EQ("ABUSE", reviews[0]["decision"]);
  EXPECT_EQ((std::vector<std::string>{"MISMATCH", "PROMOTIONAL_OVERLAY"}), reviews[0]["reasons"]);
  EXPECT_EQ("ABUSE", reviews[0]["verdict"]);
  EXPECT_NEAR(0.982, reviews[0]["probability"]["MISMATCH"], 1e-3);
  EXPECT_EQ("CLEAN", reviews[1]["decision"]);
  const nlohmann::json agreement = Json({"reviews"})[0];
  EXPECT_EQ(0.5, agreement["agreed"]);
  EXPECT_EQ(1, agreement["reasons"][0]["confirmed"]);
}

TEST_F(ScoreCommand, ManyPicturesGetALineEachInTheirOrderAndOneThatCannotBeJudgedIsAFailure) {
  Serve({.mismatch_bias = 4});
  const std::vector<std::string> listing = {"--title", "Acme blue shirt", "--category", "Shirts"};
  std::vector<std::string> pictures;
  for (int i = 0; i < 40; ++i) pictures.push_back(Picture(absl::StrCat("many", i), 3 * i));
  std::vector<std::string> words = pictures;
  words.insert(words.end(), listing.begin(), listing.end());
  const std::vector<nlohmann::json> lines = Json(words);
  ASSERT_EQ(40u, lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(pictures[i], lines[i]["id"]);
    EXPECT_EQ("ABUSE", lines[i]["verdict"]);
  }

  ASSERT_TRUE(WriteFileAtomically(folder_ + "/broken.jpg", "no picture").ok());
  words = {pictures[0], folder_ + "/broken.jpg", folder_ + "/nothing.jpg", folder_, pictures[1]};
  words.insert(words.end(), listing.begin(), listing.end());
  words.insert(words.begin(), {"--output", "json", "score"});
  Ended ended = Run(words);
  EXPECT_EQ(kFailed, ended.status);
  EXPECT_THAT(ended.errors, HasSubstr("3 of 5 pictures could not be judged; the first: "));
  const std::vector<nlohmann::json> five = Lines(ended.output);
  ASSERT_EQ(5u, five.size());
  EXPECT_EQ("ABUSE", five[0]["verdict"]);
  EXPECT_EQ(folder_ + "/broken.jpg", five[1]["id"]);
  EXPECT_TRUE(five[1].contains("error")) << five[1];
  EXPECT_THAT(five[2]["error"].get<std::string>(), HasSubstr("nothing.jpg"));
  EXPECT_THAT(five[3]["error"].get<std::string>(), HasSubstr("is a folder"));
  EXPECT_EQ("ABUSE", five[4]["verdict"]);

  // One alone says it itself, and so does a category that the bundle does not know.
  ended = Score({folder_ + "/nothing.jpg", "--title", "Shirt", "--category", "Shirts"});
  EXPECT_EQ(kFailed, ended.status);
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("nothing.jpg"), ::testing::Not(HasSubstr("of 1 pictures"))));
  ended = Score({pictures[0], "--title", "Boat", "--category", "Boats"});
  EXPECT_EQ(kFailed, ended.status);
  EXPECT_THAT(ended.output, HasSubstr("NOT_SCORED"));
}

TEST_F(ScoreCommand, SaysWhatAReviewLacks) {
  EXPECT_EQ(kUsage, Score({"review", "B00X", "--reviewer", "kim"}).status);
  EXPECT_EQ(kUsage, Score({"review", "B00X", "--decision", "maybe", "--reviewer", "kim"}).status);
  const std::string photo = Picture("p", 0);
  Ended ended = Score({photo, "--title", "Shirt", "--category", "Shirts", "--keep"});
  EXPECT_EQ(kUsage, ended.status);
  EXPECT_THAT(ended.errors, HasSubstr("--keep"));
  EXPECT_EQ(kUsage,
            Score({photo, "--id", "p", "--title", "Shirt", "--category", "Shirts", "--keep", "--local"}).status);
  EXPECT_EQ(kUsage, Score({"--image", photo}).status);
  Serve({.mismatch_bias = 4});
  ended = Score({"review", "B00X", "--decision", "clean", "--reviewer", "kim"});
  EXPECT_EQ(kFailed, ended.status);
  EXPECT_THAT(ended.errors, HasSubstr("verdict of B00X: there is none"));
  ASSERT_EQ(0, Score({photo, "--id", "p", "--title", "Shirt", "--category", "Shirts", "--keep"}).status);
  ended = Score({"review", "p", "--decision", "abuse", "--reviewer", "kim"});
  EXPECT_EQ(kFailed, ended.status);
  EXPECT_THAT(ended.errors, HasSubstr("reasons: empty"));
  ended = Score({"review", "p", "--decision", "clean", "--reviewer", "kim", "--picture", std::string(64, 'a')});
  EXPECT_EQ(kFailed, ended.status);
  EXPECT_THAT(ended.errors, HasSubstr("image_sha256: is aaaa"));
}

}  // namespace
}  // namespace mannequin
