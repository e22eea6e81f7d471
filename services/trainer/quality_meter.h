// Measures generators and discriminators on the products that a training keeps out
// (v1::Quality), published or still in training, all by one ruler:
//
//   ASSIGN_OR_RETURN(const auto meter, QualityMeter::Create(*pack, {.seed = 1, .device = "cpu"}, stopping));
//   ASSIGN_OR_RETURN(const v1::Quality ours, meter->Measure(DrawWith(gan), JudgeWith(gan)));
//   ASSIGN_OR_RETURN(const v1::Quality theirs, meter->Measure(DrawWith(current), JudgeWith(current)));
//
// The ruler, a FeatureClassifier trained on the training products' real images and the
// features of real images, is made once and costs some three minutes of processor time for 8,000
// images, where the CPU is fast at bfloat16; a measurement costs little more than drawing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/image/image.h"
#include "common/nn/gan.h"
#include "mannequin/v1/bundle.pb.h"
#include "services/trainer/feature_classifier.h"
#include "services/trainer/pack.h"

namespace mannequin {

// One image for each text with its seed. Called with at most kMeasureBatch of them.
using DrawFunction = std::function<absl::StatusOr<std::vector<Pixels>>(const std::vector<std::vector<float>>& texts,
                                                                       const std::vector<std::uint64_t>& seeds)>;
// One judgement for each image with its text; only the source logit counts.
using JudgeFunction = std::function<absl::StatusOr<std::vector<Judgement>>(
    const std::vector<Pixels>& images, const std::vector<std::vector<float>>& texts)>;

inline constexpr std::size_t kMeasureBatch = 64;

DrawFunction DrawWith(const LoadedGan& gan);
JudgeFunction JudgeWith(const LoadedGan& gan);

struct QualityOptions {
  std::uint64_t seed = 0;             // of the classifier, and of what is drawn
  std::string device;                 // of the classifier, as CheckDevice
  std::int64_t classifier_steps = 0;  // 0: FeatureClassifier::StepsFor
};

// Colours with fewer training images are not learnt.
inline constexpr int kMinColorImages = 8;
// Training images that drawn ones are looked up among, at most: an even choice of them.
inline constexpr std::size_t kMaxLookedUp = 200'000;

// Belongs to one thread.
class QualityMeter {
 public:
  // `pack` must outlive the meter. CANCELLED once `stopping()`, here and in Measure;
  // FeatureClassifier's errors.
  static absl::StatusOr<std::unique_ptr<QualityMeter>> Create(const Pack& pack, const QualityOptions& options,
                                                              std::function<bool()> stopping);

  // Held-out products measured on, at most kMaxJudged; training products when fewer than
  // kMinHeldOut are held out.
  const std::vector<PackedProduct>& products() const { return products_; }

  // Draws an image for each product's text, with seeds of their own, and judges the real ones,
  // averaged down to `resolution` (0: the pack's). `texts`, one for each of products(),
  // replace the pack's: for a generator of another embedding. The errors of `draw` and
  // `judge`; INVALID_ARGUMENT when `resolution` does not divide the pack's, or texts are
  // not as many as products.
  absl::StatusOr<v1::Quality> Measure(const DrawFunction& draw, const JudgeFunction& judge, int resolution = 0,
                                      const std::vector<std::vector<float>>* texts = nullptr) const;

 private:
  QualityMeter(const Pack& pack, const QualityOptions& options, std::function<bool()> stopping);
  absl::Status LearnFeatures();
  absl::Status SeeReal();
  absl::StatusOr<SeenImages> SeeProducts(const std::vector<PackedProduct>& products) const;
  absl::StatusOr<double> MatchAuc(const JudgeFunction& judge, int resolution,
                                  const std::vector<std::vector<float>>& texts) const;
  // Shares of products whose category, and whose colour, is told as it is.
  double CategoryShare(const SeenImages& seen) const;
  double ColorShare(const SeenImages& seen) const;

  const Pack& pack_;
  const QualityOptions options_;
  const std::function<bool()> stopping_;
  bool from_training_ = false;
  std::vector<PackedProduct> products_;  // their colors are numbers of the classifier's
  std::vector<std::vector<float>> texts_;
  std::unique_ptr<FeatureClassifier> classifier_;
  SeenImages real_;
  FeatureMatrix training_;              // features of training images
  std::vector<double> real_distances_;  // to the nearest training image
  double real_diversity_ = 0;
  std::string measured_with_;
};

}  // namespace mannequin
