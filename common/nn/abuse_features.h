// What the judging network's answer says of each abuse reason, as a few numbers that a
// logistic calibration turns into a probability. The trainer fits the calibration and
// the scorer applies it, both with this code.
//
//   features = MismatchFeatures(judgement, {listed_category, listed_color});
//   double p = CalibratedProbability(calibration, features);
//
// Not torch: plain numbers in and out. Everything here is a pure function.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mannequin/v1/bundle.pb.h"

namespace mannequin {

// Reasons that a network judges, as Calibration.reason names them.
inline constexpr char kMismatch[] = "MISMATCH";
inline constexpr char kPromotionalOverlay[] = "PROMOTIONAL_OVERLAY";

// The answer for one listing: of the bundle's judge, or of its discriminator when it has none.
struct Judgement {
  float match = 0;                    // logit: image and text belong together (of "tacgan": and it is real)
  std::vector<float> image_category;  // K logits: of the image alone
  std::vector<float> image_color;     // C logits: of the image alone; empty when the bundle tells no colours
  int overlay_width = 0;              // cells of the overlay map
  int overlay_height = 0;
  std::vector<float> overlay;     // [overlay_height, overlay_width] logits: text or badge laid over this cell
  std::optional<float> overlaid;  // logit: of the whole image; a judge's only
  std::vector<float> place;       // unit vector: where the picture lies among pictures; a judge's only
};

// What a listing says it shows: indices into the bundle's lists, and its category from the root on.
struct Listed {
  int category = -1;
  int color = -1;  // -1: it says none, or one that the bundle does not know
  std::vector<std::string> category_path = {};
};

// [log p(listed category | image), margin of its logit over the best other one, match
// logit], and where colours are told: log p(listed colour | image), or, without a listed one,
// its mean over the colours that the image may have. INVALID_ARGUMENT when an index is not one of
// the judgement's.
absl::StatusOr<std::vector<double>> MismatchFeatures(const Judgement& judgement, const Listed& listed);

// [largest overlay logit, mean of the four largest], and of a judge the whole image's logit.
// INVALID_ARGUMENT without a map.
absl::StatusOr<std::vector<double>> OverlayFeatures(const Judgement& judgement);

// p(category | image), 0 to 1, by image_category. 0 when `category` is no index of it.
double CategoryProbability(const Judgement& judgement, int category);

// How sure one can be that a drawn picture shows what it was drawn for, 0 to 1: the listed
// category's probability by the image alone, with the odds that image and text match, 1 -
// p(MISMATCH) by the bundle's calibration, for and against:
//
//   odds = p / (1 - p) * (1 - m) / m
//
// A match of one half says nothing and leaves the category's probability; a picture of the
// right thing in the wrong colour loses by it. The category's probability alone when the
// bundle has no such calibration. Errors of MismatchFeatures and CalibratedProbability.
absl::StatusOr<double> DrawnConfidence(const v1::GanInfo& gan, const Judgement& judgement, const Listed& listed);

// sigmoid(weights . features + bias). DATA_LOSS when the calibration was made for
// another number of features.
absl::StatusOr<double> CalibratedProbability(const v1::Calibration& calibration, const std::vector<double>& features);

// Probabilities above which a listing is sent to REVIEW, and called ABUSE: of the longest path of
// the calibration that `category_path` begins with, else its own.
struct Thresholds {
  double review = 0, abuse = 0;
};
Thresholds ThresholdsFor(const v1::Calibration& calibration, const std::vector<std::string>& category_path);

// The manifest's calibration of a reason, or null.
const v1::Calibration* FindCalibration(const v1::GanInfo& gan, const char* reason);

}  // namespace mannequin
