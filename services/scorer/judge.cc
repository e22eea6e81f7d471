#include "services/scorer/judge.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

v1::ReasonScore Reason(v1::AbuseReason reason, double probability) {
  v1::ReasonScore score;
  score.set_reason(reason);
  score.set_probability(probability);
  return score;
}

v1::VerdictKind KindOf(const Thresholds& thresholds, double probability) {
  if (probability > thresholds.abuse) return v1::VERDICT_KIND_ABUSE;
  if (probability > thresholds.review) return v1::VERDICT_KIND_REVIEW;
  return v1::VERDICT_KIND_CLEAN;
}

// The part of a `side` x `side` square that the picture covers, at least a pixel.
struct Area {
  int left, top, right, bottom;
};

Area CoveredArea(PictureSize size, int side) {
  const double longer = std::max(size.width, size.height);
  const auto range = [&](int length, int* begin, int* end) {
    const double covered = side * length / longer;
    *begin = std::clamp(static_cast<int>(std::ceil((side - covered) / 2)), 0, side - 1);
    *end = std::clamp(static_cast<int>(std::floor((side + covered) / 2)), *begin + 1, side);
    // The outermost row may mix with the bars.
    if (*end - *begin > 4 && covered < side) ++*begin, --*end;
  };
  Area area{};
  range(size.width, &area.left, &area.right);
  range(size.height, &area.top, &area.bottom);
  return area;
}

struct Cells {
  int left, top, right, bottom;  // inclusive
};

// Marks the group around (x, y) as seen and returns its bounds.
Cells TakeGroup(const Judgement& judgement, int x, int y, std::vector<bool>& seen) {
  const int width = judgement.overlay_width, height = judgement.overlay_height;
  Cells bounds{x, y, x, y};
  std::vector<int> open{y * width + x};
  seen[static_cast<std::size_t>(open[0])] = true;
  while (!open.empty()) {
    const int cell = open.back();
    open.pop_back();
    const int cx = cell % width, cy = cell / width;
    bounds = {std::min(bounds.left, cx), std::min(bounds.top, cy), std::max(bounds.right, cx),
              std::max(bounds.bottom, cy)};
    const int neighbours[4][2] = {{cx - 1, cy}, {cx + 1, cy}, {cx, cy - 1}, {cx, cy + 1}};
    for (const auto& [nx, ny] : neighbours) {
      if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
      const auto next = static_cast<std::size_t>(ny * width + nx);
      if (seen[next] || judgement.overlay[next] <= 0) continue;
      seen[next] = true;
      open.push_back(static_cast<int>(next));
    }
  }
  return bounds;
}

// A range of cells of an axis as pixels of the picture's side `length`; false when none
// of it lies on the picture.
bool ToPixels(int first, int last, int cells, int length, int longer, int* begin, int* extent) {
  const double bar = (longer - length) / 2.0;
  const double from = static_cast<double>(first) * longer / cells - bar;
  const double to = static_cast<double>(last + 1) * longer / cells - bar;
  *begin = std::clamp(static_cast<int>(std::floor(from)), 0, length);
  *extent = std::clamp(static_cast<int>(std::ceil(to)), 0, length) - *begin;
  return *extent > 0;
}

}  // namespace

absl::StatusOr<Opinion> Judge(const v1::GanInfo& gan, const Listed& listed, const Judgement& judgement) {
  Opinion opinion;
  if (const v1::Calibration* calibration = FindCalibration(gan, kMismatch)) {
    ASSIGN_OR_RETURN(const std::vector<double> features, MismatchFeatures(judgement, listed));
    ASSIGN_OR_RETURN(const double probability, CalibratedProbability(*calibration, features));
    AddReason(opinion, Reason(v1::ABUSE_REASON_MISMATCH, probability),
              KindOf(ThresholdsFor(*calibration, listed.category_path), probability));
  }
  if (const v1::Calibration* calibration = FindCalibration(gan, kPromotionalOverlay)) {
    ASSIGN_OR_RETURN(const std::vector<double> features, OverlayFeatures(judgement));
    ASSIGN_OR_RETURN(const double probability, CalibratedProbability(*calibration, features));
    const v1::VerdictKind kind = KindOf(ThresholdsFor(*calibration, listed.category_path), probability);
    AddReason(opinion, Reason(v1::ABUSE_REASON_PROMOTIONAL_OVERLAY, probability), kind);
    opinion.overlay_probable = kind != v1::VERDICT_KIND_CLEAN;
  }
  return opinion;
}

bool MismatchIsProbable(const v1::GanInfo& gan, const v1::Product& product, const v1::Verdict& verdict) {
  const v1::Calibration* calibration = FindCalibration(gan, kMismatch);
  if (calibration == nullptr) return false;
  const Thresholds thresholds =
      ThresholdsFor(*calibration, {product.category_path().begin(), product.category_path().end()});
  return std::any_of(verdict.reasons().begin(), verdict.reasons().end(), [&](const v1::ReasonScore& reason) {
    return reason.reason() == v1::ABUSE_REASON_MISMATCH &&
           KindOf(thresholds, reason.probability()) != v1::VERDICT_KIND_CLEAN;
  });
}

void AddReason(Opinion& opinion, v1::ReasonScore reason, v1::VerdictKind kind) {
  opinion.kind_alone[reason.reason()] = kind;
  opinion.reasons.push_back(std::move(reason));
  const auto rank = [&](const v1::ReasonScore& score) {
    return std::pair(opinion.kind_alone[score.reason()], score.probability());
  };
  std::stable_sort(opinion.reasons.begin(), opinion.reasons.end(),
                   [&](const v1::ReasonScore& a, const v1::ReasonScore& b) { return rank(a) > rank(b); });
  const bool raises =
      opinion.kind == v1::VERDICT_KIND_NOT_SCORED ? kind != v1::VERDICT_KIND_CLEAN : opinion.kind < kind;
  if (raises) opinion.kind = kind;
}

void AddPlaceholder(Opinion& opinion, const std::string& why) {
  v1::ReasonScore reason = Reason(v1::ABUSE_REASON_PLACEHOLDER, 1);
  reason.set_detail(why);
  AddReason(opinion, std::move(reason), v1::VERDICT_KIND_ABUSE);
}

Pixels WithoutBars(const Pixels& square, PictureSize size) {
  if (square.rgb.empty() || size.width <= 0 || size.height <= 0) return square;
  const Area area = CoveredArea(size, square.width);
  Pixels picture{area.right - area.left, area.bottom - area.top, {}};
  for (int y = area.top; y < area.bottom; ++y) {
    const auto row = square.rgb.begin() + static_cast<std::ptrdiff_t>(3 * (y * square.width + area.left));
    picture.rgb.insert(picture.rgb.end(), row, row + static_cast<std::ptrdiff_t>(3 * picture.width));
  }
  return picture;
}

std::vector<v1::Box> OverlayBoxes(const Judgement& judgement, PictureSize size) {
  const int width = judgement.overlay_width, height = judgement.overlay_height;
  const int longer = std::max(size.width, size.height);
  std::vector<bool> seen(judgement.overlay.size(), false);
  std::vector<v1::Box> boxes;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto cell = static_cast<std::size_t>(y * width + x);
      // The map holds logits: above 0 is a probability above one half.
      if (seen[cell] || judgement.overlay[cell] <= 0) continue;
      const Cells group = TakeGroup(judgement, x, y, seen);
      int left = 0, top = 0, box_width = 0, box_height = 0;
      if (!ToPixels(group.left, group.right, width, size.width, longer, &left, &box_width)) continue;
      if (!ToPixels(group.top, group.bottom, height, size.height, longer, &top, &box_height)) continue;
      v1::Box box;
      box.set_x(left);
      box.set_y(top);
      box.set_width(box_width);
      box.set_height(box_height);
      boxes.push_back(box);
    }
  }
  return boxes;
}

}  // namespace mannequin
