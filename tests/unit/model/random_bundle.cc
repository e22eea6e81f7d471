#include "tests/unit/model/random_bundle.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/nn/judge_net.h"
#include "common/nn/networks.h"
#include "common/nn/weights.h"
#include "common/text/text_model.h"
#include "tests/unit/text/titles.h"

namespace mannequin {
namespace {

void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "random bundle: %s\n", status.ToString().c_str());
  std::abort();
}

constexpr int kDimension = 100;

// A catalogue of three kinds of thing, so that their words are known.
std::vector<std::string> Texts() {
  std::vector<std::string> texts;
  for (const char* color : {"blue", "black", "white", "red"}) {
    for (const char* brand : {"acme", "globex", "initech"}) {
      texts.push_back(absl::StrCat("Shirts ", brand, " ", color, " cotton shirt for men"));
      texts.push_back(absl::StrCat("Watches ", brand, " ", color, " analog watch with leather strap"));
      texts.push_back(absl::StrCat("Boots ", brand, " ", color, " leather boots for women"));
    }
  }
  return texts;
}

const TextModel& TrainedText() {
  static const TextModel& model = *[] {
    TextModelOptions options;
    options.tokenizer.vocabulary_size = 300;
    options.doc2vec.dimension = kDimension;
    options.doc2vec.epochs = 2;
    absl::StatusOr<TextModel> trained = TextModel::Train(ScanTitles(Texts()), options, nullptr);
    Must(trained.status());
    return new TextModel(*std::move(trained));
  }();
  return model;
}

void AddCalibration(const char* reason, int features, double bias, v1::GanInfo& gan) {
  v1::Calibration& calibration = *gan.add_calibrations();
  calibration.set_reason(reason);
  for (int i = 0; i < features; ++i) calibration.add_weights(0);
  calibration.set_bias(bias);
  calibration.set_review_threshold(kReviewThreshold);
  calibration.set_abuse_threshold(kAbuseThreshold);
}

}  // namespace

v1::BundleManifest PromoteRandomBundle(const BundleFolder& folder, const RandomBundleOptions& options) {
  absl::StatusOr<std::string> staging = folder.Stage();
  Must(staging.status());
  Must(TrainedText().Save(*staging));
  v1::BundleManifest manifest;
  manifest.mutable_embedding()->set_dimension(kDimension);
  manifest.mutable_embedding()->set_mode("pv-dbow");
  if (options.gan) {
    v1::GanInfo& gan = *manifest.mutable_gan();
    gan.set_preset("tacgan");
    gan.set_resolution(options.resolution);
    gan.set_features(options.features);
    gan.set_noise_dimension(options.noise);
    for (const std::string& category : options.categories) gan.add_categories(category);
    gan.set_confidence_floor(options.confidence_floor);
    if (options.precision >= 0) {
      gan.mutable_quality()->set_products(100);
      gan.mutable_quality()->set_precision(options.precision);
    }
    AddCalibration("MISMATCH", options.judge ? 4 : 3, options.mismatch_bias, gan);
    gan.mutable_calibrations(0)->set_weights(1, options.mismatch_margin_weight);
    AddCalibration("PROMOTIONAL_OVERLAY", options.judge ? 3 : 2, options.overlay_bias, gan);
    torch::manual_seed(options.seed);
    const GanShape shape{.resolution = options.resolution,
                         .features = options.features,
                         .noise = options.noise,
                         .text = kDimension,
                         .categories = static_cast<int>(options.categories.size())};
    Must(SaveWeights(*MakeGenerator(shape), absl::StrCat(*staging, "/generator.safetensors")));
    Must(SaveWeights(*MakeDiscriminator(shape), absl::StrCat(*staging, "/discriminator.safetensors")));
    if (options.judge) {
      for (const char* color : {"blue", "black"}) gan.mutable_judge()->add_colors(color);
      gan.mutable_judge()->set_resolution(options.resolution);
      JudgeNet judge(JudgeShape{options.resolution, kDimension, shape.categories, 2});
      Must(SaveWeights(judge, absl::StrCat(*staging, "/judge.safetensors")));
    }
  }
  absl::StatusOr<v1::BundleManifest> published = folder.Publish(*staging, manifest);
  Must(published.status());
  Must(folder.Promote(published->version()).status());
  return *published;
}

}  // namespace mannequin
