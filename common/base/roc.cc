#include "common/base/roc.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <utility>

namespace mannequin {
namespace {

template <typename Condition>
double Share(const std::vector<double>& scores, const Condition& condition) {
  return static_cast<double>(std::count_if(scores.begin(), scores.end(), condition)) /
         static_cast<double>(scores.size());
}

}  // namespace

double AreaUnderRoc(std::vector<double> clean, const std::vector<double>& abuse) {
  std::sort(clean.begin(), clean.end());
  double won = 0;
  for (const double score : abuse) {
    const auto [first, last] = std::equal_range(clean.begin(), clean.end(), score);
    won += static_cast<double>(first - clean.begin()) + 0.5 * static_cast<double>(last - first);
  }
  return won / (static_cast<double>(clean.size()) * static_cast<double>(abuse.size()));
}

std::optional<double> AreaUnderRocIfAny(std::vector<double> clean, const std::vector<double>& abuse) {
  if (clean.empty() || abuse.empty()) return std::nullopt;
  return AreaUnderRoc(std::move(clean), abuse);
}

double AveragePrecision(const std::vector<double>& clean, const std::vector<double>& abuse) {
  std::vector<std::pair<double, bool>> ranked;
  for (const double score : clean) ranked.emplace_back(score, false);
  for (const double score : abuse) ranked.emplace_back(score, true);
  // Of equal scores the clean come first: no ties are won.
  std::sort(ranked.begin(), ranked.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  double found = 0, sum = 0;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    if (ranked[i].second) sum += ++found / static_cast<double>(i + 1);
  }
  return sum / static_cast<double>(abuse.size());
}

double ShareFound(std::vector<double> clean, const std::vector<double>& abuse, double false_alarms) {
  std::sort(clean.begin(), clean.end(), std::greater<>());
  const auto allowed = static_cast<std::size_t>(std::floor(false_alarms * static_cast<double>(clean.size())));
  if (allowed >= clean.size()) return 1;
  return Share(abuse, [threshold = clean[allowed]](double score) { return score > threshold; });
}

double FalseAlarms(const std::vector<double>& clean, std::vector<double> abuse, double found) {
  std::sort(abuse.begin(), abuse.end(), std::greater<>());
  const auto needed = static_cast<std::size_t>(std::ceil(found * static_cast<double>(abuse.size())));
  const double threshold = abuse[std::clamp<std::size_t>(needed, 1, abuse.size()) - 1];
  return Share(clean, [threshold](double score) { return score >= threshold; });
}

}  // namespace mannequin
