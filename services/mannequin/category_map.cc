#include "services/mannequin/category_map.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "common/base/xml.h"
#include "common/image/image.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

// Kelly's colours of greatest contrast (1965), less those too light on white.
constexpr const char* kColours[] = {"#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#00a5b5", "#d02fc4",
                                    "#7a9a01", "#e377c2", "#008080", "#9a6324", "#800000", "#6a5acd", "#808000",
                                    "#000075", "#ff7f50", "#2e8b57", "#b8860b", "#c71585", "#4682b4"};
constexpr std::size_t kNamed = std::size(kColours);
constexpr char kOther[] = "#b8b8b8";
constexpr int kMargin = 40, kHead = 44, kLegend = 300, kLine = 24;
// Of its named categories, the others, and products without one.
constexpr int kLegendHeight = 2 * kMargin + static_cast<int>(kNamed + 2) * kLine;
// Cells of a side, in which a category's densest spot is looked for.
constexpr int kCells = 24;

struct Place {
  double x, y;  // pixels
};

// The most frequent first, names breaking ties; the first kNamed are `number`ed.
struct Categories {
  std::vector<std::pair<std::string, std::int64_t>> sorted;
  absl::flat_hash_map<std::string, std::size_t> number;
  std::int64_t others = 0, without = 0;  // products of no numbered category, of none at all
};

Categories CategoriesOf(const std::vector<MapDot>& dots) {
  absl::flat_hash_map<std::string, std::int64_t> counts;
  for (const MapDot& dot : dots) ++counts[dot.category];
  Categories categories;
  if (const auto none = counts.find(""); none != counts.end()) {
    categories.without = none->second;
    counts.erase(none);
  }
  categories.sorted.assign(counts.begin(), counts.end());
  std::sort(categories.sorted.begin(), categories.sorted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  for (std::size_t i = 0; i < categories.sorted.size(); ++i) {
    const auto& [name, count] = categories.sorted[i];
    if (i < kNamed) {
      categories.number.emplace(name, i);
    } else {
      categories.others += count;
    }
  }
  return categories;
}

// The square that holds all but the outermost 1 in 500 of the dots, as far as `side` allows.
std::vector<Place> PlacesOf(const std::vector<MapDot>& dots, int side) {
  std::vector<float> xs, ys;
  for (const MapDot& dot : dots) {
    xs.push_back(dot.at.x);
    ys.push_back(dot.at.y);
  }
  std::sort(xs.begin(), xs.end());
  std::sort(ys.begin(), ys.end());
  const std::size_t cut = dots.size() / 500, last = dots.size() - 1 - cut;
  const double width = std::max({xs[last] - xs[cut], ys[last] - ys[cut], 1e-6f});
  const double scale = (side - 2 * kMargin) / width;
  const double left = (xs[cut] + xs[last] - width) / 2, top = (ys[cut] + ys[last] - width) / 2;
  std::vector<Place> places;
  for (const MapDot& dot : dots) {
    places.push_back({std::clamp(kMargin + (dot.at.x - left) * scale, 4.0, side - 4.0),
                      kHead + std::clamp(kMargin + (dot.at.y - top) * scale, 4.0, side - 4.0)});
  }
  return places;
}

// Mean place of the dots in the cell that has most of them.
Place Densest(const std::vector<Place>& places, int side) {
  std::map<std::pair<int, int>, std::vector<Place>> cells;
  for (const Place& place : places) {
    cells[{static_cast<int>(place.x * kCells / side), static_cast<int>(place.y * kCells / side)}].push_back(place);
  }
  const auto most = std::max_element(cells.begin(), cells.end(),
                                     [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  Place mean{0, 0};
  for (const Place& place : most->second) {
    mean.x += place.x / static_cast<double>(most->second.size());
    mean.y += place.y / static_cast<double>(most->second.size());
  }
  return mean;
}

std::string Text(double x, double y, int size, absl::string_view attributes, absl::string_view text) {
  return absl::StrFormat("<text x='%.1f' y='%.1f' font-family='DejaVu Sans' font-size='%d' %s>%s</text>", x, y, size,
                         attributes, EscapeXml(text));
}

// A name with a white edge, so that it can be read over dots.
std::string NameOnMap(const Place& at, absl::string_view name, const char* colour) {
  const std::string place = "text-anchor='middle' font-weight='bold'";
  return absl::StrCat(
      Text(at.x, at.y, 15, absl::StrCat(place, " fill='#fff' stroke='#fff' stroke-width='5' stroke-opacity='0.85'"),
           name),
      Text(at.x, at.y, 15, absl::StrCat(place, " fill='", colour, "' stroke='#222' stroke-width='0.4'"), name));
}

std::string LegendLine(int line, int side, const char* colour, absl::string_view name, std::int64_t count) {
  const int y = kHead + kMargin + line * kLine;
  return absl::StrCat(absl::StrFormat("<circle cx='%d' cy='%d' r='7' fill='%s'/>", side + 16, y - 5, colour),
                      Text(side + 32, y, 14, "fill='#222'", name),
                      Text(side + kLegend - 16, y, 13, "fill='#777' text-anchor='end'", WithCommas(count)));
}

// Names that would lie over each other move down, those of the larger category stay.
void Spread(std::vector<Place>& names) {
  for (std::size_t i = 1; i < names.size(); ++i) {
    for (std::size_t j = 0; j < i;) {
      if (std::abs(names[i].y - names[j].y) < 18 && std::abs(names[i].x - names[j].x) < 110) {
        names[i].y = names[j].y + 18;
        j = 0;
      } else {
        ++j;
      }
    }
  }
}

// All of them in an order of chance, so that no category covers the others.
std::string DotsOf(const std::vector<MapDot>& dots, const std::vector<Place>& places, const Categories& categories,
                   int side) {
  const double radius = std::clamp(side / 3.0 / std::sqrt(static_cast<double>(dots.size())), 1.3, 5.0);
  std::vector<std::size_t> order(dots.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(1);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random.Below(static_cast<std::uint32_t>(i))]);
  }
  std::string svg;
  for (const std::size_t i : order) {
    const auto found = categories.number.find(dots[i].category);
    const bool other = found == categories.number.end();
    absl::StrAppendFormat(&svg, "<circle cx='%.1f' cy='%.1f' r='%.1f' fill='%s' fill-opacity='%s'/>", places[i].x,
                          places[i].y, radius, other ? kOther : kColours[found->second], other ? "0.5" : "0.65");
  }
  return svg;
}

// Each named category's name where it is densest.
std::string NamesOf(const std::vector<MapDot>& dots, const std::vector<Place>& places, const Categories& categories,
                    int side) {
  std::vector<std::vector<Place>> of_category(categories.number.size());
  for (std::size_t i = 0; i < dots.size(); ++i) {
    const auto found = categories.number.find(dots[i].category);
    if (found != categories.number.end()) of_category[found->second].push_back(places[i]);
  }
  std::vector<Place> names;
  for (const std::vector<Place>& of_one : of_category) names.push_back(Densest(of_one, side));
  Spread(names);
  std::string svg;
  for (std::size_t i = 0; i < names.size(); ++i) {
    absl::StrAppend(&svg, NameOnMap(names[i], categories.sorted[i].first, kColours[i]));
  }
  return svg;
}

std::string Legend(const Categories& categories, int side) {
  const std::size_t named = categories.number.size();
  std::string svg;
  int line = 0;
  for (std::size_t i = 0; i < named; ++i) {
    const auto& [name, count] = categories.sorted[i];
    absl::StrAppend(&svg, LegendLine(line++, side, kColours[i], name, count));
  }
  if (categories.others > 0) {
    const std::string name = absl::StrCat(categories.sorted.size() - named, " other categories");
    absl::StrAppend(&svg, LegendLine(line++, side, kOther, name, categories.others));
  }
  if (categories.without > 0) {
    absl::StrAppend(&svg, LegendLine(line, side, kOther, "no category", categories.without));
  }
  return svg;
}

}  // namespace

absl::StatusOr<std::string> CategoryMap(const std::vector<MapDot>& dots, const MapOptions& options) {
  if (dots.empty()) return absl::InvalidArgumentError("a map of no products");
  const int side = options.side;
  const Categories categories = CategoriesOf(dots);
  const std::vector<Place> places = PlacesOf(dots, side);
  const std::string svg =
      absl::StrCat(absl::StrFormat("<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d'><rect width='100%%' "
                                   "height='100%%' fill='#fff'/>",
                                   side + kLegend, std::max(side, kLegendHeight) + kHead),
                   DotsOf(dots, places, categories, side), Text(kMargin, 30, 18, "fill='#222'", options.title),
                   NamesOf(dots, places, categories, side), Legend(categories, side), "</svg>");
  ASSIGN_OR_RETURN(const Pixels picture, RenderSvg(svg));
  return EncodeImage(picture, "image/png");
}

}  // namespace mannequin
