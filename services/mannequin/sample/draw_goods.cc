// Things to carry, to sit on and to drink from.
#include <cmath>
#include <numbers>

#include "services/mannequin/sample/shapes.h"

namespace mannequin::sample {

std::string Watch(const Look& look) {
  std::string out;
  const bool square = look.style == 1;
  // Strap: two ends.
  const absl::string_view strap = look.style == 2 ? "m" : "p";
  out += Shaded("M78 66C80 40 82 20 84 8Q100 3 116 8C118 20 120 40 122 66Z", strap);
  out += Shaded("M78 134C80 160 82 180 85 192Q100 198 115 192C118 180 120 160 122 134Z", strap);
  if (look.style == 2) {
    for (int i = 0; i < 6; ++i) {
      out +=
          Stroke(absl::StrCat("M", 84 - i, " ", 14 + 9 * i, "H", 116 + i, "M", 79 + i, " ", 142 + 9 * i, "H", 121 - i),
                 "#5d6068", 1.2);
    }
    out += Stroke("M93 6V66M107 6V66M93 134V194M107 134V194", "#5d6068", 0.8);
  } else {
    out += Seam(
        "M83 62C85 40 86 24 87 12M117 62C115 40 114 24 113 12M83 138C85 160 86 176 88 190M117 138C115 160 114 176 112 "
        "190",
        "@PL");
    for (int i = 0; i < 4; ++i) out += Dot(100, 152 + 9 * i, 1.5, "@PDD");
  }
  // Crown and case.
  out += "<rect x='140' y='94' width='9' height='12' rx='2.4' fill='url(#m)' stroke='#5d6068'/>";
  if (look.pattern == 1)
    out +=
        "<rect x='136' y='74' width='7' height='8' rx='2' fill='url(#m)' transform='rotate(-30 139 78)'/><rect x='136' "
        "y='118' width='7' height='8' rx='2' fill='url(#m)' transform='rotate(30 139 122)'/>";
  if (square) {
    out +=
        "<rect x='58' y='56' width='84' height='88' rx='18' fill='url(#m)' stroke='#4f5259' stroke-width='1.4'/><rect "
        "x='65' y='63' width='70' height='74' rx='12' fill='url(#dial)' stroke='#33353a'/>";
  } else {
    out += Disc(100, 100, 44, "m") +
           "<circle cx='100' cy='100' r='40' fill='none' stroke='#6b6e76' stroke-width='1'/><circle cx='100' cy='100' "
           "r='36' fill='url(#dial)' stroke='#33353a' stroke-width='1.2'/>";
  }
  const absl::string_view ink = look.secondary.red + look.secondary.green > 300 ? "#1b1c20" : "#f5f5f2";
  for (int hour = 0; hour < 12; ++hour) {
    out += absl::StrCat("<rect x='", hour % 3 == 0 ? 98.6 : 99.3, "' y='68' width='", hour % 3 == 0 ? 2.8 : 1.4,
                        "' height='", hour % 3 == 0 ? 7 : 4.4, "' fill='", ink, "' transform='rotate(", 30 * hour,
                        " 100 100)'/>");
  }
  if (look.pattern == 1) {
    out += absl::StrCat("<circle cx='100' cy='117' r='9' fill='none' stroke='", ink,
                        "' stroke-width='1'/><circle cx='85' cy='100' r='7.4' fill='none' stroke='", ink,
                        "' stroke-width='1'/>");
    out += Stroke("M100 117V111M85 100L89 97", ink, 1);
  } else {
    out += absl::StrCat(
        "<rect x='114' y='95.5' width='12' height='9' rx='1' fill='#fff' stroke='#888' stroke-width='0.6'/><text "
        "x='120' y='102.6' font-size='7.6' font-family='DejaVu Sans' text-anchor='middle' fill='#222'>12</text>");
  }
  out += Stroke("M100 100L87 86", ink, 3.2) + Stroke("M100 100L116 74", ink, 2.4) + Stroke("M96 108L106 70", "@A", 1);
  out += Dot(100, 100, 3, "@A");
  out += Flat("M74 84C82 68 102 64 116 68L76 120C70 108 70 94 74 84Z", "#fff", 0.16);
  return out;
}

std::string Umbrella(const Look& look) {
  std::string out;
  // Shaft and handle.
  out += Stroke("M100 20V168", "#4b4d54", 4) + Stroke("M99.4 20V168", "#c3c6cd", 1.4);
  out +=
      Stroke("M100 150V172C100 192 74 192 74 174", "@ADD", 8) + Stroke("M100 150V172C100 192 74 192 74 174", "@A", 5.6);
  out += Stroke("M100 10V24", "#5b5d64", 3.4);
  if (look.style == 2) {  // closed
    out += Shaded("M100 20C92 50 82 96 84 140Q100 148 116 140C118 96 108 50 100 20Z");
    out += Stroke("M100 22C96 60 92 100 92 142M100 22C104 60 108 100 108 142", "@PDD", 1, 0.7);
    out += Flat("M100 22C96 60 92 100 92 142L84 140C82 96 92 50 100 20Z", "@PD", 0.5);
    out += Part("M83 104Q100 112 117 104V112Q100 120 83 112Z", "a");
    return out;
  }
  const double depth = look.style == 1 ? 124 : 108;
  const std::string bottom = absl::StrCat("C168 ", depth - 14, " 150 ", depth - 14, " 141 ", depth, "C132 ", depth - 13,
                                          " 110 ", depth - 13, " 100 ", depth, "C90 ", depth - 13, " 68 ", depth - 13,
                                          " 59 ", depth, "C50 ", depth - 14, " 32 ", depth - 14, " 18 ", depth);
  out += Shaded(absl::StrCat("M18 ", depth, "C20 48 56 20 100 20C144 20 180 48 182 ", depth, bottom, "Z"));
  // Panels by turns.
  const absl::string_view fill = look.pattern == 1 ? "@S" : "@PD";
  const double shade = look.pattern == 1 ? 0.95 : 0.35;
  out +=
      Flat(absl::StrCat("M100 20C74 40 62 74 59 ", depth, "C68 ", depth - 13, " 90 ", depth - 13, " 100 ", depth, "Z"),
           fill, shade);
  out += Flat(absl::StrCat("M100 20C138 34 158 64 182 ", depth, "C168 ", depth - 14, " 150 ", depth - 14, " 141 ",
                           depth, "C138 74 126 40 100 20Z"),
              fill, shade);
  out += Stroke(absl::StrCat("M100 20C74 40 62 74 59 ", depth, "M100 20V", depth, "M100 20C126 40 138 74 141 ", depth),
                "@PDD", 1.1, 0.8);
  if (look.pattern == 2) {
    for (int i = 0; i < 9; ++i) out += Dot(42 + 14.4 * i, 84 - 24 * std::sin(i * std::numbers::pi / 8), 3.4, "@S");
  }
  for (int i = 0; i < 5; ++i) out += Dot(18 + 41 * i, depth, 2, "#5b5d64");
  out += Stroke("M38 76C50 52 68 38 86 32", "#fff", 4, 0.4);
  return out;
}

std::string Sunglasses(const Look& look) {
  std::string out;
  // Temples folded behind.
  out += Stroke("M22 76C60 64 120 128 172 126", "@PDD", 5) + Stroke("M178 76C140 64 80 128 28 126", "@PDD", 5);
  constexpr absl::string_view kLenses[] = {
      "M20 78C36 72 72 72 88 80C94 106 84 128 58 128C30 128 18 106 20 78Z",  // broad
      "M24 74C44 70 70 72 90 80C94 100 82 134 58 136C34 136 20 108 24 74Z",  // drops
      "M56 68A32 32 0 1 1 55.9 68Z"};                                        // round
  const absl::string_view lens = kLenses[look.style];
  out += Stroke("M86 84C92 74 108 74 114 84", look.style == 1 ? "#8a8d94" : "@P", look.style == 0 ? 8 : 4.4);
  if (look.style == 1) out += Stroke("M78 74H122", "#8a8d94", 3);
  for (int side = 0; side < 2; ++side) {
    out += side == 0 ? "<g>" : "<g transform='translate(200 0) scale(-1 1)'>";
    out += absl::StrCat("<path d='", lens, "' fill='url(#lens)' stroke='", look.style == 1 ? "url(#m)" : "url(#p)",
                        "' stroke-width='", look.style == 0 ? 8 : 4.4, "'/>");
    out += absl::StrCat("<path d='", lens, "' fill='none' stroke='@PDD' stroke-width='0.8' stroke-opacity='0.7'/>");
    out += side == 0 ? Flat("M36 84L62 82L42 118C34 110 32 96 36 84Z", "#fff", 0.24)
                     : Flat("M62 84L76 86L52 122L44 118Z", "#fff", 0.2);
    out += Part("M12 74Q16 70 26 74L24 84Q14 84 12 74Z", look.style == 1 ? "m" : "p");
    out += Dot(18, 77.6, 1.8, "#e8e4d2");
    out += "</g>";
  }
  if (look.style == 0) out += Stroke("M24 74C40 68 70 68 86 76M176 74C160 68 130 68 114 76", "@PL", 1.6, 0.8);
  return out;
}

std::string Mug(const Look& look) {
  std::string out;
  // Handle behind, then the body, then the opening.
  out += Stroke("M146 74C186 66 190 136 142 140", "@PDD", 16) + Stroke("M146 74C186 66 190 136 142 140", "@P", 13) +
         Stroke("M150 72C178 68 182 110 168 124", "@PL", 3, 0.8);
  const absl::string_view body = look.style == 1   ? "M40 48L50 166Q52 178 66 180H126Q140 178 142 166L152 48Z"
                                 : look.style == 2 ? "M46 48C30 84 32 150 58 176Q96 186 134 176C160 150 162 84 146 48Z"
                                                   : "M44 48V166Q46 180 62 182H130Q146 180 148 166V48Z";
  out += Shaded(body);
  if (look.pattern == 1 && look.print.empty()) {
    out += Flat(
        look.style == 1 ? "M44 96Q96 112 148 96L146 118Q96 134 46 118Z" : "M42 96Q96 112 150 96V118Q96 134 42 118Z",
        "@S", 0.95);
  } else if (look.pattern == 2 && look.print.empty()) {
    out +=
        "<path d='M96 146C70 126 74 104 86 104C92 104 95 108 96 112C97 108 100 104 106 104C118 104 122 126 96 146Z' "
        "fill='@A' stroke='@ADD' stroke-width='1'/>";
  }
  if (!look.print.empty()) out += Print(look.print, 97, 120, 72, 26, "@A");
  const double rx = look.style == 1 ? 56 : look.style == 2 ? 50 : 52;
  out += absl::StrCat("<ellipse cx='96' cy='48' rx='", rx,
                      "' ry='13' fill='@PL' stroke='@PDD' stroke-width='1.3'/><ellipse cx='96' cy='49.5' rx='", rx - 5,
                      "' ry='10' fill='@S'/><ellipse cx='96' cy='53' rx='", rx - 8,
                      "' ry='7' fill='#4b2c1a'/><ellipse cx='88' cy='52' rx='", rx - 28,
                      "' ry='3' fill='#8a5a37' fill-opacity='0.7'/>");
  out += Stroke("M56 72C53 100 54 136 60 160", "#fff", 6, 0.35);
  if (look.pattern == 0 && look.print.empty()) out += Stroke("M50 168Q96 184 142 168", "@A", 3);
  return out;
}

std::string Bottle(const Look& look) {
  std::string out;
  const absl::string_view body =
      look.style == 1 ? "M84 46V58C66 66 64 80 64 96V178Q64 192 78 194H122Q136 192 136 178V96C136 80 134 66 116 58V46Z"
      : look.style == 2 ? "M70 52Q66 58 66 66V96C66 106 72 108 72 116C72 124 66 126 66 136V178Q66 192 80 194H120Q134 "
                          "192 134 178V136C134 126 128 124 128 116C128 108 134 106 134 96V66Q134 58 130 52Z"
                        : "M64 56Q62 60 62 68V176Q62 192 80 194H120Q138 192 138 176V68Q138 60 136 56Z";
  // Cap or loop.
  if (look.style == 0) {
    out += Stroke("M82 30C80 4 120 4 118 30", "@SDD", 7) + Stroke("M82 30C80 4 120 4 118 30", "@S", 4.6);
    out += Shaded("M66 30Q66 26 72 26H128Q134 26 134 30V56H66Z", "s");
  } else if (look.style == 1) {
    out += Shaded("M82 18Q82 12 88 12H112Q118 12 118 18V46H82Z", "s");
    for (int i = 0; i < 8; ++i) out += Stroke(absl::StrCat("M", 86 + 4 * i, " 18v22"), "@SDD", 0.9, 0.6);
  } else {
    out += Shaded("M92 10H108Q112 10 112 16V30H88V16Q88 10 92 10Z", "a");
    out += Shaded("M72 34Q74 28 84 28H116Q126 28 128 34L130 52H70Z", "s");
  }
  out += Shaded(body);
  if (look.style != 1) out += Stroke("M70 60H130", "@PDD", 1.4, 0.6);
  if (look.style != 2 && (look.pattern != 0 || !look.print.empty())) {
    out += Flat(
        look.style == 1 ? "M64 104Q100 112 136 104V158Q100 166 64 158Z" : "M62 96Q100 104 138 96V158Q100 166 62 158Z",
        "@S", 0.97);
    out += Stroke(look.style == 1 ? "M64 108Q100 116 136 108M64 154Q100 162 136 154"
                                  : "M62 100Q100 108 138 100M62 154Q100 162 138 154",
                  "@A", 2);
    if (look.print.empty())
      out +=
          "<path d='M100 116C110 128 112 134 112 138A12 12 0 0 1 88 138C88 134 90 128 100 116Z' fill='@A' "
          "stroke='@ADD'/>";
  } else if (look.style == 2) {
    for (int i = 0; i < 5; ++i) out += Stroke(absl::StrCat("M112 ", 144 + 9 * i, "h12"), "@A", 1.6);
    out += "<path d='M92 146C100 156 102 160 102 164A10 10 0 0 1 82 164C82 160 84 156 92 146Z' fill='@A'/>";
  } else {
    out += Part("M90 110H110V136Q100 144 90 136Z", "a");
  }
  if (!look.print.empty()) out += Print(look.print, 100, 133, 58, 20, "@A");
  out += Stroke(look.style == 1 ? "M73 92V176" : "M72 76V92M72 142V176", "#fff", 5, 0.45);
  return out;
}

std::string Chair(const Look& look) {
  std::string out;
  if (look.style == 1) {  // office
    out += Stroke("M100 130V166", "#55585f", 7);
    out += Stroke("M100 164L58 180M100 164L142 180M100 164L80 188M100 164L122 188", "#3c3e44", 5.4);
    for (double x : {57.0, 81.0, 121.0, 143.0}) out += Dot(x, x == 81 || x == 121 ? 190 : 183, 4.6, "#232428");
    out += Shaded("M64 20Q100 8 136 20C142 50 140 76 134 104Q100 112 66 104C60 76 58 50 64 20Z");
    for (int i = 0; i < 4; ++i)
      out += Seam(absl::StrCat("M66 ", 36 + 16 * i, "Q100 ", 44 + 16 * i, " 134 ", 36 + 16 * i), "@PL");
    out += Stroke("M92 104V122M108 104V122", "#55585f", 5);
    out += Shaded("M52 120Q100 110 148 120Q156 126 152 136Q100 146 48 136Q44 126 52 120Z");
    out += Stroke("M54 128C40 122 42 96 48 88M146 128C160 122 158 96 152 88", "#3c3e44", 5);
    out += Part("M36 82H62Q64 90 60 92H38Q34 90 36 82ZM138 82H164Q166 90 162 92H140Q136 90 138 82Z", "s");
    return out;
  }
  if (look.style == 2) {  // armchair
    out += Part("M46 176L42 194H50L56 178ZM154 176L158 194H150L144 178Z", "s");
    out += Shaded("M48 96C42 40 60 18 100 18C140 18 158 40 152 96V140H48Z");
    for (int row = 0; row < 3; ++row) {
      for (int i = 0; i < 4 - (row & 1); ++i) out += Dot(70 + 20 * i + 10 * (row & 1), 44 + 18 * row, 2.4, "@PDD");
    }
    out += Shaded("M46 112H154V140Q100 132 46 140Z");
    out += Shaded("M52 126Q100 116 148 126Q154 140 148 150H52Q46 140 52 126Z");
    out += Shaded("M26 102Q28 90 42 92Q56 94 56 108V178H34Q28 176 28 166Z") +
           Shaded("M174 102Q172 90 158 92Q144 94 144 108V178H166Q172 176 172 166Z");
    out += Shaded("M54 148H146V178H54Z");
    out += Seam("M56 154H144", "@PL");
    if (look.pattern == 1)
      out += Part("M78 84L120 78L128 118L84 124Z", "a") + Seam("M82 88L116 83L123 114L88 119Z", "@AL");
    return out;
  }
  // Wooden dining chair.
  out += Part("M58 12H68V192H58ZM132 12H142V192H132Z", "s");
  for (int i = 0; i < 3; ++i)
    out += Part(absl::StrCat("M66 ", 22 + 22 * i, "Q100 ", 14 + 22 * i, " 134 ", 22 + 22 * i, "V", 34 + 22 * i, "Q100 ",
                             26 + 22 * i, " 66 ", 34 + 22 * i, "Z"),
                "s");
  out += Part("M66 150H134V156H66Z", "s");
  out += Part("M40 122H52L46 196H38ZM148 122H160L162 196H154Z", "s");
  out += Part("M38 114H162V126H38Z", "s");
  out += Shaded("M58 94H142L166 108Q168 116 160 118H40Q32 116 34 108Z");
  out += Seam("M60 98H140L158 110", "@PL");
  out += Part("M44 164H156V170H44Z", "s");
  return out;
}

std::string Lamp(const Look& look) {
  std::string out;
  const absl::string_view glow = "<ellipse cx='100' cy='100' rx='96' ry='52' fill='url(#glow)'/>";
  if (look.style == 1) {  // desk lamp with two arms
    out += Shaded("M56 180Q58 170 92 170Q126 170 128 180V188H56Z", "s");
    out += Stroke("M92 172L70 110L126 62", "#3b3d43", 7) + Stroke("M92 172L70 110L126 62", "url(#m)", 4.6);
    out += Disc(70, 110, 6.4, "s") + Disc(92, 170, 5.4, "s");
    out += "<path d='M112 82L168 108L196 170H96Z' fill='url(#glow)'/>";
    out += Shaded("M112 40C128 36 150 52 156 66L176 96C160 104 128 92 112 74C104 64 104 44 112 40Z");
    out +=
        "<ellipse cx='144' cy='88' rx='34' ry='11' transform='rotate(30 144 88)' fill='#fff3c4' stroke='@PDD' "
        "stroke-width='1.3'/>";
    out += Disc(124, 58, 5, "a");
    return out;
  }
  if (look.style == 2) {  // floor lamp
    out += absl::StrCat("<g transform='translate(0 -26)'>", glow, "</g>");
    out += Shaded("M66 186Q100 176 134 186V192H66Z", "s") + Stroke("M100 184V70", "#3b3d43", 5.4) +
           Stroke("M99 184V70", "#c9ccd2", 1.6);
    out += Shaded("M72 20H128L148 82Q100 92 52 82Z");
    out += Flat("M52 82Q100 92 148 82Q100 74 52 82Z", "#fff3c4");
    out += Stroke("M74 26Q100 31 126 26", "@A", 2.6);
    out += Stroke("M120 86V108", "#8a8d94", 1.2) + Dot(120, 110, 2.6, "@A");
    return out;
  }
  // Table lamp with a bulging foot.
  out += absl::StrCat("<g transform='translate(0 -20)'>", glow, "</g>");
  out += Shaded("M64 186Q100 176 136 186V193H64Z", "s");
  out += Shaded("M94 96H106V112C128 122 138 146 122 178Q100 186 78 178C62 146 72 122 94 112Z", "s");
  if (look.pattern == 1) out += Stroke("M70 142Q100 152 130 142M72 156Q100 166 128 156", "@A", 3);
  out += Stroke("M84 126C76 140 78 158 84 168", "#fff", 5, 0.4);
  out += Shaded("M70 18H130L158 98Q100 110 42 98Z");
  out += Flat("M42 98Q100 110 158 98Q100 90 42 98Z", "#fff3c4");
  out += Flat("M70 18H130L158 98Q100 110 42 98Z", "url(#warm)", 0.8);
  out += Stroke("M70 20Q100 25 130 20M44 95Q100 106 156 95", "@A", 2.6);
  if (look.pattern == 2) {
    for (int i = 1; i < 6; ++i)
      out += Stroke(absl::StrCat("M", 70 + 10 * i, " 22L", 42 + 19.4 * i, " 100"), "@PDD", 0.9, 0.5);
  }
  return out;
}

}  // namespace mannequin::sample
