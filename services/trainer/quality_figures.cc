#include "services/trainer/quality_figures.h"

#include <cmath>

#include "absl/strings/str_format.h"

namespace mannequin {

const std::vector<QualityFigure>& QualityFigures() {
  using Q = v1::Quality;
  static const auto* const figures = new std::vector<QualityFigure>{
      {"Frechet distance", "how far drawn images as a whole are from real ones; 0 is best", &Q::frechet_distance,
       nullptr, 0.05, true, false},
      {"precision", "share of drawn images that look like real ones", &Q::precision, nullptr, 0, false, true},
      {"recall", "share of real images that the drawn ones cover", &Q::recall, nullptr, 0.05, false, true},
      {"category agreement", "share of drawn images that show the category asked for", &Q::category_agreement,
       &Q::category_accuracy, 0.02, false, true},
      {"colour agreement", "share of drawn images in the colour asked for", &Q::color_agreement, &Q::color_accuracy,
       0.03, false, true},
      {"diversity", "how different two images of one category are; 0: all the same", &Q::diversity, &Q::real_diversity,
       0.03, false, true},
      {"memorized", "share of drawn images as good as copied from a training image; 0.01 by chance", &Q::memorized,
       nullptr, 0, false, false},
      {"match AUC", "how well what judges listings tells a matching text from another one; 0.5 by chance",
       &Q::match_auc, nullptr, 0.01, false, true},
  };
  return *figures;
}

std::string FigureText(double value) {
  return std::abs(value) < 10 ? absl::StrFormat("%.3f", value) : absl::StrFormat("%.1f", value);
}

}  // namespace mannequin
