#include "services/trainer/evaluate.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <random>

#include "common/base/roc.h"
#include "common/base/status_macros.h"
#include "services/trainer/calibration.h"

namespace mannequin {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kDrawn = 256;

std::vector<float> TextOf(const Pack& pack, const PackedProduct& product) {
  const float* begin = pack.text(product.slot, 0);
  return std::vector<float>(begin, begin + pack.text_dimension());
}

Listed ListedBy(const LoadedGan& gan, const Pack& pack, const PackedProduct& product) {
  return {product.category,
          product.color < 0 ? -1 : gan.ColorIndex(pack.colors[static_cast<std::size_t>(product.color)]),
          product.category_path};
}

// Of `count` pairs of a picture and a text, a batch of them in memory at a time.
absl::StatusOr<std::vector<Judgement>> JudgeEach(const LoadedGan& gan, std::size_t count,
                                                 const std::function<Pixels(std::size_t)>& image,
                                                 const std::function<std::vector<float>(std::size_t)>& text) {
  std::vector<Judgement> all;
  for (std::size_t begin = 0; begin < count; begin += kBatch) {
    std::vector<Pixels> images;
    std::vector<std::vector<float>> texts;
    for (std::size_t i = begin; i < std::min(begin + kBatch, count); ++i) {
      images.push_back(image(i));
      texts.push_back(text(i));
    }
    ASSIGN_OR_RETURN(std::vector<Judgement> some, Discriminate(gan, images, texts));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

// With an overlay that changes it.
Pixels Overlaid(const Pixels& clean, const OverlayBank& bank, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> cells(static_cast<std::size_t>((clean.width / kOverlayCell) * (clean.height / kOverlayCell)));
  Pixels overlaid;
  do {
    overlaid = clean;
    BlendRandomOverlay(overlaid, bank, random, cells.data());
  } while (std::all_of(cells.begin(), cells.end(), [](float cell) { return cell == 0; }));
  return overlaid;
}

}  // namespace

std::vector<PackedProduct> SampleEvenly(const std::vector<PackedProduct>& products, std::size_t count) {
  std::vector<PackedProduct> sample;
  count = std::min(count, products.size());
  for (std::size_t i = 0; i < count; ++i) sample.push_back(products[i * products.size() / count]);
  return sample;
}

JudgedProducts ChooseJudged(const Pack& pack) {
  if (pack.held_out.size() >= kMinHeldOut) return {SampleEvenly(pack.held_out, kMaxJudged), false};
  return {SampleEvenly(pack.training, std::clamp(pack.training.size() / 10, kMinHeldOut, kMaxJudged)), true};
}

JudgedProducts ChooseCalibrating(const Pack& pack) {
  std::vector<PackedProduct> part;
  std::copy_if(pack.held_out.begin(), pack.held_out.end(), std::back_inserter(part), [](const PackedProduct& product) {
    return SplitPosition(product.id) < kHeldOutShare * kCalibratingShare;
  });
  if (part.size() < kMinHeldOut) return ChooseJudged(pack);
  return {SampleEvenly(part, kMaxCalibrating), false};
}

double ConfidenceFloor(int categories, bool judge) {
  return judge ? 0.5 : std::min(0.2, 2.0 / std::max(1, categories));
}

absl::StatusOr<Evaluation> Evaluate(const LoadedGan& gan, const Pack& pack, const OverlayBank& bank,
                                    std::uint64_t seed) {
  Evaluation result;
  const JudgedProducts judged_products = ChooseCalibrating(pack);
  const std::vector<PackedProduct>& products = judged_products.products;
  result.from_training = judged_products.from_training;
  result.products = static_cast<std::int64_t>(products.size());

  std::vector<Listed> listed;
  for (const PackedProduct& product : products) listed.push_back(ListedBy(gan, pack, product));
  // Of another category, and of another colour of the same: whose image it is, and whose text.
  std::vector<std::size_t> swapped_from, swapped_to;
  std::mt19937_64 random(seed);
  const auto swap_with = [&](std::size_t i, const auto& differs) {
    const std::size_t begin = random() % products.size();
    for (std::size_t step = 0; step < products.size(); ++step) {
      const std::size_t other = (begin + step) % products.size();
      if (!differs(listed[i], listed[other])) continue;
      swapped_to.push_back(i);
      swapped_from.push_back(other);
      return;
    }
  };
  for (std::size_t i = 0; i < products.size(); ++i) {
    swap_with(i, [](const Listed& a, const Listed& b) { return a.category != b.category; });
    swap_with(i, [](const Listed& a, const Listed& b) {
      return a.category == b.category && a.color >= 0 && b.color >= 0 && a.color != b.color;
    });
  }
  const auto image_of = [&](std::size_t i) { return pack.ImageOf(products[i]); };
  const auto text_of = [&](std::size_t i) { return TextOf(pack, products[i]); };
  ASSIGN_OR_RETURN(const std::vector<Judgement> on_clean, JudgeEach(gan, products.size(), image_of, text_of));
  ASSIGN_OR_RETURN(const std::vector<Judgement> on_swapped,
                   JudgeEach(
                       gan, swapped_to.size(), [&](std::size_t i) { return image_of(swapped_from[i]); },
                       [&](std::size_t i) { return text_of(swapped_to[i]); }));
  ASSIGN_OR_RETURN(
      const std::vector<Judgement> on_overlaid,
      JudgeEach(
          gan, products.size(), [&](std::size_t i) { return Overlaid(image_of(i), bank, seed + i); }, text_of));

  // A blown-up picture is smooth: among such, overlays are told too easily.
  const auto sharp = static_cast<std::size_t>(
      std::count_if(products.begin(), products.end(), [](const PackedProduct& product) { return !product.small; }));
  const bool sharp_only = sharp >= kMinHeldOut;
  std::vector<Example> mismatch, overlay;
  for (std::size_t i = 0; i < products.size(); ++i) {
    const int category = listed[i].category;
    ASSIGN_OR_RETURN(std::vector<double> match, MismatchFeatures(on_clean[i], listed[i]));
    mismatch.push_back({std::move(match), false, products[i].small, products[i].category_path});
    const std::vector<float>& logits = on_clean[i].image_category;
    result.category_accuracy += std::max_element(logits.begin(), logits.end()) - logits.begin() == category ? 1 : 0;
    if (sharp_only && products[i].small) continue;
    ASSIGN_OR_RETURN(std::vector<double> plain, OverlayFeatures(on_clean[i]));
    ASSIGN_OR_RETURN(std::vector<double> painted, OverlayFeatures(on_overlaid[i]));
    overlay.push_back({std::move(plain), false, products[i].small, products[i].category_path});
    overlay.push_back({std::move(painted), true});
  }
  for (std::size_t i = 0; i < swapped_to.size(); ++i) {
    ASSIGN_OR_RETURN(std::vector<double> other, MismatchFeatures(on_swapped[i], listed[swapped_to[i]]));
    mismatch.push_back({std::move(other), true});
  }
  result.category_accuracy /= static_cast<double>(products.size());
  result.left_out.resize(2);
  ASSIGN_OR_RETURN(v1::Calibration for_mismatch, FitCalibration(kMismatch, mismatch, &result.left_out[0]));
  ASSIGN_OR_RETURN(v1::Calibration for_overlay, FitCalibration(kPromotionalOverlay, overlay, &result.left_out[1]));
  std::vector<double> own, other_category, other_color;
  for (std::size_t i = 0; i < mismatch.size(); ++i) {
    ASSIGN_OR_RETURN(const double p, CalibratedProbability(for_mismatch, mismatch[i].features));
    if (!mismatch[i].abuse) {
      own.push_back(p);
      continue;
    }
    const std::size_t swap = i - products.size();
    const bool color = listed[swapped_to[swap]].category == listed[swapped_from[swap]].category;
    (color ? other_color : other_category).push_back(p);
  }
  if (!other_category.empty()) result.category_auc = AreaUnderRoc(own, other_category);
  if (!other_color.empty()) result.color_auc = AreaUnderRoc(own, other_color);
  result.calibrations = {std::move(for_mismatch), std::move(for_overlay)};

  result.confidence_floor =
      ConfidenceFloor(static_cast<int>(pack.categories.size()), on_clean.front().overlaid.has_value());
  v1::GanInfo calibrated;
  for (const v1::Calibration& calibration : result.calibrations) *calibrated.add_calibrations() = calibration;
  const std::vector<PackedProduct> asked = SampleEvenly(products, kDrawn);
  for (std::size_t begin = 0; begin < asked.size(); begin += kBatch) {
    std::vector<std::vector<float>> some;
    std::vector<std::uint64_t> seeds;
    for (std::size_t i = begin; i < std::min(begin + kBatch, asked.size()); ++i) {
      some.push_back(TextOf(pack, asked[i]));
      seeds.push_back(seed + i);
    }
    ASSIGN_OR_RETURN(const std::vector<Pixels> drawn, Generate(gan, some, seeds));
    ASSIGN_OR_RETURN(const std::vector<Judgement> judged, Discriminate(gan, drawn, some));
    for (std::size_t i = 0; i < judged.size(); ++i) {
      // As the generator says it.
      ASSIGN_OR_RETURN(const double p, DrawnConfidence(calibrated, judged[i], ListedBy(gan, pack, asked[begin + i])));
      result.drawn_agreement += p;
      result.drawn_above_floor += p >= result.confidence_floor ? 1 : 0;
    }
  }
  result.drawn_agreement /= static_cast<double>(asked.size());
  result.drawn_above_floor /= static_cast<double>(asked.size());
  return result;
}

}  // namespace mannequin
