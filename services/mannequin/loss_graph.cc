#include "services/mannequin/loss_graph.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/check_range.h"
#include "common/base/status_macros.h"
#include "common/base/xml.h"
#include "common/image/image.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

// Of Okabe and Ito's colours, which the colour-blind tell apart
// (https://jfly.uni-koeln.de/color/).
constexpr char kGenerator[] = "#0072b2", kDiscriminator[] = "#d55e00", kGeneratedShare[] = "#56b4e9",
               kRealShare[] = "#e69f00";
constexpr char kText[] = "#222222", kFaint[] = "#666666", kGrid[] = "#e6e6e6", kAxis[] = "#9a9a9a";
constexpr int kLeft = 76, kRight = 28, kHead = 84, kReasonLine = 18;
constexpr std::size_t kReasons = 3, kReasonLines = 2;
constexpr double kLogarithmic = 30;  // spans of losses from which on the axis is

const char* ColourOf(v1::TrainingHealth health) {
  if (health == v1::TRAINING_HEALTH_DIVERGING) return "#cc3311";
  if (health == v1::TRAINING_HEALTH_COLLAPSED) return "#aa3377";
  return "#5f6b76";
}

using Field = std::function<double(const v1::TrainingPoint&)>;

// From a value to a pixel.
struct Axis {
  double low = 0, high = 1;   // values at the ends
  double begin = 0, end = 1;  // pixels there
  bool logarithmic = false;
  double At(double value) const {
    const auto scaled = [&](double x) { return logarithmic ? std::log10(x) : x; };
    if (logarithmic) value = std::max(value, low);
    const double share = (scaled(value) - scaled(low)) / (scaled(high) - scaled(low));
    return begin + share * (end - begin);
  }
};

struct Panel {
  double left, right, top, bottom;
};

std::string Text(double x, double y, int size, absl::string_view style, absl::string_view text) {
  return absl::StrFormat("<text x='%.1f' y='%.1f' font-family='DejaVu Sans, sans-serif' font-size='%d' %s>%s</text>", x,
                         y, size, style, EscapeXml(text));
}

std::string Line(double x1, double y1, double x2, double y2, absl::string_view style) {
  return absl::StrFormat("<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' %s/>", x1, y1, x2, y2, style);
}

std::string Rect(double x, double y, double width, double height, const char* fill, double opacity) {
  return absl::StrFormat("<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s' fill-opacity='%.2f'/>", x, y,
                         width, height, fill, opacity);
}

// 1, 2 or 5 times a power of ten, so that about `count` fit into `width`.
double NiceStep(double width, int count) {
  const double rough = width / count, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) return factor * power;
  }
  return 10 * power;
}

std::vector<double> TicksOf(const Axis& axis, int count) {
  std::vector<double> ticks;
  if (axis.logarithmic) {
    const int decades = static_cast<int>(std::log10(axis.high / axis.low)) + 1;
    for (int exponent = static_cast<int>(std::floor(std::log10(axis.low))); std::pow(10, exponent) <= axis.high;
         ++exponent) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double tick = factor * std::pow(10, exponent);
        const bool wanted = factor == 1 ? exponent % (decades / 8 + 1) == 0 : decades <= 3;
        if (wanted && tick >= axis.low * 0.999 && tick <= axis.high * 1.001) ticks.push_back(tick);
      }
    }
    return ticks;
  }
  const double step = NiceStep(axis.high - axis.low, count);
  for (double i = std::ceil(axis.low / step - 1e-9); i * step <= axis.high + step * 1e-9; ++i)
    ticks.push_back(i * step);
  return ticks;
}

std::string TickText(double value) {
  if (std::abs(value) >= 1e5 || (value != 0 && std::abs(value) < 1e-4)) {
    return absl::StrReplaceAll(absl::StrFormat("%.0e", value), {{"e+0", "e"}, {"e+", "e"}, {"e-0", "e-"}});
  }
  if (std::abs(value) >= 1000) return WithCommas(std::llround(value));
  return absl::StrFormat("%.6g", std::abs(value) < 1e-12 ? 0 : value);
}

// Finite losses of the points, sorted.
std::vector<double> LossesOf(const std::vector<v1::TrainingPoint>& points) {
  std::vector<double> losses;
  for (const v1::TrainingPoint& point : points) {
    for (const double loss : {point.loss_generator(), point.loss_discriminator()}) {
      if (std::isfinite(loss)) losses.push_back(loss);
    }
  }
  std::sort(losses.begin(), losses.end());
  return losses;
}

Axis LossAxis(const std::vector<v1::TrainingPoint>& points, const Panel& panel) {
  const std::vector<double> losses = LossesOf(points);
  Axis axis{0, 1, panel.bottom, panel.top, false};
  if (losses.empty()) return axis;
  const double low = losses.front(), high = losses.back();
  axis.logarithmic = low > 0 && high / low > kLogarithmic;
  if (axis.logarithmic) {
    axis.low = low / 1.15;
    axis.high = high * 1.15;
    return axis;
  }
  // From zero, where a loss of nothing is, unless some are below.
  axis.low = std::min(0.0, low * 1.05);
  axis.high = std::max(high, 0.0) * 1.05;
  if (axis.high - axis.low < 1e-9) axis.high = axis.low + 1;
  return axis;
}

// Whether a line goes on from one point to the next.
bool Follows(const v1::TrainingPoint& before, const v1::TrainingPoint& after) { return after.step() > before.step(); }

// The field's mean over the neighbours on both sides, the nearer the more; no value where the
// field has none. Neighbours are those of the same piece of line, and at its beginning, where
// losses fall fast, no more on one side than on the other.
std::vector<std::optional<double>> Smoothed(const std::vector<v1::TrainingPoint>& points, const Field& field,
                                            int reach) {
  std::vector<std::optional<double>> values;
  const auto count = static_cast<int>(points.size());
  // Whether the line goes on to the right of i.
  const auto goes_on = [&](int i) {
    return i + 1 < count && std::isfinite(field(points[i + 1])) && Follows(points[i], points[i + 1]);
  };
  int begin = 0;  // of the piece
  for (int i = 0; i < count; ++i) {
    if (!std::isfinite(field(points[i]))) {
      values.push_back(std::nullopt);
      begin = i + 1;
      continue;
    }
    if (i > begin && !Follows(points[i - 1], points[i])) begin = i;
    const int near = std::min(reach, i - begin);
    double sum = field(points[i]) * (near + 1), weight = near + 1;
    for (int far = 1; far <= near; ++far) {
      sum += field(points[i - far]) * (near + 1 - far);
      weight += near + 1 - far;
    }
    for (int far = 1; far <= near && goes_on(i + far - 1); ++far) {
      sum += field(points[i + far]) * (near + 1 - far);
      weight += near + 1 - far;
    }
    values.push_back(sum / weight);
  }
  return values;
}

std::string Curve(const std::vector<v1::TrainingPoint>& points, const std::vector<std::optional<double>>& values,
                  const Axis& x, const Axis& y, const char* colour, double width, double opacity) {
  std::string path, dots;
  std::size_t length = 0;  // of the piece
  const auto end_piece = [&](std::size_t i) {
    if (length == 1) {
      absl::StrAppendFormat(&dots, "<circle cx='%.1f' cy='%.1f' r='%.1f' fill='%s' fill-opacity='%.2f'/>",
                            x.At(static_cast<double>(points[i - 1].step())), y.At(*values[i - 1]), width + 1, colour,
                            opacity);
    }
    length = 0;
  };
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!values[i] || (length > 0 && !Follows(points[i - 1], points[i]))) end_piece(i);
    if (!values[i]) continue;
    absl::StrAppendFormat(&path, "%c%.1f %.1f", length == 0 ? 'M' : 'L', x.At(static_cast<double>(points[i].step())),
                          y.At(*values[i]));
    ++length;
  }
  end_piece(points.size());
  return absl::StrFormat(
             "<path d='%s' fill='none' stroke='%s' stroke-width='%.1f' stroke-opacity='%.2f' "
             "stroke-linejoin='round'/>",
             path, colour, width, opacity) +
         dots;
}

// The smoothed line over the faint one.
std::string Curves(const std::vector<v1::TrainingPoint>& points, const Field& field, const Axis& x, const Axis& y,
                   const char* colour, double faint) {
  const int reach = static_cast<int>(points.size() / 40);
  return Curve(points, Smoothed(points, field, 0), x, y, colour, 1, faint) +
         Curve(points, Smoothed(points, field, reach), x, y, colour, 2.4, 1);
}

// Grid, numbers and name of the vertical axis.
std::string Vertical(const Panel& panel, const Axis& y, int count, const std::string& name) {
  std::string svg;
  for (const double tick : TicksOf(y, count)) {
    const double at = y.At(tick);
    svg += Line(panel.left, at, panel.right, at, absl::StrCat("stroke='", kGrid, "'"));
    svg += Text(panel.left - 8, at + 4, 12, absl::StrCat("text-anchor='end' fill='", kFaint, "'"), TickText(tick));
  }
  const double middle = (panel.top + panel.bottom) / 2;
  svg += Text(20, middle, 13,
              absl::StrFormat("text-anchor='middle' fill='%s' transform='rotate(-90 20 %.1f)'", kText, middle), name);
  return svg;
}

std::string Frame(const Panel& panel) {
  const std::string style = absl::StrCat("stroke='", kAxis, "'");
  return Line(panel.left, panel.top, panel.left, panel.bottom, style) +
         Line(panel.left, panel.bottom, panel.right, panel.bottom, style);
}

std::string StepGrid(const Panel& panel, const Axis& x, bool numbers) {
  std::string svg;
  for (const double tick : TicksOf(x, 8)) {
    const double at = x.At(tick);
    svg += Line(at, panel.top, at, panel.bottom, absl::StrCat("stroke='", kGrid, "'"));
    if (!numbers) continue;
    svg += Text(at, panel.bottom + 18, 12, absl::StrCat("text-anchor='middle' fill='", kFaint, "'"),
                WithCommas(std::llround(tick)));
  }
  return svg;
}

std::string Bands(const std::vector<Unhealthy>& stretches, const Panel& panel, const Axis& x) {
  std::string svg;
  for (const Unhealthy& stretch : stretches) {
    // One point is wide enough to be seen, too.
    const double from = std::max(panel.left, x.At(static_cast<double>(stretch.from)) - 2);
    const double to = std::min(panel.right, x.At(static_cast<double>(stretch.to)) + 2);
    svg += Rect(from, panel.top, to - from, panel.bottom - panel.top, ColourOf(stretch.health), 0.12);
    svg += Line(from, panel.top, from, panel.bottom,
                absl::StrCat("stroke='", ColourOf(stretch.health), "' stroke-dasharray='4 3'"));
  }
  return svg;
}

// Above the panel, where each stretch begins; one that would lie over another is left out,
// for its colour and the reasons below tell it.
std::string BandNames(const std::vector<Unhealthy>& stretches, const Panel& panel, const Axis& x) {
  std::string svg;
  double free_from = panel.left;
  for (const Unhealthy& stretch : stretches) {
    const std::string name = HealthName(stretch.health);
    const double width = 9.2 * static_cast<double>(name.size());
    const double from =
        std::min(std::max(panel.left, x.At(static_cast<double>(stretch.from)) - 2), panel.right - width);
    if (from < free_from) continue;
    svg +=
        Text(from, panel.top - 6, 12, absl::StrCat("font-weight='bold' fill='", ColourOf(stretch.health), "'"), name);
    free_from = from + width;
  }
  return svg;
}

struct LegendEntry {
  const char* colour;
  std::string name;
};

// In one line that ends about at `right`.
std::string Legend(const std::vector<LegendEntry>& entries, double right, double y) {
  std::string svg;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    right -= 7.3 * static_cast<double>(entry->name.size());
    svg += Text(right, y, 13, absl::StrCat("fill='", kText, "'"), entry->name);
    svg += Line(right - 30, y - 4.5, right - 8, y - 4.5, absl::StrCat("stroke='", entry->colour, "' stroke-width='3'"));
    right -= 52;
  }
  return svg;
}

// Lines of words, each as long as fits into `width` pixels; the rest of what does not fit into
// kReasonLines is left out.
std::vector<std::string> Wrapped(absl::string_view text, double width) {
  const auto letters = static_cast<std::size_t>(width / 6.7);
  std::vector<std::string> lines = {""};
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > letters) {
      if (lines.size() == kReasonLines) {
        absl::StrAppend(&lines.back(), " ...");
        break;
      }
      lines.emplace_back();
    }
    absl::StrAppend(&lines.back(), lines.back().empty() ? "" : " ", word);
  }
  return lines;
}

struct Told {
  std::string svg;
  double height = 0;  // pixels below its first line's top
};

// The last stretches with their reasons, from `top` on.
Told Reasons(const std::vector<Unhealthy>& stretches, double top, double width) {
  Told told;
  const std::size_t begin = stretches.size() - std::min(kReasons, stretches.size());
  for (std::size_t i = begin; i < stretches.size(); ++i) {
    const Unhealthy& stretch = stretches[i];
    const std::string steps = stretch.from == stretch.to
                                  ? absl::StrCat("step ", WithCommas(stretch.from))
                                  : absl::StrCat("steps ", WithCommas(stretch.from), " to ", WithCommas(stretch.to));
    told.svg += Rect(kLeft, top + told.height + 2, 11, 11, ColourOf(stretch.health), 0.6);
    for (const std::string& line :
         Wrapped(absl::StrCat(HealthName(stretch.health), ", ", steps, ": ", stretch.reason), width - 18)) {
      told.svg += Text(kLeft + 18, top + told.height + 12, 12, absl::StrCat("fill='", kText, "'"), line);
      told.height += kReasonLine;
    }
  }
  return told;
}

bool HasAccuracy(const std::vector<v1::TrainingPoint>& points) {
  return std::any_of(points.begin(), points.end(), [](const v1::TrainingPoint& point) {
    return point.accuracy_real() > 0 || point.accuracy_generated() > 0;
  });
}

// A relativistic discriminator tells pairs, of which there is one share.
bool TellsPairs(const std::vector<v1::TrainingPoint>& points) {
  return std::all_of(points.begin(), points.end(), [](const v1::TrainingPoint& point) {
    return point.accuracy_real() == point.accuracy_generated();
  });
}

// What the discriminator tells right.
std::string SharesPanel(const std::vector<v1::TrainingPoint>& points, const std::vector<Unhealthy>& stretches,
                        const Panel& panel, const Axis& x) {
  const Axis y{0, 100, panel.bottom, panel.top, false};
  const Field real = [](const v1::TrainingPoint& point) { return 100 * point.accuracy_real(); };
  const Field generated = [](const v1::TrainingPoint& point) { return 100 * point.accuracy_generated(); };
  const bool pairs = TellsPairs(points);
  std::string svg = StepGrid(panel, x, true) + Bands(stretches, panel, x) + Vertical(panel, y, 4, "told right, %");
  svg += Frame(panel) + Curves(points, real, x, y, kRealShare, 0.3);
  if (!pairs) svg += Curves(points, generated, x, y, kGeneratedShare, 0.3);
  svg += Text(panel.left, panel.top - 10, 13, absl::StrCat("fill='", kText, "'"), "What the discriminator tells right");
  const std::vector<LegendEntry> one = {{kRealShare, "pairs of a real and a generated image"}},
                                 two = {{kRealShare, "real images"}, {kGeneratedShare, "generated images"}};
  return svg + Legend(pairs ? one : two, panel.right, panel.top - 10);
}

}  // namespace

std::string HealthName(v1::TrainingHealth health) {
  return std::string(absl::StripPrefix(v1::TrainingHealth_Name(health), "TRAINING_HEALTH_"));
}

std::vector<Unhealthy> UnhealthyStretches(const std::vector<v1::TrainingPoint>& points) {
  std::vector<Unhealthy> stretches;
  const v1::TrainingPoint* before = nullptr;
  for (const v1::TrainingPoint& point : points) {
    const bool bad = point.health() != v1::TRAINING_HEALTH_UNSPECIFIED && point.health() != v1::TRAINING_HEALTH_HEALTHY;
    const bool goes_on = before != nullptr && before->health() == point.health() && Follows(*before, point);
    if (bad && !goes_on) stretches.push_back({point.health(), point.step(), point.step(), ""});
    if (bad) {
      stretches.back().to = point.step();
      stretches.back().reason = point.health_reason();
    }
    before = &point;
  }
  return stretches;
}

absl::StatusOr<std::string> LossGraph(const std::vector<v1::TrainingPoint>& points, const LossGraphOptions& options) {
  if (points.empty()) return absl::InvalidArgumentError("a graph of no points");
  RETURN_IF_ERROR(CheckRange("width", options.width, 600, 4000));
  RETURN_IF_ERROR(CheckRange("height", options.height, 400, 4000));
  const std::vector<Unhealthy> stretches = UnhealthyStretches(points);
  const bool accuracy = HasAccuracy(points);
  const double reasons = Reasons(stretches, 0, options.width - kRight - kLeft).height;
  const double bottom = options.height - 50 - (reasons > 0 ? reasons + 8 : 0);
  const double share_height = accuracy ? 0.24 * (bottom - kHead) : 0;
  const Panel losses{kLeft, static_cast<double>(options.width - kRight), kHead,
                     accuracy ? bottom - share_height - 40 : bottom};
  const Panel shares{losses.left, losses.right, bottom - share_height, bottom};
  const Panel& last = accuracy ? shares : losses;

  std::int64_t end = 1;
  for (const v1::TrainingPoint& point : points) end = std::max(end, point.step());
  const Axis x{0, static_cast<double>(end), losses.left, losses.right, false};
  const Axis y = LossAxis(points, losses);

  std::string svg = absl::StrFormat(
      "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d'><rect width='100%%' height='100%%' fill='#fff'/>",
      options.width, options.height);
  svg += Text(kLeft, 32, 19, absl::StrCat("font-weight='bold' fill='", kText, "'"), options.title);
  svg += Text(kLeft, 54, 13, absl::StrCat("fill='", kFaint, "'"), options.subtitle);
  svg += Legend({{kGenerator, "generator"}, {kDiscriminator, "discriminator"}}, losses.right, 32);
  svg += StepGrid(losses, x, !accuracy) + Bands(stretches, losses, x) + BandNames(stretches, losses, x);
  svg += Vertical(losses, y, 6, y.logarithmic ? "loss (logarithmic)" : "loss") + Frame(losses);
  svg += Curves(
      points, [](const v1::TrainingPoint& p) { return p.loss_discriminator(); }, x, y, kDiscriminator, 0.35);
  svg += Curves(
      points, [](const v1::TrainingPoint& p) { return p.loss_generator(); }, x, y, kGenerator, 0.35);
  if (accuracy) svg += SharesPanel(points, stretches, shares, x);
  svg += Text((last.left + last.right) / 2, bottom + 38, 13, absl::StrCat("text-anchor='middle' fill='", kText, "'"),
              "step");
  svg += Reasons(stretches, bottom + 50, losses.right - losses.left).svg;
  svg += "</svg>";
  ASSIGN_OR_RETURN(const Pixels picture, RenderSvg(svg));
  return EncodeImage(picture, "image/png");
}

}  // namespace mannequin
