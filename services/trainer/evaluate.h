// What a finished pair of networks is worth: calibrations and figures on products that
// training never saw, through the very code that serves.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "common/nn/gan.h"
#include "services/trainer/batches.h"
#include "services/trainer/pack.h"

namespace mannequin {

struct Evaluation {
  std::vector<v1::Calibration> calibrations;  // MISMATCH and PROMOTIONAL_OVERLAY
  std::vector<int> left_out;                  // clean examples thought mislabelled, for each
  // Of MISMATCH: against pictures of another category, and of another colour of the same; 0
  // where there were none.
  double category_auc = 0, color_auc = 0;
  std::int64_t products = 0;
  bool from_training = false;  // too few were held out: figures are on training products
  // Of real images of these products: share whose category is told from the image alone.
  double category_accuracy = 0;
  // Of images drawn from their texts: mean confidence (DrawnConfidence), and the
  // share above the floor.
  double drawn_agreement = 0, drawn_above_floor = 0;
  double confidence_floor = 0;
};

// At least this many products are judged; with fewer held out, a tenth of training.
inline constexpr std::size_t kMinHeldOut = 40;
inline constexpr std::size_t kMaxJudged = 2000, kMaxCalibrating = 5000;

// `count` of them at most, spread evenly.
std::vector<PackedProduct> SampleEvenly(const std::vector<PackedProduct>& products, std::size_t count);

struct JudgedProducts {
  std::vector<PackedProduct> products;
  bool from_training = false;
};
// The products that figures are measured on.
JudgedProducts ChooseJudged(const Pack& pack);
// Those that calibrate: of the held-out ones the part for it, when there are kMinHeldOut in it.
JudgedProducts ChooseCalibrating(const Pack& pack);

// Below this confidence a drawn image is not shown. Of a judge, which the generator never met,
// one half: it is sooner right than wrong. Of a discriminator 0.2, or twice chance when there are so
// many categories that this is less.
double ConfidenceFloor(int categories, bool judge);

// Each product as it is, with the image of a product of another category, with that of
// another colour of the same category where colours are told, and
// with an overlay from `bank` (not one that was trained on), which only sharp pictures get, if there are
// kMinHeldOut of them. Fixed by `seed`.
absl::StatusOr<Evaluation> Evaluate(const LoadedGan& gan, const Pack& pack, const OverlayBank& bank,
                                    std::uint64_t seed);

}  // namespace mannequin
