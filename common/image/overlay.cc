// Overlays are drawn as SVG: librsvg lays the text out through Pango, in any script, and
// smooths every edge.
#include "common/image/overlay.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "common/base/xml.h"
#include "common/image/svg_text_lock.h"
#include "common/image/vips_handle.h"

namespace mannequin {
namespace {

std::string Rgb(Color color) { return absl::StrCat("rgb(", color.red, ",", color.green, ",", color.blue, ")"); }

Color Darker(Color c) {
  return {static_cast<std::uint8_t>(c.red * 0.7), static_cast<std::uint8_t>(c.green * 0.7),
          static_cast<std::uint8_t>(c.blue * 0.7)};
}

// Width of a line in units of the font's size, from above: ideographs are square, bold
// Latin letters are narrower.
double WidthInEms(absl::string_view utf8) {
  double ems = 0;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(utf8[i]);
    if ((byte & 0xc0) == 0x80) continue;
    if (byte >= 0xe3) {
      ems += 1.02;
    } else if (byte == ' ' || byte == '.' || byte == ',' || byte == '!' || byte == '1') {
      ems += 0.45;
    } else if (byte == 'W' || byte == 'M' || byte == '%') {
      ems += 1.02;
    } else {
      ems += 0.76;
    }
  }
  return std::max(ems, 0.5);
}

std::string TextAt(const OverlaySpec& spec, absl::string_view text, double x, double y, double size,
                   absl::string_view extra) {
  return absl::StrCat("<text x='", x, "' y='", y + 0.36 * size, "' font-family=\"", EscapeXml(spec.font),
                      "\" font-weight='bold' font-size='", size, "' text-anchor='middle' fill='", Rgb(spec.text_color),
                      "' ", extra, ">", EscapeXml(text), "</text>");
}

// One line, in the middle of a box around (x, y), as large as fits.
std::string Line(const OverlaySpec& spec, double x, double y, double width, double height,
                 absl::string_view extra = "") {
  return TextAt(spec, spec.text, x, y, std::min(height / 1.05, width / WidthInEms(spec.text)), extra);
}

// Two lines, cut at the first space, for shapes about as high as wide.
std::string Block(const OverlaySpec& spec, double x, double y, double width, double height) {
  const std::size_t space = spec.text.find(' ');
  if (space == std::string::npos) return Line(spec, x, y, width, height);
  const absl::string_view first = absl::string_view(spec.text).substr(0, space);
  const absl::string_view second = absl::string_view(spec.text).substr(space + 1);
  const double size = std::min(height / 1.9, width / std::max(WidthInEms(first), WidthInEms(second)));
  return TextAt(spec, first, x, y - 0.52 * size, size, "") + TextAt(spec, second, x, y + 0.52 * size, size, "");
}

// A burst or polygon of `points` spikes about (x, y).
std::string Burst(double x, double y, double outer_x, double outer_y, double inner, int points) {
  std::string list;
  for (int i = 0; i < 2 * points; ++i) {
    const double angle = i * std::numbers::pi / points;
    const double radius = i % 2 == 0 ? 1 : inner;
    absl::StrAppend(&list, x + outer_x * radius * std::sin(angle), ",", y - outer_y * radius * std::cos(angle), " ");
  }
  return list;
}

std::string Shapes(const OverlaySpec& spec) {
  const double w = spec.width;
  const double h = spec.height;
  const std::string fill = Rgb(spec.fill_color);
  const std::string edge = Rgb(Darker(spec.fill_color));
  switch (spec.kind) {
    case OverlayKind::kText: {
      // The outline is a wider copy beneath, so that it does not eat the letters.
      const double outline = std::max(1.0, h * 0.12);
      return absl::StrCat(
          Line(spec, w / 2, h / 2, w - 2 * outline, h - outline,
               absl::StrCat("stroke='", fill, "' stroke-width='", outline, "' stroke-linejoin='round'")),
          Line(spec, w / 2, h / 2, w - 2 * outline, h - outline));
    }
    case OverlayKind::kBanner:
      return absl::StrCat("<rect width='", w, "' height='", h, "' fill='url(#fill)'/>",
                          Line(spec, w / 2, h / 2, w * 0.92, h * 0.8));
    case OverlayKind::kCircle: {
      const double ring = std::max(1.0, std::min(w, h) * 0.03);
      return absl::StrCat("<ellipse cx='", w / 2, "' cy='", h / 2, "' rx='", w / 2, "' ry='", h / 2,
                          "' fill='url(#fill)'/><ellipse cx='", w / 2, "' cy='", h / 2, "' rx='", w * 0.44, "' ry='",
                          h * 0.44, "' fill='none' stroke='", Rgb(spec.text_color), "' stroke-width='", ring, "'/>",
                          Block(spec, w / 2, h / 2, w * 0.76, h * 0.5));
    }
    case OverlayKind::kStar:
      return absl::StrCat("<polygon points='", Burst(w / 2, h / 2, w / 2, h / 2, 0.82, 16), "' fill='url(#fill)'/>",
                          Block(spec, w / 2, h / 2, w * 0.74, h * 0.5));
    case OverlayKind::kRibbon: {
      const double notch = std::min(w * 0.08, h * 0.4);
      return absl::StrCat("<polygon points='0,0 ", w, ",0 ", w - notch, ",", h / 2, " ", w, ",", h, " 0,", h, " ",
                          notch, ",", h / 2, "' fill='url(#fill)'/><path d='M", notch, " ", h * 0.12, "H", w - notch,
                          "M", notch, " ", h * 0.88, "H", w - notch, "' stroke='", Rgb(spec.text_color),
                          "' stroke-width='", std::max(0.6, h * 0.04), "' stroke-dasharray='", h * 0.14, "'/>",
                          Line(spec, w / 2, h / 2, w - 3 * notch, h * 0.7));
    }
    case OverlayKind::kPriceTag: {
      const double tip = std::min(w * 0.22, h * 0.5);
      return absl::StrCat("<path d='M", tip, " 0H", w, "V", h, "H", tip, "L0 ", h / 2, "Z' fill='url(#fill)' stroke='",
                          edge, "' stroke-width='", std::max(0.6, h * 0.03), "'/><circle cx='", tip * 0.75, "' cy='",
                          h / 2, "' r='", tip * 0.2, "' fill='white'/>",
                          Line(spec, (w + tip) / 2, h / 2, (w - tip) * 0.9, h * 0.8));
    }
    case OverlayKind::kWatermark: {
      std::string lines = absl::StrCat("<g transform='rotate(-30 ", w / 2, " ", h / 2, ")'>");
      const int rows = 4;
      for (int row = -1; row <= rows; ++row) {
        for (int column = 0; column < 2; ++column) {
          lines += Line(spec, w * (0.25 + 0.55 * column + 0.2 * (row & 1)), h * (row + 0.5) / rows, w * 0.45, h * 0.12,
                        absl::StrCat("stroke='", fill, "' stroke-width='", std::max(0.2, h * 0.002), "'"));
        }
      }
      return absl::StrCat(lines, "</g>");
    }
    case OverlayKind::kBorder: {
      const double side = std::min(w, h) * 0.05;
      const double foot = h * 0.14;
      return absl::StrCat("<path fill-rule='evenodd' fill='url(#fill)' d='M0 0H", w, "V", h, "H0ZM", side, " ", side,
                          "V", h - foot, "H", w - side, "V", side, "Z'/>",
                          Line(spec, w / 2, h - foot / 2, w * 0.9, foot * 0.8));
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<OverlayPatch> RenderOverlay(const OverlaySpec& spec) {
  InitImages();
  if (std::min(spec.width, spec.height) < 8 || std::max(spec.width, spec.height) > 4096) {
    return absl::InvalidArgumentError(
        absl::StrCat("RenderOverlay: size ", spec.width, "x", spec.height, " is not in 8 to 4096"));
  }
  const double middle_x = spec.width / 2.0;
  const double middle_y = spec.height / 2.0;
  // A turned patch is shrunk so that its corners stay inside.
  const double turn = spec.angle * std::numbers::pi / 180;
  const double across = spec.width * std::abs(std::cos(turn)) + spec.height * std::abs(std::sin(turn));
  const double down = spec.width * std::abs(std::sin(turn)) + spec.height * std::abs(std::cos(turn));
  const double scale = std::min(spec.width / across, spec.height / down);
  const std::string svg = absl::StrCat(
      "<svg xmlns='http://www.w3.org/2000/svg' width='", spec.width, "' height='", spec.height,
      "'><defs><linearGradient id='fill' x1='0' y1='0' x2='0' y2='1'><stop offset='0.3' stop-color='",
      Rgb(spec.fill_color), "'/><stop offset='1' stop-color='", Rgb(Darker(spec.fill_color)),
      "'/></linearGradient></defs><g transform='translate(", middle_x, " ", middle_y, ") rotate(", spec.angle,
      ") scale(", scale, ") translate(", -middle_x, " ", -middle_y, ")'>", Shapes(spec), "</g></svg>");
  absl::MutexLockMaybe lock(SvgTextMutex(svg));
  VipsImage* out = nullptr;
  if (vips_svgload_buffer(const_cast<char*>(svg.data()), svg.size(), &out, nullptr) != 0) {
    return VipsFailure("RenderOverlay: cannot draw");
  }
  VipsHandle image(out);
  std::size_t size = 0;
  GlibBytes memory(vips_image_write_to_memory(image.get(), &size));
  if (memory == nullptr) return VipsFailure("RenderOverlay: cannot draw");
  OverlayPatch patch{vips_image_get_width(image.get()), vips_image_get_height(image.get()), {}};
  if (vips_image_get_bands(image.get()) != 4 || size != std::size_t{4} * patch.width * patch.height) {
    return absl::InternalError("RenderOverlay: librsvg did not give RGBA");
  }
  const auto* begin = static_cast<const std::uint8_t*>(memory.get());
  patch.rgba.assign(begin, begin + size);
  return patch;
}

Box Blend(Pixels& pixels, const OverlayPatch& patch, int x, int y, double opacity) {
  int left = pixels.width, top = pixels.height, right = 0, bottom = 0;
  const int strength = static_cast<int>(std::lround(std::clamp(opacity, 0.0, 1.0) * 256));
  for (int row = std::max(0, -y); row < patch.height && y + row < pixels.height; ++row) {
    for (int column = std::max(0, -x); column < patch.width && x + column < pixels.width; ++column) {
      const std::uint8_t* over = &patch.rgba[4 * (std::size_t(row) * patch.width + column)];
      const int alpha = over[3] * strength / 256;
      if (alpha == 0) continue;
      std::uint8_t* under = &pixels.rgb[3 * (std::size_t(y + row) * pixels.width + x + column)];
      for (int c = 0; c < 3; ++c) {
        under[c] = static_cast<std::uint8_t>((under[c] * (255 - alpha) + over[c] * alpha + 127) / 255);
      }
      left = std::min(left, x + column);
      right = std::max(right, x + column + 1);
      top = std::min(top, y + row);
      bottom = std::max(bottom, y + row + 1);
    }
  }
  if (right <= left) return {};
  return {left, top, right - left, bottom - top};
}

}  // namespace mannequin
