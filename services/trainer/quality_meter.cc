#include "services/trainer/quality_meter.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/roc.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/trainer/calibration.h"
#include "services/trainer/evaluate.h"
#include "services/trainer/quality.h"

namespace mannequin {
namespace {

constexpr std::size_t kDiverseImages = 1'000;  // looked at for diversity
constexpr std::size_t kDiversePairs = 500;
constexpr std::size_t kDigestDigits = 16;

absl::Status Stopped() { return absl::CancelledError("stopped while measuring"); }

// Means over squares of pixels.
absl::StatusOr<Pixels> AveragedDown(Pixels image, int side) {
  if (side == image.width) return image;
  if (side < 1 || image.width % side != 0) {
    return absl::InvalidArgumentError(absl::StrCat("images of ", image.width, " pixels cannot be averaged down to ",
                                                   side, ": measure on products packed at ", side, " or a multiple"));
  }
  const int factor = image.width / side;
  Pixels small{side, side, {}};
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        int sum = 0;
        for (int dy = 0; dy < factor; ++dy) {
          for (int dx = 0; dx < factor; ++dx) {
            sum +=
                image.rgb[static_cast<std::size_t>(((y * factor + dy) * image.width + x * factor + dx) * 3 + channel)];
          }
        }
        small.rgb.push_back(static_cast<std::uint8_t>((sum + factor * factor / 2) / (factor * factor)));
      }
    }
  }
  return small;
}

// Whether the i-th of n is among the `chosen` that are spread evenly over them.
bool IsChosen(std::size_t i, std::size_t n, std::size_t chosen) {
  return n <= chosen || i * chosen / n != (i + 1) * chosen / n;
}

double Share(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

DrawFunction DrawWith(const LoadedGan& gan) {
  return [gan](const std::vector<std::vector<float>>& texts, const std::vector<std::uint64_t>& seeds) {
    return Generate(gan, texts, seeds);
  };
}

JudgeFunction JudgeWith(const LoadedGan& gan) {
  return [gan](const std::vector<Pixels>& images, const std::vector<std::vector<float>>& texts) {
    return Discriminate(gan, images, texts);
  };
}

QualityMeter::QualityMeter(const Pack& pack, const QualityOptions& options, std::function<bool()> stopping)
    : pack_(pack), options_(options), stopping_(std::move(stopping)) {}

absl::StatusOr<std::unique_ptr<QualityMeter>> QualityMeter::Create(const Pack& pack, const QualityOptions& options,
                                                                   std::function<bool()> stopping) {
  std::unique_ptr<QualityMeter> meter(new QualityMeter(pack, options, std::move(stopping)));
  JudgedProducts judged = ChooseJudged(pack);
  meter->products_ = std::move(judged.products);
  meter->from_training_ = judged.from_training;
  RETURN_IF_ERROR(meter->LearnFeatures());
  RETURN_IF_ERROR(meter->SeeReal());
  return meter;
}

absl::Status QualityMeter::LearnFeatures() {
  std::vector<int> images_of_color(pack_.colors.size());
  for (const PackedProduct& product : pack_.training) {
    if (product.color >= 0) ++images_of_color[static_cast<std::size_t>(product.color)];
  }
  LabelledImages labelled;
  std::vector<int> color_number;
  for (const int images : images_of_color) {
    color_number.push_back(images < kMinColorImages ? -1 : labelled.color_count++);
  }
  const auto color_of = [&](const PackedProduct& product) {
    return product.color < 0 ? -1 : color_number[static_cast<std::size_t>(product.color)];
  };
  labelled.image = [this](std::size_t i) { return pack_.ImageOf(pack_.training[i]); };
  labelled.category_count = static_cast<int>(pack_.categories.size());
  for (const PackedProduct& product : pack_.training) {
    labelled.categories.push_back(product.category);
    labelled.colors.push_back(color_of(product));
  }
  for (PackedProduct& product : products_) product.color = color_of(product);
  ASSIGN_OR_RETURN(classifier_, FeatureClassifier::Train(
                                    labelled, {options_.seed, options_.device, options_.classifier_steps}, stopping_));
  return absl::OkStatus();
}

absl::StatusOr<SeenImages> QualityMeter::SeeProducts(const std::vector<PackedProduct>& products) const {
  SeenImages seen;
  seen.features.columns = FeatureClassifier::kFeatures;
  for (std::size_t begin = 0; begin < products.size(); begin += kMeasureBatch) {
    if (stopping_()) return Stopped();
    std::vector<Pixels> images;
    for (std::size_t i = begin; i < std::min(begin + kMeasureBatch, products.size()); ++i) {
      images.push_back(pack_.ImageOf(products[i]));
    }
    seen.Append(classifier_->See(images));
  }
  return seen;
}

absl::Status QualityMeter::SeeReal() {
  std::vector<Pixels> diverse;
  std::vector<int> groups;
  std::string measured_by = classifier_->digest();
  for (std::size_t i = 0; i < products_.size(); ++i) {
    const PackedProduct& product = products_[i];
    const float* text = pack_.text(product.slot, 0);
    texts_.emplace_back(text, text + pack_.text_dimension());
    absl::StrAppend(&measured_by, "\n", product.id);
    if (!IsChosen(i, products_.size(), kDiverseImages)) continue;
    diverse.push_back(pack_.ImageOf(product));
    groups.push_back(product.category);
  }
  ASSIGN_OR_RETURN(SeenImages training, SeeProducts(SampleEvenly(pack_.training, kMaxLookedUp)));
  training_ = std::move(training.features);
  ASSIGN_OR_RETURN(real_, SeeProducts(products_));
  real_distances_ = NearestDistances(real_.features, training_);
  ASSIGN_OR_RETURN(real_diversity_, Diversity(diverse, groups, kDiversePairs, options_.seed));
  measured_with_ = Sha256Hex(measured_by).substr(0, kDigestDigits);
  return absl::OkStatus();
}

double QualityMeter::CategoryShare(const SeenImages& seen) const {
  std::size_t right = 0;
  for (std::size_t i = 0; i < products_.size(); ++i) right += seen.categories[i] == products_[i].category ? 1 : 0;
  return Share(right, products_.size());
}

double QualityMeter::ColorShare(const SeenImages& seen) const {
  std::size_t right = 0, colored = 0;
  for (std::size_t i = 0; i < products_.size(); ++i) {
    if (products_[i].color < 0) continue;
    ++colored;
    right += seen.colors[i] == products_[i].color ? 1 : 0;
  }
  return Share(right, colored);
}

absl::StatusOr<double> QualityMeter::MatchAuc(const JudgeFunction& judge, int resolution,
                                              const std::vector<std::vector<float>>& texts) const {
  std::vector<double> matched, mismatched;
  const std::size_t n = products_.size();
  for (std::size_t begin = 0; begin < n; begin += kMeasureBatch) {
    if (stopping_()) return Stopped();
    std::vector<Pixels> images;
    std::vector<std::vector<float>> own, others;
    std::vector<char> differs;
    for (std::size_t i = begin; i < std::min(begin + kMeasureBatch, n); ++i) {
      ASSIGN_OR_RETURN(Pixels image, AveragedDown(pack_.ImageOf(products_[i]), resolution));
      images.push_back(std::move(image));
      own.push_back(texts[i]);
      // Half around the list, and on until the category is another one.
      std::size_t other = (i + n / 2) % n;
      for (std::size_t tried = 0; tried < n && products_[other].category == products_[i].category; ++tried) {
        other = (other + 1) % n;
      }
      differs.push_back(products_[other].category != products_[i].category ? 1 : 0);
      others.push_back(texts[other]);
    }
    ASSIGN_OR_RETURN(const std::vector<Judgement> on_own, judge(images, own));
    ASSIGN_OR_RETURN(const std::vector<Judgement> on_others, judge(images, others));
    if (on_own.size() != images.size() || on_others.size() != images.size()) {
      return absl::InternalError(absl::StrCat(images.size(), " images got ", on_own.size(), " judgements"));
    }
    for (std::size_t i = 0; i < images.size(); ++i) {
      matched.push_back(on_own[i].match);
      if (differs[i] != 0) mismatched.push_back(on_others[i].match);
    }
  }
  return matched.empty() || mismatched.empty() ? 0.5 : AreaUnderRoc(mismatched, matched);
}

absl::StatusOr<v1::Quality> QualityMeter::Measure(const DrawFunction& draw, const JudgeFunction& judge, int resolution,
                                                  const std::vector<std::vector<float>>* texts) const {
  if (resolution == 0) resolution = pack_.resolution();
  if (texts == nullptr) texts = &texts_;
  const std::size_t n = products_.size();
  if (texts->size() != n) return absl::InvalidArgumentError(absl::StrCat(texts->size(), " texts for ", n, " products"));
  v1::Quality quality;
  // First, because it is what another resolution fails at.
  ASSIGN_OR_RETURN(const double match_auc, MatchAuc(judge, resolution, *texts));
  quality.set_match_auc(match_auc);

  SeenImages seen;
  seen.features.columns = FeatureClassifier::kFeatures;
  std::vector<Pixels> diverse;
  std::vector<int> groups;
  for (std::size_t begin = 0; begin < n; begin += kMeasureBatch) {
    if (stopping_()) return Stopped();
    const auto from = texts->begin() + static_cast<std::ptrdiff_t>(begin);
    const auto to = texts->begin() + static_cast<std::ptrdiff_t>(std::min(begin + kMeasureBatch, n));
    std::vector<std::uint64_t> seeds(static_cast<std::size_t>(to - from));
    std::iota(seeds.begin(), seeds.end(), options_.seed + begin);
    ASSIGN_OR_RETURN(std::vector<Pixels> drawn, draw({from, to}, seeds));
    if (drawn.size() != seeds.size()) {
      return absl::InternalError(absl::StrCat(seeds.size(), " texts got ", drawn.size(), " images"));
    }
    seen.Append(classifier_->See(drawn));
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      if (!IsChosen(begin + i, n, kDiverseImages)) continue;
      diverse.push_back(std::move(drawn[i]));
      groups.push_back(products_[begin + i].category);
    }
  }
  quality.set_products(static_cast<std::int64_t>(n));
  quality.set_from_training(from_training_);
  ASSIGN_OR_RETURN(const double frechet, FrechetDistance(MomentsOf(real_.features), MomentsOf(seen.features)));
  quality.set_frechet_distance(frechet);
  const Coverage coverage = PrecisionAndRecall(real_.features, seen.features);
  quality.set_precision(coverage.precision);
  quality.set_recall(coverage.recall);
  quality.set_category_agreement(CategoryShare(seen));
  quality.set_category_accuracy(CategoryShare(real_));
  quality.set_color_agreement(ColorShare(seen));
  quality.set_color_accuracy(ColorShare(real_));
  ASSIGN_OR_RETURN(const double diversity, Diversity(diverse, groups, kDiversePairs, options_.seed));
  quality.set_diversity(diversity);
  quality.set_real_diversity(real_diversity_);
  quality.set_memorized(MemorizedShare(NearestDistances(seen.features, training_), real_distances_));
  quality.set_measured_with(measured_with_);
  return quality;
}

}  // namespace mannequin
