#include "services/scorer/quality_rules.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace mannequin {
namespace {

// 0.5 at `middle`; `slope` a unit of `value` changes the logarithm of the odds.
double Logistic(double value, double middle, double slope) { return 1 / (1 + std::exp(-slope * (value - middle))); }

QualityFinding Blurred(const PictureMeasures& measures) {
  QualityFinding finding{Defect::kBlurred, 0, ""};
  if (!measures.edge_width) return finding;
  // Photos as sold are under 2 pixels, and under 3 when a half more was cut out and enlarged.
  finding.probability = Logistic(*measures.edge_width, 3.2, 4);
  finding.detail = absl::StrFormat("blurred: edges are %.1f pixels wide", *measures.edge_width);
  return finding;
}

QualityFinding Tiny(const PictureMeasures& measures) {
  const bool tiny = std::max(measures.width, measures.height) < kTinySide;
  return {Defect::kTiny, tiny ? 1.0 : 0.0, absl::StrCat("tiny: ", measures.width, "x", measures.height, " pixels")};
}

QualityFinding OverCompressed(const PictureMeasures& measures) {
  QualityFinding finding{Defect::kOverCompressed, 0, ""};
  if (measures.jpeg_quality) {
    finding.probability = Logistic(*measures.jpeg_quality, 32.5, -0.5);
    finding.detail = absl::StrCat("over-compressed: JPEG of quality ", *measures.jpeg_quality);
  }
  // Saved again with a better quality, the blocks remain.
  if (!measures.blockiness) return finding;
  const double blocks = Logistic(*measures.blockiness, 0.8, 8);
  if (blocks <= finding.probability) return finding;
  finding.probability = blocks;
  finding.detail =
      absl::StrFormat("over-compressed: steps between blocks are %.1f times those within", 1 + *measures.blockiness);
  return finding;
}

QualityFinding CutOff(const PictureMeasures& measures) {
  QualityFinding finding{Defect::kCutOff, 0, ""};
  if (!measures.backdrop.product) return finding;
  const double cut = measures.backdrop.product->cut_share;
  finding.probability = Logistic(cut, 0.12, 40);
  finding.detail = absl::StrFormat("cut off: the product goes on beyond %.0f %% of a side", 100 * cut);
  return finding;
}

QualityFinding Collage(const PictureMeasures& measures) {
  QualityFinding finding{Defect::kCollage, Logistic(measures.seam.clear, 0.9, 8),
                         measures.seam.upright ? "collage: two pictures joined side by side"
                                               : "collage: two pictures joined one above the other"};
  if (!measures.backdrop.product || !measures.backdrop.product->side_by_side) return finding;
  // None of 2,886 single photos has an empty line through its middle with parts on both sides that are no pair.
  constexpr double kSideBySide = 0.95;
  finding.probability = std::max(finding.probability, kSideBySide);
  finding.detail = absl::StrCat("collage: ", measures.backdrop.product->count, " products apart from each other");
  return finding;
}

}  // namespace

const char* DefectName(Defect defect) {
  switch (defect) {
    case Defect::kBlurred:
      return "blurred";
    case Defect::kTiny:
      return "tiny";
    case Defect::kOverCompressed:
      return "over_compressed";
    case Defect::kCutOff:
      return "cut_off";
    case Defect::kCollage:
      return "collage";
  }
  return "";
}

std::vector<QualityFinding> JudgeQuality(const PictureMeasures& measures) {
  return {Blurred(measures), Tiny(measures), OverCompressed(measures), CutOff(measures), Collage(measures)};
}

void AddLowQuality(Opinion& opinion, const std::vector<QualityFinding>& findings) {
  v1::ReasonScore reason;
  reason.set_reason(v1::ABUSE_REASON_LOW_QUALITY);
  for (const QualityFinding& finding : findings) {
    reason.set_probability(std::max(reason.probability(), finding.probability));
    if (finding.probability <= kQualityReview) continue;
    absl::StrAppend(reason.mutable_detail(), reason.detail().empty() ? "" : "; ", finding.detail);
  }
  const bool doubtful = reason.probability() > kQualityReview;
  AddReason(opinion, std::move(reason), doubtful ? v1::VERDICT_KIND_REVIEW : v1::VERDICT_KIND_CLEAN);
}

}  // namespace mannequin
