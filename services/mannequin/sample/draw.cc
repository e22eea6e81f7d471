#include "services/mannequin/sample/draw.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "services/mannequin/sample/shapes.h"

namespace mannequin::sample {
namespace {

using Draw = std::string (*)(const Look&);

struct Drawing {
  absl::string_view category;
  Draw draw;
  double bottom;  // where it would stand, in the square of 200
};

constexpr Drawing kDrawings[] = {{"Acoustic Guitar", AcousticGuitar, 188},
                                 {"Electric Guitar", ElectricGuitar, 187},
                                 {"Boot", Boot, 187},
                                 {"Sneaker", Sneaker, 173},
                                 {"Cap", Cap, 156},
                                 {"Helmet", Helmet, 172},
                                 {"Hat", Hat, 160},
                                 {"Dress", Dress, 189},
                                 {"T-Shirt", TShirt, 182},
                                 {"Jacket", Jacket, 186},
                                 {"Bag", Bag, 182},
                                 {"Watch", Watch, 192},
                                 {"Backpack", Backpack, 189},
                                 {"Umbrella", Umbrella, 190},
                                 {"Sunglasses", Sunglasses, 140},
                                 {"Headphones", Headphones, 174},
                                 {"Mug", Mug, 180},
                                 {"Chair", Chair, 190},
                                 {"Lamp", Lamp, 191},
                                 {"Bottle", Bottle, 192}};

std::string Hex(Color c) { return absl::StrFormat("#%02x%02x%02x", c.red, c.green, c.blue); }

Color Mix(Color a, Color b, double share) {
  const auto mix = [share](int x, int y) { return static_cast<std::uint8_t>(std::lround(x + (y - x) * share)); };
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

constexpr Color kBlack{0, 0, 0};
constexpr Color kWhite{255, 255, 255};

// The tokens of a colour: itself, darker, much darker (outlines), lighter.
std::vector<std::pair<std::string, std::string>> Tokens(const Look& look) {
  std::vector<std::pair<std::string, std::string>> tokens;
  const std::pair<const char*, Color> colors[] = {{"@P", look.primary}, {"@S", look.secondary}, {"@A", look.accent}};
  for (const auto& [name, color] : colors) {
    tokens.emplace_back(absl::StrCat(name, "DD"), Hex(Mix(color, kBlack, 0.58)));
    tokens.emplace_back(absl::StrCat(name, "D"), Hex(Mix(color, kBlack, 0.28)));
    tokens.emplace_back(absl::StrCat(name, "L"), Hex(Mix(color, kWhite, 0.42)));
    tokens.emplace_back(name, Hex(color));
  }
  return tokens;
}

std::string Gradient(absl::string_view id, absl::string_view name) {
  return absl::StrCat("<linearGradient id='", id, "' x1='0' y1='0' x2='1' y2='0.55'><stop offset='0' stop-color='",
                      name, "L'/><stop offset='0.4' stop-color='", name, "'/><stop offset='1' stop-color='", name,
                      "D'/></linearGradient>");
}

std::string Definitions() {
  return absl::StrCat(
      "<defs>", Gradient("p", "@P"), Gradient("s", "@S"), Gradient("a", "@A"),
      "<radialGradient id='r' cx='0.36' cy='0.3' r='0.8'><stop offset='0' stop-color='@PL'/><stop offset='0.45' "
      "stop-color='@P'/><stop offset='1' stop-color='@PD'/></radialGradient>"
      "<radialGradient id='burst' cx='0.5' cy='0.55' r='0.62'><stop offset='0.25' stop-color='@PL'/><stop "
      "offset='0.62' "
      "stop-color='@P'/><stop offset='1' stop-color='@PDD'/></radialGradient>"
      "<linearGradient id='light' x1='0' y1='0' x2='1' y2='0.2'><stop offset='0' stop-color='#fff' "
      "stop-opacity='0.28'/>"
      "<stop offset='0.3' stop-color='#fff' stop-opacity='0.06'/><stop offset='0.65' stop-color='#000' "
      "stop-opacity='0'/>"
      "<stop offset='1' stop-color='#000' stop-opacity='0.26'/></linearGradient>"
      "<linearGradient id='m' x1='0' y1='0' x2='1' y2='1'><stop offset='0' stop-color='#f6f7f9'/><stop offset='0.35' "
      "stop-color='#b4b8c0'/><stop offset='0.55' stop-color='#eceef1'/><stop offset='1' "
      "stop-color='#868a93'/></linearGradient>"
      "<linearGradient id='glass' x1='0' y1='0' x2='1' y2='1'><stop offset='0' stop-color='#59616e'/><stop "
      "offset='0.5' "
      "stop-color='#1b1f27'/><stop offset='1' stop-color='#3b4350'/></linearGradient>"
      "<linearGradient id='lens' x1='0' y1='0' x2='0' y2='1'><stop offset='0' stop-color='@SDD'/><stop offset='1' "
      "stop-color='@SL'/></linearGradient>"
      "<linearGradient id='dial' x1='0' y1='0' x2='1' y2='1'><stop offset='0' stop-color='@S'/><stop offset='1' "
      "stop-color='@SD'/></linearGradient>"
      "<linearGradient id='sole' x1='0' y1='0' x2='0' y2='1'><stop offset='0' stop-color='#fff'/><stop offset='1' "
      "stop-color='#cfd0d4'/></linearGradient>"
      "<radialGradient id='glow'><stop offset='0' stop-color='#ffe9a8' stop-opacity='0.75'/><stop offset='1' "
      "stop-color='#ffe9a8' stop-opacity='0'/></radialGradient>"
      "<linearGradient id='warm' x1='0' y1='0' x2='0' y2='1'><stop offset='0' stop-color='#fff2c0' "
      "stop-opacity='0'/><stop "
      "offset='1' stop-color='#fff2c0' stop-opacity='0.75'/></linearGradient>"
      "<radialGradient id='shadow'><stop offset='0' stop-color='#000' stop-opacity='0.42'/><stop offset='0.6' "
      "stop-color='#000' stop-opacity='0.16'/><stop offset='1' stop-color='#000' stop-opacity='0'/></radialGradient>");
}

// Behind the product, in the 200 by 200 square.
std::string Scene(const Look& look) {
  switch (look.backdrop) {
    case Backdrop::kWhite:
      return "</defs><rect width='200' height='200' fill='#fff'/>";
    case Backdrop::kGrey:
      return "<linearGradient id='back' x1='0' y1='0' x2='0' y2='1'><stop offset='0' stop-color='#f4f4f5'/><stop "
             "offset='1' "
             "stop-color='#dcdde0'/></linearGradient></defs><rect width='200' height='200' fill='url(#back)'/>";
    case Backdrop::kSoft:
      return absl::StrCat("<radialGradient id='back' cx='0.5' cy='0.42' r='0.8'><stop offset='0' stop-color='",
                          Hex(Mix(look.wall, kWhite, 0.85)), "'/><stop offset='1' stop-color='",
                          Hex(Mix(look.wall, kWhite, 0.35)),
                          "'/></radialGradient></defs><rect width='200' height='200' fill='url(#back)'/>");
    case Backdrop::kRoom:
      return absl::StrCat(
          "<linearGradient id='back' x1='0' y1='0' x2='1' y2='0.6'><stop offset='0' stop-color='",
          Hex(Mix(look.wall, kWhite, 0.78)), "'/><stop offset='1' stop-color='", Hex(Mix(look.wall, kWhite, 0.55)),
          "'/></linearGradient><linearGradient id='floor' x1='0' y1='0' x2='0' y2='1'><stop offset='0' "
          "stop-color='#b99a78'/><stop offset='1' stop-color='#d8bd9c'/></linearGradient></defs>"
          "<rect width='200' height='152' fill='url(#back)'/><rect y='150' width='200' height='50' fill='url(#floor)'/>"
          "<rect y='147' width='200' height='4' fill='#f7f4ee'/><path d='M0 166H200M0 184H200M40 151L22 200M104 "
          "151L100 "
          "200M168 151L182 200' stroke='#8d7152' stroke-width='0.7' stroke-opacity='0.6' fill='none'/>");
  }
  return "</defs>";
}

const Drawing* DrawingOf(absl::string_view category) {
  for (const Drawing& drawing : kDrawings) {
    if (drawing.category == category) return &drawing;
  }
  return nullptr;
}

}  // namespace

std::string Print(absl::string_view text, double x, double y, double width, double max_size, absl::string_view color) {
  // Up to three words, one below the other.
  std::vector<absl::string_view> lines;
  std::size_t longest = 1;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    longest = std::max(longest, end - begin);
    begin = end + 1;
  }
  const double size = std::min(max_size, width / (0.72 * static_cast<double>(longest)));
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const double line_y =
        y + size * (0.36 + 1.05 * (static_cast<double>(i) - (static_cast<double>(lines.size()) - 1) / 2));
    absl::StrAppend(&out, "<text x='", x, "' y='", line_y, "' font-family='DejaVu Sans' font-weight='bold' font-size='",
                    size, "' text-anchor='middle' fill='", color, "'>", lines[i], "</text>");
  }
  return out;
}

bool HasPrint(absl::string_view category) {
  return category == "T-Shirt" || category == "Mug" || category == "Bottle" || category == "Cap";
}

std::string DrawProduct(const Look& look, int size) {
  const Drawing* drawing = DrawingOf(look.category);
  if (drawing == nullptr) drawing = &kDrawings[0];
  const double x = 100 + 200 * look.shift_x;
  const double y = 100 + 200 * look.shift_y;
  // Words would read backwards.
  const double mirror = look.flipped && look.print.empty() ? -1 : 1;
  const double foot =
      std::min(190.0, y + (drawing->bottom - 100) * look.scale * (1 + 0.1 * std::abs(std::sin(look.angle * 0.01745))));
  const double side = look.light_from_right ? -8 : 8;
  std::string svg = absl::StrCat(
      "<svg xmlns='http://www.w3.org/2000/svg' width='", size, "' height='", size, "' viewBox='0 0 200 200'>",
      Definitions(), Scene(look), "<ellipse cx='", x + side, "' cy='", foot, "' rx='", 74 * look.scale,
      "' ry='9' fill='url(#shadow)'/><g transform='translate(", x, " ", y, ") rotate(", look.angle, ") scale(",
      look.scale * mirror, " ", look.scale, ") translate(-100 -100)'>", drawing->draw(look), "</g></svg>");
  svg = absl::StrReplaceAll(svg, Tokens(look));
  if (look.light_from_right) {
    // The light is in the gradients that run across.
    svg = absl::StrReplaceAll(svg, {{"x1='0' y1='0' x2='1' y2='0.55'", "x1='1' y1='0' x2='0' y2='0.55'"},
                                    {"x1='0' y1='0' x2='1' y2='0.2'", "x1='1' y1='0' x2='0' y2='0.2'"}});
  }
  return svg;
}

}  // namespace mannequin::sample
