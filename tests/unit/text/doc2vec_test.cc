#include "common/text/doc2vec.h"

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using testing::Each;
using testing::HasSubstr;

constexpr int kTopics = 3, kTopicWords = 8, kCommonWords = 6;
constexpr std::int32_t kVocabulary = kTopics * kTopicWords + kCommonWords;

using Document = std::vector<std::int32_t>;

// Nine words, every third of its topic. The two between are those that all topics have, so
// that within a window of 2 the words around a topic's word do not say its topic: in PV-DM
// only the document's vector can.
Document TopicDocument(int topic, std::minstd_rand& random) {
  Document document;
  for (int i = 0; i < 9; ++i) {
    const auto draw = static_cast<int>(random() >> 4);
    document.push_back(i % 3 == 0 ? topic * kTopicWords + draw % kTopicWords
                                  : kTopics * kTopicWords + draw % kCommonWords);
  }
  return document;
}

Corpus Topics(int documents) {
  std::minstd_rand random(7);
  Corpus corpus;
  for (int i = 0; i < documents; ++i) corpus.Add(TopicDocument(i % kTopics, random));
  return corpus;
}

Doc2VecOptions Options() {
  Doc2VecOptions options;
  options.dimension = 20;  // not whole lanes: rows have padding
  options.epochs = 20;
  options.window = 2;
  options.threads = 1;
  options.sample = 0;
  return options;
}

Doc2Vec Trained(const Doc2VecOptions& options) {
  absl::StatusOr<Doc2Vec> model = Doc2Vec::Train(Topics(600), kVocabulary, options, nullptr);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t j = 0; j < a.size(); ++j) dot += a[j] * b[j], aa += a[j] * a[j], bb += b[j] * b[j];
  return dot / std::sqrt(aa * bb);
}

// By how much documents of the same topic are nearer than those of two.
double TopicMargin(const Doc2Vec& model) {
  std::minstd_rand random(99);
  std::vector<std::vector<float>> vectors;
  for (int i = 0; i < 60; ++i) vectors.push_back(model.Infer(TopicDocument(i % kTopics, random), 20));
  double same = 0, other = 0;
  for (std::size_t i = 0; i < 57; ++i) {
    same += Cosine(vectors[i], vectors[i + 3]);
    other += Cosine(vectors[i], vectors[i + 1]);
  }
  return (same - other) / 57;
}

TEST(Doc2Vec, OneThreadAndOneSeedGiveTheSameBits) {
  Doc2VecOptions options = Options();
  options.word_vectors = true;
  const Doc2Vec first = Trained(options), second = Trained(options);
  EXPECT_EQ(first.FlatOut(), second.FlatOut());
  EXPECT_EQ(first.FlatIn(), second.FlatIn());
  EXPECT_EQ(first.documents().Flat(), second.documents().Flat());
  options.seed = 2;
  EXPECT_NE(first.FlatOut(), Trained(options).FlatOut());
}

TEST(Doc2Vec, TwoThreadsTrainAsWellAsOne) {
  Doc2VecOptions options = Options();
  const double one = TopicMargin(Trained(options));
  options.threads = 2;
  EXPECT_GT(TopicMargin(Trained(options)), 0.8 * one);
}

TEST(Doc2Vec, InferenceIsTheSameInEveryThreadAndCall) {
  const Doc2Vec model = Trained(Options());
  const Document document = {1, 2, 25, 3};
  const std::vector<float> expected = model.Infer(document, 20);
  std::vector<std::vector<float>> found(4);
  std::vector<std::thread> threads;
  for (std::vector<float>& vector : found) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) model.Infer({4, i % kVocabulary}, 5);
      vector = model.Infer(document, 20);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(found, Each(expected));
  EXPECT_EQ(expected.size(), 20u);
}

TEST(Doc2Vec, NoWordsInferZeros) {
  const Doc2Vec model = Trained(Options());
  EXPECT_EQ(model.Infer({}, 20), std::vector<float>(20));
  EXPECT_EQ(model.Infer({1}, 0), std::vector<float>(20));
}

TEST(Doc2Vec, InferredVectorOfATrainedDocumentIsNearItsOwn) {
  const Doc2Vec model = Trained(Options());
  const Corpus corpus = Topics(600);
  double sum = 0;
  for (int d = 0; d < 100; ++d) {
    const float* row = model.documents()[d];
    sum += Cosine(model.Infer(corpus[d], 20), std::vector<float>(row, row + 20));
  }
  EXPECT_GT(sum / 100, 0.8);
}

struct Kind {
  std::string name;
  Doc2VecMode mode;
  bool word_vectors = false;
};

class Doc2VecKinds : public testing::TestWithParam<std::tuple<Kind, bool>> {
 protected:
  static Doc2VecOptions KindOptions() {
    const auto& [kind, hierarchical_softmax] = GetParam();
    Doc2VecOptions options = Options();
    options.mode = kind.mode;
    options.word_vectors = kind.word_vectors;
    options.hierarchical_softmax = hierarchical_softmax;
    return options;
  }
};

TEST_P(Doc2VecKinds, DocumentsOfATopicAreNearerThanOthers) {
  Doc2VecOptions options = KindOptions();
  options.epochs = 40;
  // A mean of five inputs moves each of them by a fifth, and itself by a fifth of that.
  if (options.mode == Doc2VecMode::kPvDm) options.lr = 0.2f;
  EXPECT_GT(TopicMargin(Trained(options)), 0.2);
}

TEST_P(Doc2VecKinds, ModelMadeFromItsLayersInfersTheSameBits) {
  Doc2VecOptions options = KindOptions();
  options.epochs = 2;
  const Doc2Vec model = Trained(options);
  const Doc2VecShapes shapes = ShapesOf(model.options(), kVocabulary);
  EXPECT_EQ(model.FlatOut().size(), static_cast<std::size_t>(shapes.out_rows * shapes.out_columns));
  EXPECT_EQ(model.FlatIn().size(), static_cast<std::size_t>(shapes.in_rows * shapes.in_columns));
  const Doc2Vec loaded(model.options(), model.counts(), model.FlatOut(), model.FlatIn());
  EXPECT_EQ(loaded.Infer({3, 9, 27, 9}, 20), model.Infer({3, 9, 27, 9}, 20));
}

TEST_P(Doc2VecKinds, EmptyAndOneWordDocumentsDoNoHarm) {
  Doc2VecOptions options = KindOptions();
  options.sample = 1e-3;
  options.threads = 2;
  Corpus corpus;
  for (int i = 0; i < 50; ++i) {
    corpus.Add({});
    corpus.Add({i % 3});
  }
  const auto model = Doc2Vec::Train(corpus, 3, options, nullptr);
  ASSERT_TRUE(model.ok()) << model.status();
  for (const float value : model->FlatOut()) EXPECT_TRUE(std::isfinite(value));
}

TEST_P(Doc2VecKinds, VocabularyOfOneWordDoesNoHarm) {
  Corpus corpus;
  corpus.Add({0, 0, 0});
  const auto model = Doc2Vec::Train(corpus, 1, KindOptions(), nullptr);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->Infer({0, 0}, 5).size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(
    Modes, Doc2VecKinds,
    testing::Combine(testing::Values(Kind{"dbow", Doc2VecMode::kPvDbow}, Kind{"dbow_words", Doc2VecMode::kPvDbow, true},
                                     Kind{"dm", Doc2VecMode::kPvDm}, Kind{"concat", Doc2VecMode::kPvDmConcat}),
                     testing::Bool()),
    [](const auto& test) { return std::get<0>(test.param).name + (std::get<1>(test.param) ? "_softmax" : "_noise"); });

TEST(Doc2Vec, WordThatIsMostOfTheCorpusIsSubsampledAndStillInfers) {
  Corpus corpus = Topics(300);
  for (int i = 0; i < 1000; ++i) corpus.Add(Document(100, kVocabulary));
  Doc2VecOptions options = Options();
  options.epochs = 2;
  options.sample = 1e-3;
  const auto model = Doc2Vec::Train(corpus, kVocabulary + 1, options, nullptr);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->counts()[kVocabulary], 100'000);
  for (const float value : model->FlatOut()) ASSERT_TRUE(std::isfinite(value));
  EXPECT_NE(model->Infer({kVocabulary}, 1), std::vector<float>(20));
}

TEST(Doc2Vec, ProgressIsReportedOnceAnEpochWithFallingLoss) {
  std::vector<Doc2VecProgress> reports;
  const auto model = Doc2Vec::Train(Topics(600), kVocabulary, Options(), [&](const Doc2VecProgress& progress) {
    reports.push_back(progress);
    return absl::OkStatus();
  });
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_EQ(reports.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(reports[static_cast<std::size_t>(i)].epoch, i + 1);
    EXPECT_EQ(reports[static_cast<std::size_t>(i)].epochs, 20);
    EXPECT_EQ(reports[static_cast<std::size_t>(i)].words, (i + 1) * 600 * 9);
  }
  EXPECT_LT(reports[10].loss, reports[0].loss);
  EXPECT_LT(reports[19].loss, reports[10].loss);
}

TEST(Doc2Vec, ErrorOfProgressEndsTheTraining) {
  int reports = 0;
  Doc2VecOptions options = Options();
  options.threads = 2;
  options.epochs = 1'000'000;
  const auto model = Doc2Vec::Train(Topics(600), kVocabulary, options, [&](const Doc2VecProgress& progress) {
    ++reports;
    return progress.epoch == 2 ? absl::CancelledError("enough") : absl::OkStatus();
  });
  EXPECT_EQ(model.status(), absl::CancelledError("enough"));
  EXPECT_EQ(reports, 2);
}

TEST(Doc2Vec, ErrorOfProgressEndsALongEpochInItsMiddle) {
  Corpus corpus;
  for (int i = 0; i < 4'000; ++i) corpus.Add(Document(200, i % kVocabulary));
  Doc2VecOptions options = Options();
  options.dimension = 1024;
  options.negative = 50;
  options.threads = 2;
  std::vector<Doc2VecProgress> reports;
  const auto model = Doc2Vec::Train(corpus, kVocabulary, options, [&](const Doc2VecProgress& progress) {
    reports.push_back(progress);
    return absl::CancelledError("enough");
  });
  EXPECT_EQ(model.status(), absl::CancelledError("enough"));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].epoch, 0);
  EXPECT_GT(reports[0].loss, 0);
  EXPECT_GT(reports[0].words, 0);
  EXPECT_LT(reports[0].words, 4'000 * 200);
}

TEST(Doc2Vec, OptionOutOfRangeIsNamed) {
  const auto expect_refused = [](const std::string& field, const std::function<void(Doc2VecOptions&)>& change) {
    Doc2VecOptions options = Options();
    change(options);
    const absl::Status status = Doc2Vec::Train(Topics(3), kVocabulary, options, nullptr).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field;
    EXPECT_THAT(std::string(status.message()), HasSubstr("doc2vec: " + field + ": "));
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const int value : {0, -1, 1025}) expect_refused("dimension", [=](auto& o) { o.dimension = value; });
  for (const int value : {-1, 1'000'001}) expect_refused("epochs", [=](auto& o) { o.epochs = value; });
  for (const int value : {0, -1, 21}) expect_refused("window", [=](auto& o) { o.window = value; });
  for (const int value : {0, -1, 51}) expect_refused("negative", [=](auto& o) { o.negative = value; });
  for (const float value : {0.0f, -0.1f, 1.1f, kNan}) expect_refused("lr", [=](auto& o) { o.lr = value; });
  for (const float value : {-0.1f, 0.026f, kNan}) expect_refused("min_lr", [=](auto& o) { o.min_lr = value; });
  for (const double value : {-0.1, 1.1, double{kNan}}) expect_refused("sample", [=](auto& o) { o.sample = value; });
  for (const int value : {-1, 1025}) expect_refused("threads", [=](auto& o) { o.threads = value; });
}

TEST(Doc2Vec, LayerThatNoMachineHoldsIsRefused) {
  Doc2VecOptions options = Options();
  options.mode = Doc2VecMode::kPvDmConcat;
  options.dimension = 1024;
  options.window = 20;
  const absl::Status status = Doc2Vec::Train(Topics(3), 200'000, options, nullptr).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("window"));
}

TEST(Doc2Vec, CorpusWithoutWordsIsRefused) {
  Corpus empty_documents;
  empty_documents.Add({});
  for (const Corpus& corpus : {Corpus(), empty_documents}) {
    EXPECT_EQ(Doc2Vec::Train(corpus, kVocabulary, Options(), nullptr).status(),
              absl::InvalidArgumentError("doc2vec: no words to train on"));
  }
}

TEST(Doc2Vec, WordOutsideTheVocabularyIsRefused) {
  for (const std::int32_t word : {-1, 3}) {
    Corpus corpus;
    corpus.Add({0, word});
    EXPECT_EQ(Doc2Vec::Train(corpus, 3, Options(), nullptr).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace mannequin
