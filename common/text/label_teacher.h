// Teaches word vectors to keep what a catalogue says of its products: the sum of a text's
// word vectors, at unit length, is moved towards a vector of its category, of its brand and
// of each attribute's value, and away from those of other labels.
//
//   LabelledTexts texts;
//   texts.units = {4, 17, 9};   // of the one text
//   texts.parts = {TextPart::kTitle, TextPart::kTitle, TextPart::kBrand};
//   texts.ends = {3};
//   texts.kinds = {{.weight = 1, .size = 143, .of_text = {12}}};   // its category is number 12 of 143
//   RETURN_IF_ERROR(TeachLabels(texts, {}, &words, nullptr));
//
// A linear text classifier (fastText, Joulin et al. 2016, arXiv:1607.01759) with one head a
// kind of label and a softmax over cosines whose sharpness is fixed (NormFace, Wang et al.
// 2017, arXiv:1704.06369), so that nearest neighbours by cosine share their labels. A kind of
// many labels is told apart from a random share of them at a time. What names a label is left
// out of most texts, so that the rest of the title is taught. Threads share the weights
// without locks, as in doc2vec.h.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/text/rows.h"

namespace mannequin {

struct LabelKind {
  float weight = 1;  // of its loss
  std::int32_t size = 0;
  std::vector<std::int32_t> of_text;  // label of each text, -1 when it has none
};

// Where a unit comes from. A text keeps its title, half of the time its brand, and one time in
// eight the rest: with the category's words in sight, a title's words learn nothing of it.
enum class TextPart : std::uint8_t { kTitle, kBrand, kOther };

// Texts as unit numbers.
struct LabelledTexts {
  std::vector<std::int32_t> units;
  std::vector<TextPart> parts;     // of each unit
  std::vector<std::int64_t> ends;  // where each text's units end
  std::vector<LabelKind> kinds;

  std::int64_t size() const { return static_cast<std::int64_t>(ends.size()); }
};

// TeachLabels says INVALID_ARGUMENT to a value out of its range.
struct LabelTeacherOptions {
  int epochs = 0;              // 1 to 1,000,000; 0: 300,000 texts in all, 4 to 200 epochs
  float lr = 0.05f;            // of word vectors, 0 to 1, falling to 0
  float label_lr = 0.5f;       // of label vectors, 0 to 10, falling to 0
  float sharpness = 10;        // of the softmax, 0 to 1,000
  float drop_words = 0.5f;     // up to this share of a text's words, 0 to 1, is left out, anew each time
  int sampled_labels = 2'048;  // 1 to 1,000,000; a kind with more is sampled
  std::uint64_t seed = 1;
  int threads = 0;  // up to 1,024; 0: one a core. One thread and one seed give the same bits again.
};

// INVALID_ARGUMENT naming the field and its bounds.
absl::Status CheckLabelTeacherOptions(const LabelTeacherOptions& options);

struct LabelTeacherProgress {
  int epoch = 0;  // done, of `epochs`
  int epochs = 0;
  double loss = 0;  // mean of the epoch's texts so far, all kinds together
};

// `words` has a row a unit and is changed; its rows are scaled first, so that a text's sum is of
// about unit length. Nothing happens when there is no label. `progress` as in Doc2Vec::Train.
absl::Status TeachLabels(const LabelledTexts& texts, const LabelTeacherOptions& options, Rows* words,
                         const std::function<absl::Status(const LabelTeacherProgress&)>& progress);

}  // namespace mannequin
