#include "services/scorer/sight.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace mannequin {
namespace {

struct Likeliest {
  std::size_t index = 0;
  double probability = 0;
};

// `logits` are not empty.
Likeliest LargestOfSoftmax(const std::vector<float>& logits) {
  const auto largest = std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - static_cast<double>(*largest));
  return {static_cast<std::size_t>(largest - logits.begin()), 1 / sum};
}

bool Names(int names, const std::vector<float>& logits) {
  return !logits.empty() && logits.size() == static_cast<std::size_t>(names);
}

}  // namespace

v1::Sight SightOf(const v1::GanInfo& gan, const Judgement& judgement) {
  v1::Sight sight;
  if (!gan.has_judge()) return sight;
  if (Names(gan.categories_size(), judgement.image_category)) {
    const Likeliest category = LargestOfSoftmax(judgement.image_category);
    sight.set_category(gan.categories(static_cast<int>(category.index)));
    sight.set_category_probability(category.probability);
  }
  if (Names(gan.judge().colors_size(), judgement.image_color)) {
    const Likeliest color = LargestOfSoftmax(judgement.image_color);
    sight.set_color(gan.judge().colors(static_cast<int>(color.index)));
    sight.set_color_probability(color.probability);
  }
  return sight;
}

std::string PictureVector(const std::vector<float>& place) {
  std::string bytes;
  bytes.reserve(place.size());
  for (const float component : place) {
    bytes.push_back(static_cast<char>(std::lround(127 * std::clamp(component, -1.0F, 1.0F))));
  }
  return bytes;
}

}  // namespace mannequin
