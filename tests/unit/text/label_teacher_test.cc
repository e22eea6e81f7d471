#include "common/text/label_teacher.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

constexpr int kDimension = 16, kColours = 4, kShapes = 3;

// Texts of two words, a colour's and a shape's, each of two names that never stand together.
struct Catalogue {
  LabelledTexts texts;
  Rows words{2 * (kColours + kShapes), kDimension};
};

Catalogue Texts(int n, std::int32_t colour_labels = kColours) {
  Catalogue made;
  Random random(5);
  for (std::int64_t w = 0; w < made.words.size(); ++w) {
    for (int j = 0; j < kDimension; ++j) made.words[w][j] = random.Centred();
  }
  made.texts.kinds = {{1, colour_labels, {}}, {1, kShapes, {}}};  // colour and shape
  for (int i = 0; i < n; ++i) {
    const auto colour = static_cast<std::int32_t>(random.Below(kColours));
    const auto shape = static_cast<std::int32_t>(random.Below(kShapes));
    const auto other = static_cast<std::int32_t>(random.Below(2));
    made.texts.units.push_back(2 * colour + other);
    made.texts.units.push_back(2 * kColours + 2 * shape + other);
    made.texts.parts.insert(made.texts.parts.end(), {TextPart::kTitle, TextPart::kTitle});
    made.texts.ends.push_back(static_cast<std::int64_t>(made.texts.units.size()));
    made.texts.kinds[0].of_text.push_back(colour);
    made.texts.kinds[1].of_text.push_back(shape);
  }
  return made;
}

double Cosine(const Rows& words, std::int64_t a, std::int64_t b) {
  double dot = 0, aa = 0, bb = 0;
  for (int j = 0; j < kDimension; ++j) {
    dot += words[a][j] * words[b][j];
    aa += words[a][j] * words[a][j];
    bb += words[b][j] * words[b][j];
  }
  return dot / std::sqrt(aa * bb);
}

// The two names of each colour are near each other, and far from other colours' names.
void ExpectColoursTold(const Rows& words) {
  for (int c = 0; c < kColours; ++c) {
    EXPECT_GT(Cosine(words, 2 * c, 2 * c + 1), 0.5) << c;
    EXPECT_LT(Cosine(words, 2 * c, 2 * ((c + 1) % kColours)), 0.2) << c;
  }
}

TEST(LabelTeacher, WordsOfALabelComeTogetherThoughTheyNeverMeet) {
  Catalogue made = Texts(2'000);
  ASSERT_TRUE(TeachLabels(made.texts, {.threads = 1}, &made.words, nullptr).ok());
  ExpectColoursTold(made.words);
}

TEST(LabelTeacher, SamplesTheLabelsOfALargeKind) {
  Catalogue made = Texts(2'000, 5'000);  // 4,996 labels that no text has
  LabelTeacherOptions options;
  options.threads = 1;
  options.sampled_labels = 64;
  ASSERT_TRUE(TeachLabels(made.texts, options, &made.words, nullptr).ok());
  for (int c = 0; c < kColours; ++c) EXPECT_GT(Cosine(made.words, 2 * c, 2 * c + 1), 0.3) << c;
}

TEST(LabelTeacher, OneThreadAndOneSeedGiveTheSameBits) {
  Catalogue first = Texts(300), second = Texts(300), other = Texts(300);
  ASSERT_TRUE(TeachLabels(first.texts, {.seed = 4, .threads = 1}, &first.words, nullptr).ok());
  ASSERT_TRUE(TeachLabels(second.texts, {.seed = 4, .threads = 1}, &second.words, nullptr).ok());
  ASSERT_TRUE(TeachLabels(other.texts, {.seed = 5, .threads = 1}, &other.words, nullptr).ok());
  EXPECT_EQ(first.words.Flat(), second.words.Flat());
  EXPECT_NE(first.words.Flat(), other.words.Flat());
}

TEST(LabelTeacher, ManyThreadsTeachAsWell) {
  Catalogue made = Texts(2'000);
  ASSERT_TRUE(TeachLabels(made.texts, {.threads = 4}, &made.words, nullptr).ok());
  ExpectColoursTold(made.words);
}

TEST(LabelTeacher, LossFallsAndIsReportedOnceAnEpoch) {
  Catalogue made = Texts(1'000);
  std::vector<double> losses;
  ASSERT_TRUE(
      TeachLabels(made.texts, {.epochs = 5, .threads = 1}, &made.words, [&](const LabelTeacherProgress& progress) {
        losses.push_back(progress.loss);
        EXPECT_EQ(progress.epoch, static_cast<int>(losses.size()));
        EXPECT_EQ(progress.epochs, 5);
        return absl::OkStatus();
      }).ok());
  ASSERT_EQ(losses.size(), 5u);
  EXPECT_LT(losses.back(), losses.front());
}

TEST(LabelTeacher, EndsWhenToldTo) {
  Catalogue made = Texts(1'000);
  int reports = 0;
  const absl::Status status =
      TeachLabels(made.texts, {.epochs = 1'000'000, .threads = 2}, &made.words, [&](const LabelTeacherProgress&) {
        return ++reports < 3 ? absl::OkStatus() : absl::CancelledError("asked to stop");
      });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
}

TEST(LabelTeacher, EndsInTheMiddleOfALongEpochWhenToldTo) {
  Catalogue made = Texts(20'000, 20'000);
  LabelTeacherOptions options;
  options.threads = 2;
  options.sampled_labels = 19'999;
  int reports = 0;
  const absl::Status status = TeachLabels(made.texts, options, &made.words, [&](const LabelTeacherProgress& progress) {
    ++reports;
    EXPECT_EQ(progress.epoch, 0);
    EXPECT_GT(progress.loss, 0);
    return absl::CancelledError("asked to stop");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(reports, 1);
}

TEST(LabelTeacher, OptionOutOfRangeIsNamed) {
  const auto expect_refused = [](const std::string& field, const std::function<void(LabelTeacherOptions&)>& change) {
    Catalogue made = Texts(10);
    LabelTeacherOptions options;
    change(options);
    const absl::Status status = TeachLabels(made.texts, options, &made.words, nullptr);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("teacher: " + field + ": "));
  };
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const int value : {-1, 1'000'001}) expect_refused("epochs", [=](auto& o) { o.epochs = value; });
  for (const float value : {-0.1f, 1.1f, kNan}) expect_refused("lr", [=](auto& o) { o.lr = value; });
  for (const float value : {-0.1f, 10.1f, kNan}) expect_refused("label_lr", [=](auto& o) { o.label_lr = value; });
  for (const float value : {-0.1f, 1'001.0f, kNan}) expect_refused("sharpness", [=](auto& o) { o.sharpness = value; });
  for (const float value : {-0.1f, 1.1f, kNan}) expect_refused("drop_words", [=](auto& o) { o.drop_words = value; });
  for (const int value : {0, 1'000'001}) expect_refused("sampled_labels", [=](auto& o) { o.sampled_labels = value; });
  for (const int value : {-1, 1'025}) expect_refused("threads", [=](auto& o) { o.threads = value; });
}

TEST(LabelTeacher, WithoutLabelsWordsStayAsTheyAre) {
  Catalogue made = Texts(10);
  const std::vector<float> before = made.words.Flat();
  made.texts.kinds.clear();
  ASSERT_TRUE(TeachLabels(made.texts, {}, &made.words, nullptr).ok());
  EXPECT_EQ(made.words.Flat(), before);
  ASSERT_TRUE(TeachLabels({}, {}, &made.words, nullptr).ok());
}

TEST(LabelTeacher, TextsWithoutWordsOrLabelsDoNoHarm) {
  Catalogue made = Texts(500);
  made.texts.ends.push_back(made.texts.ends.back());
  for (LabelKind& kind : made.texts.kinds) kind.of_text.push_back(-1);
  made.texts.kinds[0].of_text[0] = -1;
  ASSERT_TRUE(TeachLabels(made.texts, {.threads = 1}, &made.words, nullptr).ok());
  for (const float value : made.words.Flat()) EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace mannequin
