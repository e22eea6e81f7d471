#include "common/text/text_model.h"

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <random>

#include "common/base/file.h"
#include "common/base/safetensors.h"
#include "common/text/normalizer.h"
#include "common/text/text_encoder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/text/titles.h"

namespace mannequin {
namespace {

// Three kinds of products, e.g. "Acme running shoe X7" of brand Acme in category Shoes.
std::vector<v1::Product> Products() {
  const std::vector<std::vector<std::string>> kinds = {{"Guitars", "guitar", "acoustic", "strings", "fret", "wooden"},
                                                       {"Shoes", "shoe", "running", "sole", "laces", "leather"},
                                                       {"Lamps", "lamp", "bulb", "desk", "light", "glowing"}};
  const std::vector<std::string> brands = {"Acme", "Bolt", "Corsa"};
  std::minstd_rand random(3);
  std::vector<v1::Product> products(600);
  for (std::size_t i = 0; i < products.size(); ++i) {
    const auto& words = kinds[i % 3];
    const std::string& brand = brands[random() % 3];
    products[i].set_title(brand + " " + words[1 + random() % 5] + " " + words[1 + random() % 5] + " " + words[1] +
                          " X" + std::to_string(i));
    products[i].set_brand(brand);
    products[i].add_category_path(words[0]);
  }
  return products;
}

TextModelOptions Options(VectorKind vector = VectorKind::kCombined, Doc2VecMode mode = Doc2VecMode::kPvDbow) {
  TextModelOptions options;
  options.vector = vector;
  options.doc2vec.dimension = 20;
  options.doc2vec.epochs = 30;
  options.doc2vec.threads = 1;
  options.doc2vec.mode = mode;
  options.tokenizer.vocabulary_size = 400;
  return options;
}

float Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  float dot = 0;
  for (std::size_t i = 0; i < a.size(); ++i) dot += a[i] * b[i];
  return dot;
}

class TextModelTest : public testing::Test {
 protected:
  // One training for all tests.
  static void SetUpTestSuite() {
    const auto model = TextModel::Train(ScanProducts(Products()), Options(), nullptr);
    ASSERT_TRUE(model.ok()) << model.status();
    folder_ = *MakeTemporaryFolder("text-model");
    ASSERT_TRUE(model->Save(folder_).ok());
    encoder_ = *TextEncoder::Load(folder_);
  }

  static float CosineOf(const std::string& a, const std::string& b) {
    return Cosine(encoder_->Encode(a)->values, encoder_->Encode(b)->values);
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
  const float same = CosineOf("acoustic guitar strings", "wooden guitar fret");
  EXPECT_GT(same, CosineOf("acoustic guitar strings", "running shoe laces") + 0.2f);
  EXPECT_GT(same, CosineOf("acoustic guitar strings", "desk lamp bulb") + 0.2f);
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
  const auto again = TextModel::Train(ScanProducts(Products()), Options(), nullptr);
  ASSERT_TRUE(again.ok());
  const std::string folder = *MakeTemporaryFolder("text-model");
  ASSERT_TRUE(again->Save(folder).ok());
  for (const char* file : {kTokenizerFile, kDoc2VecFile}) {
    EXPECT_EQ(*ReadFile(folder + "/" + file), *ReadFile(folder_ + "/" + file)) << file;
  }
  TextModelOptions other = Options();
  other.doc2vec.seed = 2;
  const auto different = TextModel::Train(ScanProducts(Products()), other, nullptr);
  EXPECT_NE(different->Encode("acme shoe")->values, again->Encode("acme shoe")->values);
}

TEST_F(TextModelTest, KeepsBrandAndCategoryOfWordsThatNeverMet) {
  // "Bolt" and "Corsa" stand beside the same words: only the labels tell them apart.
  EXPECT_GT(CosineOf("bolt strings", "bolt laces"), CosineOf("bolt strings", "corsa laces") + 0.2f);
  EXPECT_GT(CosineOf("bolt strings", "corsa fret"), CosineOf("bolt strings", "corsa sole") + 0.2f);
}

TEST_F(TextModelTest, NeedsNoLabels) {
  std::vector<std::string> titles;
  for (const v1::Product& product : Products()) titles.push_back(product.title());
  const auto model = TextModel::Train(ScanTitles(titles), Options(), nullptr);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto cosine = [&](const char* a, const char* b) {
    return Cosine(model->Encode(a)->values, model->Encode(b)->values);
  };
  EXPECT_GT(cosine("acoustic strings", "wooden fret"), cosine("acoustic strings", "running laces") + 0.2f);
}

TEST_F(TextModelTest, AFewTaughtProductsTeachTheLabelsOfAll) {
  TextModelOptions options = Options();
  options.taught_products = 200;
  const auto model = TextModel::Train(ScanProducts(Products()), options, nullptr);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->trained_products(), 600);
  const std::vector<float> bolt = model->Encode("bolt strings")->values;
  EXPECT_GT(Cosine(bolt, model->Encode("bolt laces")->values), Cosine(bolt, model->Encode("corsa laces")->values));
}

TEST_F(TextModelTest, EveryKindAndModeComesBackFromItsFile) {
  for (const VectorKind vector : {VectorKind::kCombined, VectorKind::kDoc2Vec}) {
    for (const Doc2VecMode mode : {Doc2VecMode::kPvDbow, Doc2VecMode::kPvDm, Doc2VecMode::kPvDmConcat}) {
      for (const bool hierarchical_softmax : {false, true}) {
        TextModelOptions options = Options(vector, mode);
        options.doc2vec.epochs = 2;
        options.doc2vec.window = 2;
        options.doc2vec.sample = 0.05;
        options.doc2vec.word_vectors = hierarchical_softmax;
        options.doc2vec.hierarchical_softmax = hierarchical_softmax;
        const auto model = TextModel::Train(ScanProducts(Products()), options, nullptr);
        ASSERT_TRUE(model.ok()) << model.status();
        const std::string folder = *MakeTemporaryFolder("text-model");
        ASSERT_TRUE(model->Save(folder).ok());
        const auto encoder = TextEncoder::Load(folder);
        ASSERT_TRUE(encoder.ok()) << encoder.status();
        EXPECT_EQ((*encoder)->Encode("bolt desk lamp")->values, model->Encode("bolt desk lamp")->values);
      }
    }
  }
}

TEST_F(TextModelTest, ReportsItsStagesInOrderAndEndsWhenToldTo) {
  std::vector<TextModelProgress> reports;
  TextModelOptions options = Options();
  options.doc2vec.epochs = 3;
  options.teacher.epochs = 2;
  const auto model = TextModel::Train(ScanProducts(Products()), options, [&](const TextModelProgress& progress) {
    reports.push_back(progress);
    return absl::OkStatus();
  });
  ASSERT_TRUE(model.ok()) << model.status();
  std::map<TextModelProgress::Stage, int> of_stage;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    ++of_stage[reports[i].stage];
    EXPECT_LE(reports[i == 0 ? 0 : i - 1].stage, reports[i].stage);
  }
  EXPECT_EQ(of_stage[TextModelProgress::Stage::kTokenizer], 1);
  EXPECT_EQ(of_stage[TextModelProgress::Stage::kDoc2Vec], 3);
  EXPECT_EQ(of_stage[TextModelProgress::Stage::kCombine], 2);
  for (const auto stage :
       {TextModelProgress::Stage::kTokenizer, TextModelProgress::Stage::kDoc2Vec, TextModelProgress::Stage::kCombine}) {
    const auto ended = TextModel::Train(ScanProducts(Products()), options, [&](const TextModelProgress& progress) {
      return progress.stage == stage ? absl::CancelledError("asked to stop") : absl::OkStatus();
    });
    EXPECT_EQ(ended.status().code(), absl::StatusCode::kCancelled);
  }
}

TEST_F(TextModelTest, WeightsThatDoNotStayFiniteAreNoModel) {
  for (const VectorKind vector : {VectorKind::kCombined, VectorKind::kDoc2Vec}) {
    TextModelOptions options = Options(vector);
    options.doc2vec.lr = options.doc2vec.min_lr = 1;
    options.doc2vec.negative = 50;
    options.doc2vec.epochs = 300;
    const absl::Status status = TextModel::Train(ScanProducts(Products()), options, nullptr).status();
    EXPECT_EQ(status, absl::FailedPreconditionError("learning_rate: the weights did not stay finite; lower it"));
  }
}

TEST_F(TextModelTest, OptionOutOfRangeIsNamedBeforeAnythingIsRead) {
  const ProductScan unread = [](const std::function<absl::Status(const v1::Product&)>&) {
    return absl::InternalError("was read");
  };
  const auto expect_refused = [&](const std::string& field, const std::function<void(TextModelOptions&)>& change) {
    TextModelOptions options = Options();
    change(options);
    const absl::Status status = TextModel::Train(unread, options, nullptr).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(field + ": "));
  };
  for (const int value : {0, 1'000'001}) expect_refused("min_count", [=](auto& o) { o.min_count = value; });
  for (const int value : {0, 1'001}) expect_refused("inference_epochs", [=](auto& o) { o.inference_epochs = value; });
  for (const int value : {-1, 1'000'000'001}) {
    expect_refused("taught_products", [=](auto& o) { o.taught_products = value; });
  }
  expect_refused("doc2vec: window", [](auto& o) { o.doc2vec.window = 21; });
  expect_refused("teacher: sampled_labels", [](auto& o) { o.teacher.sampled_labels = 0; });
}

TEST_F(TextModelTest, WhatTheScanFailsWithIsTheAnswer) {
  const ProductScan broken = [](const std::function<absl::Status(const v1::Product&)>&) {
    return absl::DataLossError("block 7");
  };
  EXPECT_EQ(TextModel::Train(broken, Options(), nullptr).status().message(), "block 7");
}

TEST_F(TextModelTest, RefusesACatalogueWithoutWords) {
  for (const std::vector<std::string>& titles : std::vector<std::vector<std::string>>{{}, {"😀", "..."}, {"one two"}}) {
    const absl::Status status = TextModel::Train(ScanTitles(titles), Options(), nullptr).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  }
}

TEST_F(TextModelTest, LeavesOutAProductWhoseTextIsNoText) {
  std::vector<v1::Product> products = Products();
  products[0].set_title(std::string(2 << 20, 'x'));
  const auto model = TextModel::Train(ScanProducts(products), Options(), nullptr);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->trained_products(), 599);
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
  EXPECT_EQ(code(tokenizer, replaced("\"words\"", "\"xxxxx\"")), absl::StatusCode::kDataLoss);
  EXPECT_EQ(code(tokenizer, replaced("\"normalizer_version\":\"2\"", "\"normalizer_version\":\"9\"")),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(TextModelTest, NumbersOfAFileThatAreNoneAreDataLoss) {
  const std::string folder = *MakeTemporaryFolder("text-model");
  const auto model = TextModel::Train(ScanProducts(Products()), Options(VectorKind::kDoc2Vec), nullptr);
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_TRUE(model->Save(folder).ok());
  const std::string path = folder + "/" + kDoc2VecFile;
  const Safetensors whole = *ReadSafetensors(path);
  const auto code = [&](const std::function<void(Safetensors&)>& damage) {
    Safetensors file = whole;
    damage(file);
    EXPECT_TRUE(WriteSafetensors(path, file.tensors, file.metadata).ok());
    return TextEncoder::Load(folder).status().code();
  };
  EXPECT_EQ(code([](Safetensors&) {}), absl::StatusCode::kOk);
  for (const char* value : {"20.7", "", "x", "1e1", "2048", "99999999999"}) {
    EXPECT_EQ(code([=](Safetensors& file) { file.metadata["dimension"] = value; }), absl::StatusCode::kDataLoss)
        << value;
  }
  for (const char* value : {"0", "1001", "20.5"}) {
    EXPECT_EQ(code([=](Safetensors& file) { file.metadata["inference_epochs"] = value; }), absl::StatusCode::kDataLoss)
        << value;
  }
  const auto counts = [&](std::vector<std::int64_t> first) {
    return code([&](Safetensors& file) {
      std::string& bytes = file.tensors["counts"].bytes;
      bytes.replace(0, first.size() * 8, reinterpret_cast<const char*>(first.data()), first.size() * 8);
    });
  };
  constexpr std::int64_t kHalf = std::int64_t{1} << 52;
  EXPECT_EQ(counts({kHalf}), absl::StatusCode::kOk);
  EXPECT_EQ(counts({-1}), absl::StatusCode::kDataLoss);
  EXPECT_EQ(counts({kHalf, kHalf, 1}), absl::StatusCode::kDataLoss);
  EXPECT_EQ(counts({std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::max()}),
            absl::StatusCode::kDataLoss);
}

TEST_F(TextModelTest, AFileHoldsOnlyWhatItsKindReads) {
  EXPECT_EQ(ReadSafetensors(folder_ + "/" + kDoc2VecFile)->tensors.count("counts"), 0u);
}

TEST(AutomaticEpochs, AreMoreForASmallCatalogueAndFewForAHugeOne) {
  EXPECT_EQ(AutomaticEpochs(0), 200);
  EXPECT_EQ(AutomaticEpochs(33'000), 200);
  EXPECT_EQ(AutomaticEpochs(400'000), 100);
  EXPECT_EQ(AutomaticEpochs(150'000'000), 10);
}

}  // namespace
}  // namespace mannequin
