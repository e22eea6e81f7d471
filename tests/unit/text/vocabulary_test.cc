#include "common/text/vocabulary.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::unique_ptr<Tokenizer> TokenizerOf(const std::vector<WordCount>& words) {
  return *Tokenizer::FromBytes(*TrainTokenizer(words, {.vocabulary_size = 400}));
}

std::vector<std::string> UnitsOf(const Vocabulary& vocabulary, const Tokenizer& tokenizer, const std::string& text) {
  std::vector<std::int32_t> units;
  vocabulary.AppendUnits(text, tokenizer, &units);
  std::vector<std::string> names;
  for (const std::int32_t unit : units) names.push_back(vocabulary.unit(unit));
  return names;
}

std::vector<WordCount> Count(const std::vector<std::string>& texts) {
  WordCounter counter;
  for (const std::string& text : texts) counter.Add(text);
  return counter.Sorted();
}

TEST(WordCounter, SortsByFrequencyAndThenByWord) {
  const std::vector<WordCount> words = Count({"red shoe", "blue shoe", "", "shoe red cap"});
  std::vector<std::string> lines;
  for (const WordCount& word : words) lines.push_back(absl::StrCat(word.first, " ", word.second));
  EXPECT_THAT(lines, ElementsAre("shoe 3", "red 2", "blue 1", "cap 1"));
}

TEST(WordCounter, ForgetsTheRarestWhenThereAreTooMany) {
  WordCounter counter(100);
  for (int i = 0; i < 10'000; ++i) counter.Add(absl::StrCat("frequent fairly", i % 20, " once", i));
  EXPECT_LE(counter.size(), 101u);
  const std::vector<WordCount> words = counter.Sorted();
  EXPECT_EQ(words[0].first, "frequent");
  EXPECT_EQ(words[0].second, 10'000);
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(words[static_cast<std::size_t>(i)].first.substr(0, 6), "fairly");
}

TEST(Vocabulary, AWordSeenOftenEnoughIsOneUnitAndARarerOneItsPieces) {
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) texts.push_back(absl::StrCat("samsung monitor s23c", i % 5, "50h"));
  for (const char* once : {"s23c999", "s23c998", "s23c997"}) texts.push_back(once);
  const std::vector<WordCount> words = Count(texts);
  const auto tokenizer = TokenizerOf(words);
  const Vocabulary vocabulary = Vocabulary::Build(words, *tokenizer, 2);
  EXPECT_THAT(UnitsOf(vocabulary, *tokenizer, "monitor samsung"), ElementsAre("▁monitor", "▁samsung"));
  const std::vector<std::string> rare = UnitsOf(vocabulary, *tokenizer, "s23c777");
  EXPECT_THAT(rare, testing::Contains("23"));  // of its family, s23c997 to s23c999
  EXPECT_THAT(rare, testing::Not(testing::Contains("▁s23c777")));
}

TEST(Vocabulary, LowestCountDecidesWhatAWordIs) {
  const std::vector<WordCount> words = Count({"alpha beta", "alpha beta", "alpha gamma"});
  const auto tokenizer = TokenizerOf(words);
  const auto has = [&](int min_count, const char* word) {
    return Vocabulary::Build(words, *tokenizer, min_count).Find(absl::StrCat("▁", word)) >= 0;
  };
  EXPECT_TRUE(has(1, "gamma"));
  EXPECT_TRUE(has(2, "beta"));
  EXPECT_FALSE(has(3, "beta") && has(4, "alpha"));
}

TEST(Vocabulary, BytesAndSingleLettersAreNoUnits) {
  EXPECT_FALSE(Vocabulary::MayBeUnit("<0xF0>"));
  EXPECT_FALSE(Vocabulary::MayBeUnit("x"));
  EXPECT_FALSE(Vocabulary::MayBeUnit("▁"));
  EXPECT_TRUE(Vocabulary::MayBeUnit("▁s23"));
  EXPECT_TRUE(Vocabulary::MayBeUnit("本"));
}

TEST(Vocabulary, TextOfOtherUnitsHasNone) {
  const std::vector<WordCount> words = Count({"alpha beta", "alpha beta"});
  const auto tokenizer = TokenizerOf(words);
  const Vocabulary vocabulary = Vocabulary::Build(words, *tokenizer, 2);
  EXPECT_THAT(UnitsOf(vocabulary, *tokenizer, "日本"), IsEmpty());
  EXPECT_THAT(UnitsOf(vocabulary, *tokenizer, ""), IsEmpty());
}

}  // namespace
}  // namespace mannequin
