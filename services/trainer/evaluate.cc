#include "services/trainer/evaluate.h"

#include <algorithm>
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
          product.color < 0 ? -1 : gan.ColorIndex(pack.colors[static_cast<std::size_t>(product.color)])};
}

absl::StatusOr<std::vector<Judgement>> Judge(const LoadedGan& gan, const std::vector<Pixels>& images,
                                             const std::vector<std::vector<float>>& texts) {
  std::vector<Judgement> all;
  for (std::size_t begin = 0; begin < images.size(); begin += kBatch) {
    const auto from = static_cast<std::ptrdiff_t>(begin);
    const auto to = static_cast<std::ptrdiff_t>(std::min(begin + kBatch, images.size()));
    ASSIGN_OR_RETURN(std::vector<Judgement> some, Discriminate(gan, {images.begin() + from, images.begin() + to},
                                                               {texts.begin() + from, texts.begin() + to}));
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
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

double ConfidenceFloor(int categories, bool judge) {
  return judge ? 0.5 : std::min(0.2, 2.0 / std::max(1, categories));
}

absl::StatusOr<Evaluation> Evaluate(const LoadedGan& gan, const Pack& pack, const OverlayBank& bank,
                                    std::uint64_t seed) {
  Evaluation result;
  const JudgedProducts judged_products = ChooseJudged(pack);
  const std::vector<PackedProduct>& products = judged_products.products;
  result.from_training = judged_products.from_training;
  result.products = static_cast<std::int64_t>(products.size());

  std::mt19937_64 random(seed);
  std::vector<Pixels> clean, overlaid;
  std::vector<std::vector<float>> texts;
  std::vector<Listed> listed;
  // Of another category, and of another colour of the same: whose image it is, and whose text.
  std::vector<std::size_t> swapped_from, swapped_to;
  std::vector<float> cells(
      static_cast<std::size_t>(pack.resolution() / kOverlayCell * (pack.resolution() / kOverlayCell)));
  for (const PackedProduct& product : products) {
    clean.push_back(pack.ImageOf(product));
    texts.push_back(TextOf(pack, product));
    overlaid.push_back(clean.back());
    do {
      overlaid.back() = clean.back();
      BlendRandomOverlay(overlaid.back(), bank, random, cells.data());
    } while (std::all_of(cells.begin(), cells.end(), [](float cell) { return cell == 0; }));
    listed.push_back(ListedBy(gan, pack, product));
  }
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
  ASSIGN_OR_RETURN(const std::vector<Judgement> on_clean, Judge(gan, clean, texts));
  std::vector<Pixels> swapped;
  std::vector<std::vector<float>> swapped_texts;
  for (std::size_t i = 0; i < swapped_to.size(); ++i) {
    swapped.push_back(clean[swapped_from[i]]);
    swapped_texts.push_back(texts[swapped_to[i]]);
  }
  ASSIGN_OR_RETURN(const std::vector<Judgement> on_swapped, Judge(gan, swapped, swapped_texts));
  ASSIGN_OR_RETURN(const std::vector<Judgement> on_overlaid, Judge(gan, overlaid, texts));

  // A blown-up picture is smooth: among such, overlays are told too easily.
  const auto sharp = static_cast<std::size_t>(
      std::count_if(products.begin(), products.end(), [](const PackedProduct& product) { return !product.small; }));
  const bool sharp_only = sharp >= kMinHeldOut;
  std::vector<Example> mismatch, overlay;
  for (std::size_t i = 0; i < products.size(); ++i) {
    const int category = listed[i].category;
    ASSIGN_OR_RETURN(std::vector<double> match, MismatchFeatures(on_clean[i], listed[i]));
    mismatch.push_back({std::move(match), false});
    const std::vector<float>& logits = on_clean[i].image_category;
    result.category_accuracy += std::max_element(logits.begin(), logits.end()) - logits.begin() == category ? 1 : 0;
    if (sharp_only && products[i].small) continue;
    ASSIGN_OR_RETURN(std::vector<double> plain, OverlayFeatures(on_clean[i]));
    ASSIGN_OR_RETURN(std::vector<double> painted, OverlayFeatures(on_overlaid[i]));
    overlay.push_back({std::move(plain), false});
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
