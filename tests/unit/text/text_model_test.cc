#include "common/text/text_model.h"

#include <cmath>
#include <random>

#include "common/base/file.h"
#include "common/base/safetensors.h"
#include "common/text/normalizer.h"
#include "common/text/text_encoder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

// Titles of three kinds of products, e.g. "Acme red running shoe".
std::vector<std::string> Titles() {
  const std::vector<std::vector<std::string>> kinds = {{"guitar", "acoustic", "strings", "fret", "wooden"},
                                                       {"shoe", "running", "sole", "laces", "leather"},
                                                       {"lamp", "bulb", "desk", "light", "glowing"}};
  const std::vector<std::string> brands = {"Acme", "Bolt", "Corsa"};
  std::minstd_rand random(3);
  std::vector<std::string> titles;
  for (int i = 0; i < 600; ++i) {
    const auto& words = kinds[i % 3];
    titles.push_back(brands[random() % 3] + " " + words[random() % 5] + " " + words[random() % 5] + " " + words[0] +
                     " X" + std::to_string(i));
  }
  return titles;
}

NextText Iterate(const std::vector<std::string>& texts) {
  return [&texts, at = std::size_t{0}]() mutable -> const std::string* {
    return at < texts.size() ? &texts[at++] : nullptr;
  };
}

TextModelOptions Options(bool pv_dm = false) {
  TextModelOptions options;
  options.doc2vec.dimension = 20;
  options.doc2vec.epochs = 30;
  options.doc2vec.threads = 1;
  options.doc2vec.mode = pv_dm ? Doc2VecMode::kPvDm : Doc2VecMode::kPvDbow;
  options.vocabulary_size = 400;
  return options;
}

class TextModelTest : public testing::Test {
 protected:
  // One training for all tests.
  static void SetUpTestSuite() {
    const std::vector<std::string> titles = Titles();
    auto model = TextModel::Train(Iterate(titles), Options(), nullptr);
    ASSERT_TRUE(model.ok()) << model.status();
    folder_ = *MakeTemporaryFolder("text-model");
    ASSERT_TRUE(model->Save(folder_).ok());
    encoder_ = *TextEncoder::Load(folder_);
  }

  static float Cosine(const std::string& a, const std::string& b) {
    const EncodedText x = *encoder_->Encode(a), y = *encoder_->Encode(b);
    float dot = 0;
    for (std::size_t i = 0; i < x.values.size(); ++i) dot += x.values[i] * y.values[i];
    return dot;
  }

  static inline std::string folder_;
  static inline std::unique_ptr<TextEncoder> encoder_;
};

TEST_F(TextModelTest, SameTextGivesTheSameUnitVector) {
  const EncodedText first = *encoder_->Encode("Acme running shoe"),
                    second = *encoder_->Encode("acme &amp; Running, shoe");
  EXPECT_EQ(first.values, second.values);
  ASSERT_EQ(first.values.size(), 20u);
  double norm = 0;
  for (const float value : first.values) norm += value * value;
  EXPECT_NEAR(norm, 1, 1e-5);
  EXPECT_EQ(first.coverage, 1);
  EXPECT_FALSE(first.pieces.empty());
}

TEST_F(TextModelTest, TextsOfAKindAreNearerThanOthers) {
  const float same = Cosine("acoustic guitar strings", "wooden guitar fret");
  EXPECT_GT(same, Cosine("acoustic guitar strings", "running shoe laces") + 0.2f);
  EXPECT_GT(same, Cosine("acoustic guitar strings", "desk lamp bulb") + 0.2f);
}

TEST_F(TextModelTest, RefusesWhatItCannotKnow) {
  for (const std::string& text :
       {std::string(), std::string(" .,;- "), std::string("😀😀 🎸"), std::string("\xff\xfe shoe"),
        std::string("shoe \xed\xa0\x80"), std::string(1 << 20, 'a')}) {
    EXPECT_EQ(encoder_->Encode(text).status().code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 20);
  }
}

TEST_F(TextModelTest, CoverageSaysHowMuchWasKnown) {
  const auto partly = encoder_->Encode("shoe 日本");
  ASSERT_TRUE(partly.ok()) << partly.status();
  EXPECT_GT(partly->coverage, 0);
  EXPECT_LT(partly->coverage, 1);
}

TEST_F(TextModelTest, OneThreadAndOneSeedTrainTheSameBytes) {
  const std::vector<std::string> titles = Titles();
  const auto again = TextModel::Train(Iterate(titles), Options(), nullptr);
  ASSERT_TRUE(again.ok());
  const std::string folder = *MakeTemporaryFolder("text-model");
  ASSERT_TRUE(again->Save(folder).ok());
  for (const char* file : {kTokenizerFile, kDoc2VecFile}) {
    EXPECT_EQ(*ReadFile(folder + "/" + file), *ReadFile(folder_ + "/" + file)) << file;
  }
  TextModelOptions other = Options();
  other.doc2vec.seed = 2;
  const auto different = TextModel::Train(Iterate(titles), other, nullptr);
  EXPECT_NE(different->Encode("acme shoe")->values, again->Encode("acme shoe")->values);
}

TEST_F(TextModelTest, PvDmComesBackFromItsFile) {
  const std::vector<std::string> titles = Titles();
  const auto model = TextModel::Train(Iterate(titles), Options(true), nullptr);
  ASSERT_TRUE(model.ok()) << model.status();
  const std::string folder = *MakeTemporaryFolder("text-model");
  ASSERT_TRUE(model->Save(folder).ok());
  const auto encoder = TextEncoder::Load(folder);
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  EXPECT_EQ((*encoder)->Encode("bolt desk lamp")->values, model->Encode("bolt desk lamp")->values);
}

TEST_F(TextModelTest, DamagedFilesAreDataLoss) {
  const std::string folder = *MakeTemporaryFolder("text-model");
  EXPECT_EQ(TextEncoder::Load(folder).status().code(), absl::StatusCode::kNotFound);
  const std::string tokenizer = *ReadFile(folder_ + "/" + kTokenizerFile),
                    doc2vec = *ReadFile(folder_ + "/" + kDoc2VecFile);
  const auto code = [&](const std::string& tokenizer_bytes, const std::string& doc2vec_bytes) {
    EXPECT_TRUE(WriteFileAtomically(folder + "/" + kTokenizerFile, tokenizer_bytes).ok());
    EXPECT_TRUE(WriteFileAtomically(folder + "/" + kDoc2VecFile, doc2vec_bytes).ok());
    return TextEncoder::Load(folder).status().code();
  };
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string bytes = doc2vec;
    EXPECT_NE(bytes.find(from), std::string::npos) << from;
    return bytes.replace(bytes.find(from), from.size(), to);
  };
  EXPECT_EQ(code(tokenizer, doc2vec), absl::StatusCode::kOk);
  EXPECT_EQ(code("nonsense", doc2vec), absl::StatusCode::kDataLoss);
  EXPECT_EQ(code(tokenizer, doc2vec.substr(0, doc2vec.size() / 2)), absl::StatusCode::kDataLoss);
  EXPECT_EQ(code(tokenizer, doc2vec.substr(0, 30)), absl::StatusCode::kDataLoss);
  EXPECT_EQ(code(tokenizer, replaced("pv-dbow", "pv-dbox")), absl::StatusCode::kDataLoss);
  EXPECT_EQ(code(tokenizer, replaced("pv-dbow", "pv-dm  ")), absl::StatusCode::kDataLoss);
  EXPECT_EQ(code(tokenizer, replaced("\"word_out\"", "\"word_xxx\"")), absl::StatusCode::kDataLoss);
  EXPECT_EQ(code(tokenizer, replaced("\"normalizer_version\":\"2\"", "\"normalizer_version\":\"9\"")),
            absl::StatusCode::kFailedPrecondition);
}

TEST(AutomaticEpochs, AreMoreForASmallCatalogueAndFewForAHugeOne) {
  EXPECT_EQ(AutomaticEpochs(0), 200);
  EXPECT_EQ(AutomaticEpochs(33'000), 200);
  EXPECT_EQ(AutomaticEpochs(400'000), 100);
  EXPECT_EQ(AutomaticEpochs(150'000'000), 10);
}

}  // namespace
}  // namespace mannequin
