// embed train, catalog, vector, similar and map as a person meets them.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/integration/command_suite.h"

namespace mannequin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class EmbedCommand : public CommandSuite {
 protected:
  void SetUp() override { Serve(); }

  // Guitars and shoes, 90 of each.
  void IngestProducts() const {
    const std::vector<std::string> guitar = {"classical", "nylon", "acoustic"}, shoe = {"running", "leather", "red"};
    std::string lines;
    for (int i = 0; i < 180; ++i) {
      const bool is_guitar = i % 2 == 0;
      const auto& words = is_guitar ? guitar : shoe;
      absl::StrAppend(&lines, "{'asin': 'P", 100 + i, "', 'title': '", is_guitar ? "Yamaha " : "Puma ", words[i % 3],
                      " ", words[i / 3 % 3], is_guitar ? " guitar" : " shoe", "', 'brand': '",
                      is_guitar ? "Yamaha" : "Puma", "', 'categories': [[",
                      is_guitar ? "'Music', 'Guitars'" : "'Sports', 'Shoes'", "]]}\n");
    }
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/products.json", lines).ok());
    const Ended ended = Run({"ingest", folder_ + "/products.json"});
    ASSERT_EQ(ended.status, 0) << ended.errors;
  }
};

TEST_F(EmbedCommand, FindsSimilarProductsAndDrawsTheMap) {
  IngestProducts();
  Ended ended =
      Run({"embed", "train", "--vocabulary-size", "400", "--dimension", "24", "--epochs", "20", "--seed", "3"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("bundle b-"));
  ended = Run({"embed", "catalog"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("180 products embedded"));
  EXPECT_THAT(Run({"embed", "catalog"}).errors, HasSubstr("180 unchanged"));

  ended = Run({"--output", "json", "embed", "similar", "yamaha classical nylon string guitar", "-n", "7"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  const nlohmann::json found = nlohmann::json::parse(ended.output);
  ASSERT_EQ(found["products"].size(), 7u);
  for (const auto& product : found["products"]) EXPECT_EQ(product["category_path"][1], "Guitars");
  EXPECT_THAT(Run({"embed", "similar", "puma red shoe", "-n", "3"}).output,
              AllOf(HasSubstr("cosine"), HasSubstr("Puma")));

  ended = Run({"embed", "vector", "yamaha guitar"});
  EXPECT_THAT(ended.output, HasSubstr("coverage  1.00"));
  ended = Run({"embed", "map", "--out", folder_ + "/map.png", "--side", "400"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("180 products"));
  EXPECT_THAT(*ReadFile(folder_ + "/map.png"), StartsWith("\x89PNG"));
}

TEST_F(EmbedCommand, SaysWhatIsMissing) {
  EXPECT_THAT(Run({"embed", "train"}).errors, HasSubstr("mannequin ingest"));
  IngestProducts();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"embed", "similar", "shoe"}, {"embed", "vector", "shoe"}}) {
    const Ended ended = Run(words);
    EXPECT_EQ(ended.status, kFailed);
    EXPECT_THAT(ended.errors, HasSubstr("mannequin embed train"));
  }
  EXPECT_THAT(Run({"embed", "map"}).errors, HasSubstr("mannequin embed catalog"));
  ASSERT_EQ(Run({"embed", "train", "--vocabulary-size", "400", "--dimension", "24", "--epochs", "5"}).status, 0);
  for (const char* text : {"", "😀😀", "...", "日本"}) {
    const Ended ended = Run({"embed", "vector", text});
    EXPECT_NE(ended.status, 0) << text;
    EXPECT_THAT(ended.errors, HasSubstr("text")) << text;
  }
}

TEST_F(EmbedCommand, RefusesOptionsOutOfRange) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"--mode", "pv-xx"}, {"--vector", "mean"}, {"--objective", "none"}, {"--tokenizer", "word"}}) {
    EXPECT_EQ(Run({"embed", "train", words[0], words[1]}).status, kUsage) << words[0];
  }
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"--dimension", "4"},
                                                                                     {"--vocabulary-size", "90000"},
                                                                                     {"--window", "21"},
                                                                                     {"--negative", "51"},
                                                                                     {"--sample", "2"},
                                                                                     {"--learning-rate", "7"},
                                                                                     {"--min-count", "5000"}}) {
    const Ended ended = Run({"embed", "train", words[0], words[1]});
    EXPECT_EQ(ended.status, kFailed) << words[0];
    EXPECT_THAT(ended.errors, HasSubstr(" is not ")) << words[0];
  }
  EXPECT_EQ(Run({"embed", "map", "--side", "5"}).status, kUsage);
  EXPECT_EQ(Run({"embed", "similar", "shoe", "-n", "0"}).status, kUsage);
  for (const std::string command : {"vector", "similar"}) {
    const Ended ended = Run({"embed", command, "shoe \xff\xfe"});
    EXPECT_EQ(ended.status, kUsage) << command;
    EXPECT_THAT(ended.errors, HasSubstr("not UTF-8 at byte 5")) << command;
  }
  EXPECT_EQ(Run({"embed", "similar"}).status, kUsage);
}

}  // namespace
}  // namespace mannequin
