#include "services/mannequin/sample/shapes.h"

namespace mannequin::sample {
namespace {

constexpr absl::string_view kRosewood = "#3a2418";

// From the nut at `top` to where the neck meets the body at `bottom`.
std::string Fretboard(double top, double bottom, int frets) {
  std::string out = absl::StrCat("<rect x='95' y='", top, "' width='10' height='", bottom - top, "' fill='", kRosewood,
                                 "' stroke='#20130c' stroke-width='0.8'/><rect x='95' y='", top, "' width='3' height='",
                                 bottom - top, "' fill='#fff' fill-opacity='0.12'/>");
  double y = top;
  double step = (bottom - top) * 0.115;
  for (int fret = 0; fret < frets; ++fret, step *= 0.93) {
    y += step;
    if (y > bottom - 2) break;
    out += Stroke(absl::StrCat("M95.4 ", y, "H104.6"), "#c9c3b5", 0.8);
    if (fret == 2 || fret == 4 || fret == 6 || fret == 8) out += Dot(100, y - step / 2, 1.1, "#efe9dc");
  }
  return out;
}

std::string Strings(double top, double bottom) {
  std::string out;
  for (int i = 0; i < 6; ++i) {
    out += Stroke(absl::StrCat("M", 96.4 + 1.44 * i, " ", top, "L", 95.6 + 1.76 * i, " ", bottom), "#efeadf",
                  0.75 - 0.07 * i);
  }
  return out;
}

}  // namespace

std::string AcousticGuitar(const Look& look) {
  constexpr absl::string_view kBodies[] = {
      // Dreadnought: broad shoulders and waist.
      "M100 80C78 78 62 84 62 102C62 112 65 118 60 130C50 158 66 190 100 190C134 190 150 158 140 130"
      "C135 118 138 112 138 102C138 84 122 78 100 80Z",
      // Cutaway: a bite out of the right shoulder.
      "M100 82C80 80 66 84 65 102C65 113 70 118 62 132C50 158 66 190 100 190C134 190 150 158 139 132"
      "C134 122 133 117 137 110C143 101 134 96 124 101C114 105 108 98 107 82Z",
      // Classical: small, narrow waist.
      "M100 84C80 80 67 89 70 105C72 116 74 119 65 133C54 158 70 188 100 188C130 188 146 158 135 133"
      "C126 119 128 116 130 105C133 89 120 80 100 84Z"};
  const absl::string_view body = kBodies[look.style];
  std::string out;
  // Side of the body, a little to one side of the top.
  out += absl::StrCat("<path transform='translate(2.4 2)' d='", body, "' fill='@PDD'/>");
  out += Part(body, "burst");
  out += absl::StrCat("<path d='", body, "' fill='url(#light)'/>");
  out += absl::StrCat("<path transform='translate(100 135) scale(0.955) translate(-100 -135)' d='", body,
                      "' fill='none' stroke='#f3e7cd' stroke-width='1.3' stroke-opacity='0.85'/>");
  for (int grain = 0; grain < 6; ++grain) {
    out += Stroke(absl::StrCat("M", 76 + 9.6 * grain, " 150v30"), "@PDD", 0.5, 0.22);
  }
  // Rosette and sound hole.
  out += absl::StrCat("<circle cx='100' cy='118' r='17' fill='none' stroke='@A' stroke-width='2.2'/>",
                      "<circle cx='100' cy='118' r='15' fill='none' stroke='#f3e7cd' stroke-width='0.8'/>",
                      "<circle cx='100' cy='118' r='13.2' fill='#150d09'/>");
  if (look.pattern != 0) {
    out += Flat("M114 116C124 120 130 132 124 146C116 146 110 138 108 130C113 127 114 121 114 116Z", "#1c1210", 0.85);
  }
  out += Fretboard(28, 104, 18);
  // Headstock with tuners.
  for (int i = 0; i < 3; ++i) {
    out += absl::StrCat("<rect x='85' y='", 8.5 + 6 * i, "' width='30' height='2.6' rx='1.3' fill='url(#m)'/>");
  }
  out += Part("M93 27L90 5Q100 1 110 5L107 27Z", "s");
  out += "<rect x='94' y='26' width='12' height='2.4' fill='#f4efe3'/>";
  // Bridge.
  out += absl::StrCat("<path d='M80 159Q100 155 120 159V166Q100 164 80 166Z' fill='", kRosewood,
                      "'/><rect x='90' y='158.6' width='20' height='1.6' fill='#f4efe3'/>");
  out += Strings(27, 160);
  for (int i = 0; i < 6; ++i) out += Dot(95.6 + 1.76 * i, 162.6, 0.8, "#f4efe3");
  return out;
}

std::string ElectricGuitar(const Look& look) {
  constexpr absl::string_view kBodies[] = {
      // Two horns.
      "M94 104C86 104 82 92 72 84C64 80 60 88 63 98C67 112 66 118 61 130C52 150 54 176 76 184"
      "C92 190 104 182 118 186C138 190 150 172 143 152C138 138 131 132 133 120C135 108 142 100 136 94"
      "C130 90 120 100 106 104Z",
      // Single cut.
      "M94 92C76 86 62 92 62 108C62 118 66 122 60 134C50 158 66 190 100 190C134 190 150 158 140 134"
      "C134 124 132 118 138 108C143 98 132 96 124 102C114 108 107 100 106 92Z",
      // Arrow.
      "M93 100L54 184C52 190 60 192 65 189L100 152L135 189C140 192 148 190 146 184L107 100Z"};
  std::string out = absl::StrCat("<path transform='translate(2.2 2.2)' d='", kBodies[look.style], "' fill='@PDD'/>");
  out += Part(kBodies[look.style], look.pattern == 1 ? "burst" : "p");
  out += absl::StrCat("<path d='", kBodies[look.style], "' fill='url(#light)'/>");
  if (look.style == 0) {
    out += Part(
        "M92 108C84 108 78 96 72 93C68 96 74 110 72 124C70 138 76 158 92 162C108 166 124 164 132 156"
        "C124 146 120 134 122 120C122 110 112 108 106 110Z",
        "s");
  } else if (look.style == 1) {
    out += Part("M107 116C116 114 122 120 124 132C126 146 118 154 108 158Z", "s");
  }
  out += Fretboard(26, look.style == 2 ? 120 : 116, 21);
  // Pickups: two or three.
  const int pickups = look.style == 0 ? 3 : 2;
  for (int i = 0; i < pickups; ++i) {
    const double y = 121 + i * (pickups == 3 ? 13 : 20);
    out += absl::StrCat("<rect x='88' y='", y, "' width='24' height='", pickups == 3 ? 6 : 9,
                        "' rx='2.4' fill='#17171a' stroke='#bbb' stroke-width='0.7'/>");
    for (int pole = 0; pole < 6; ++pole) out += Dot(92.2 + 3.1 * pole, y + (pickups == 3 ? 3 : 4.5), 0.9, "#d8d8dc");
  }
  // Bridge.
  out += "<rect x='90' y='161' width='20' height='8' rx='1.5' fill='url(#m)' stroke='#5d6068' stroke-width='0.8'/>";
  if (look.style != 2) {
    out += Disc(126, 158, 3.6, "m") + Disc(130, 168, 3.6, "m") + Disc(122, 172, 3.6, "m");
    out += Stroke("M110 164Q122 150 116 138", "#d3d5da", 1.6);
  } else {
    out += Disc(118, 158, 3.2, "m") + Disc(124, 168, 3.2, "m");
  }
  // Six tuners in a row, or a pointed head.
  for (int i = 0; i < 6; ++i) {
    out += absl::StrCat("<rect x='84' y='", 4.4 + 3.5 * i, "' width='12' height='2' rx='1' fill='url(#m)'/>");
  }
  out += Part(look.style == 2 ? "M94 26L89 4L112 -2L106 26Z" : "M94 26L90 6C89 0 104 -2 110 3C114 8 104 12 106 26Z",
              look.style == 0 ? "s" : "p");
  out += "<rect x='94.4' y='25' width='11.2' height='2.2' fill='#f4efe3'/>";
  out += Strings(26, 163);
  return out;
}

std::string Headphones(const Look& look) {
  std::string out;
  // Band: outside, padding beneath.
  out += Stroke("M44 118C40 20 160 20 156 118", "@PDD", look.style == 2 ? 8 : 13);
  out += Stroke("M44 118C40 20 160 20 156 118", "@P", look.style == 2 ? 6 : 11);
  out += Stroke("M46 108C46 28 148 26 153 100", "@PL", 2.4, 0.75);
  if (look.style != 2)
    out += Stroke("M64 62C80 42 120 42 136 62", "@SD", 8) + Stroke("M64 61C80 41 120 41 136 61", "@S", 5);
  // Yokes.
  out += Stroke("M44 92V120M156 92V120", "url(#m)", 5);
  for (int side = 0; side < 2; ++side) {
    out += side == 0 ? "<g>" : "<g transform='translate(200 0) scale(-1 1)'>";
    if (look.style == 0) {
      out += Part("M58 98C74 96 78 106 78 134C78 162 74 172 58 170Z", "s");
      out += Shaded("M60 96C40 94 28 108 28 134C28 160 40 174 60 172C64 160 64 108 60 96Z");
    } else if (look.style == 1) {
      out += Part("M58 102H74Q80 134 74 166H58Z", "s");
      out += Shaded("M34 100H58Q64 100 64 106V162Q64 168 58 168H34Q26 134 34 100Z");
    } else {
      out += Part("M56 106C70 104 74 114 74 134C74 154 70 164 56 162Z", "s");
      out += Disc(48, 134, 26, "r");
      out += absl::StrCat(
          "<circle cx='46' cy='134' r='17' fill='none' stroke='@PL' stroke-width='1.2' stroke-opacity='0.7'/>");
    }
    out += Disc(45, 134, look.style == 1 ? 8 : 11, "a");
    out += Dot(45, 134, 3.4, "@ADD");
    out += Stroke("M66 112Q68 134 66 156", "@SDD", 0.9, 0.7);
    out += "</g>";
  }
  if (look.pattern == 1) out += Stroke("M42 168C42 186 70 190 92 186", "#26262a", 3) + Dot(94, 186, 4, "#26262a");
  return out;
}

}  // namespace mannequin::sample
