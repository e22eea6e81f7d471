#include "common/text/tokenizer.h"

#include <random>

#include "common/text/normalizer.h"
#include "common/text/utf8.h"
#include "common/text/vocabulary.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

std::vector<WordCount> Words() {
  const std::vector<std::string> texts = {"acoustic guitar with wooden body and steel strings for beginners",
                                          "guitar strings of nylon and of steel",
                                          "wooden case for acoustic guitars",
                                          "나이키 운동화 나이키 모자",
                                          "メンズ革靴",
                                          "5.5 oz guitar polish"};
  WordCounter counter;
  for (const std::string& text : texts) counter.Add(text);
  return counter.Sorted();
}

std::unique_ptr<Tokenizer> Trained(const TokenizerOptions& options) {
  const auto model = TrainTokenizer(Words(), options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *Tokenizer::FromBytes(*model);
}

TEST(WordCounter, CountsAcrossTexts) {
  const std::vector<WordCount> words = Words();
  EXPECT_THAT(words, testing::Contains(WordCount("guitar", 3)));
  EXPECT_THAT(words, testing::Contains(WordCount("나이키", 2)));
  EXPECT_THAT(words, testing::Not(testing::Contains(testing::Key(""))));
}

class TokenizerOfKind : public testing::TestWithParam<bool> {
 protected:
  TokenizerOptions Options() const { return {.vocabulary_size = 400, .unigram = GetParam()}; }
};

TEST_P(TokenizerOfKind, GivesBackWhatItTook) {
  const auto tokenizer = Trained(Options());
  for (const std::string text :
       {"", "guitar strings", "wooden violin 日本 😀", "👨 👩 🇰🇷", "운동화 뷁", "龘𠮷 رقم हिन्दी", "5.5 oz x 10x20cm"}) {
    EXPECT_EQ(tokenizer->Decode(tokenizer->Ids(text)), text);
  }
  std::mt19937 random(5);
  for (int i = 0; i < 3'000; ++i) {
    std::string text;
    for (unsigned length = random() % 8; length > 0; --length) {
      const auto code = static_cast<std::int32_t>(random() % 2 == 0 ? random() % 0x250 : random() % 0x30000);
      if (code < 0xD800 || code > 0xDFFF) AppendCodePoint(code, text);
    }
    const std::string words = *Normalize(text);
    ASSERT_EQ(tokenizer->Decode(tokenizer->Ids(words)), words) << testing::PrintToString(text);
  }
}

TEST_P(TokenizerOfKind, HasNothingOutOfItsVocabulary) {
  const auto tokenizer = Trained(Options());
  EXPECT_EQ(tokenizer->Pieces("😀").back(), "<0x80>");
  for (const std::string text : {"😀", "龘", "뷁", "ж"}) {
    EXPECT_THAT(tokenizer->Pieces(text), testing::Not(testing::Contains("<unk>"))) << text;
  }
}

TEST_P(TokenizerOfKind, SameWordsInAnyOrderGiveTheSameBytes) {
  std::vector<WordCount> words = Words();
  const auto model = TrainTokenizer(words, Options());
  ASSERT_TRUE(model.ok()) << model.status();
  for (unsigned seed = 1; seed <= 3; ++seed) {
    std::shuffle(words.begin(), words.end(), std::mt19937(seed));
    EXPECT_EQ(*TrainTokenizer(words, Options()), *model);
  }
}

TEST_P(TokenizerOfKind, CountsWeigh) {
  // "ab" is everywhere: a piece of its own before "xy", which is rare.
  std::vector<WordCount> words = {{"abq", 500}, {"abr", 500}, {"abs", 500}, {"xyq", 1}, {"xyr", 1}, {"xys", 1}};
  TokenizerOptions options = Options();
  options.vocabulary_size = 300;
  const auto tokenizer = *Tokenizer::FromBytes(*TrainTokenizer(words, options));
  EXPECT_LT(tokenizer->Pieces("abq").size(), 4u);
}

TEST_P(TokenizerOfKind, AsManyPiecesAsAskedForOrAsThereAre) {
  EXPECT_LE(Trained({.vocabulary_size = 64'000, .unigram = GetParam()})->vocabulary_size(), 1'000);
  EXPECT_GE(Trained({.vocabulary_size = 1, .unigram = GetParam()})->vocabulary_size(), 300);
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerOfKind, testing::Values(false, true),
                         [](const auto& kind) { return kind.param ? "Unigram" : "Bpe"; });

TEST(Tokenizer, RefusesNoWordsAndNoModel) {
  const std::vector<WordCount> useless = {{"", 3}, {"never", 0}, {std::string(1025, 'a'), 5}};
  EXPECT_EQ(TrainTokenizer({}, {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(TrainTokenizer(useless, {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Tokenizer::FromBytes("x").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Tokenizer::FromBytes("").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace mannequin
