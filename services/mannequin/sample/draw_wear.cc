// Shoes and hats.
#include "services/mannequin/sample/shapes.h"

namespace mannequin::sample {
namespace {

// Laces zigzag between two edges: (x1, y1) to (x2, y2), `width` across.
std::string Laces(double x1, double y1, double x2, double y2, double width, int rows, absl::string_view color) {
  std::string out;
  for (int i = 0; i < rows; ++i) {
    const double t = static_cast<double>(i) / (rows - 1);
    const double x = x1 + (x2 - x1) * t;
    const double y = y1 + (y2 - y1) * t;
    out +=
        Stroke(absl::StrCat("M", x - width / 2, " ", y + 1.5, "L", x + width / 2, " ", y - 2.5), "#1a1a1c", 3.4, 0.45);
    out += Stroke(absl::StrCat("M", x - width / 2, " ", y + 1, "L", x + width / 2, " ", y - 3), color, 2.5);
    out += Dot(x - width / 2, y + 1, 1.5, "#d7d9de");
  }
  return out;
}

}  // namespace

std::string Boot(const Look& look) {
  std::string out;
  if (look.style == 2) {  // rain boot
    out += Part("M48 168H112Q114 176 176 174Q184 180 180 188H52Q46 184 48 168Z", "s");
    out += Shaded(
        "M62 18Q90 12 114 18C112 60 112 92 116 112C124 126 158 128 174 146C182 156 182 168 180 176"
        "H52C50 156 66 140 64 104C62 70 60 40 62 18Z");
    out += Part("M60 16Q90 9 116 16L115 28Q90 22 61 28Z", "a");
    out += Stroke("M52 168H180", "@SDD", 1.4, 0.8);
    out += Stroke("M74 40C76 76 78 104 72 136", "#fff", 5, 0.35);
    out += Stroke("M132 134Q152 138 164 150", "#fff", 4, 0.35);
    if (look.pattern != 0) {
      for (int i = 0; i < 8; ++i) out += Dot(76 + 13 * (i % 3) + 5 * (i & 1), 46 + 15 * (i / 3) * 1.4, 3.6, "@A");
    }
    return out;
  }
  // Sole with a heel, then the upper.
  out += Part("M50 166H178Q184 168 182 182Q181 188 172 188H104L100 180H92L90 188H54Q48 188 50 166Z", "s");
  out += Stroke("M52 173H181", "@SL", 1.2, 0.7);
  const absl::string_view upper = look.style == 0
                                      ? "M60 34Q88 24 112 32C110 62 112 84 120 100C132 112 160 114 174 134C182 146 182 "
                                        "158 181 168H50C48 144 62 118 60 84C58 66 58 50 60 34Z"
                                      : "M58 56Q86 46 112 54C112 78 114 92 122 106C134 116 160 116 174 136C182 147 182 "
                                        "158 181 168H50C48 146 60 124 58 96C56 82 56 68 58 56Z";
  out += Shaded(upper);
  // Toe cap, counter.
  out += Flat("M144 120C160 120 182 140 181 168H140C146 152 148 134 144 120Z", "@PD", 0.55);
  out += Seam("M144 120C148 134 146 152 140 167", "@PL");
  out += Flat("M56 132C70 130 82 142 82 168H50C49 154 52 142 56 132Z", "@PD", 0.55);
  out += Seam("M56 131C72 129 83 142 83 167", "@PL");
  if (look.style == 0) {  // laced
    out += Flat("M90 34Q104 30 112 33C110 62 112 84 120 100L110 110C96 92 90 64 90 34Z", "@PDD", 0.5);
    out += Laces(100, 42, 116, 108, 17, 6, "@A");
    out += Part("M60 32Q88 22 113 31L112 42Q88 33 60 44Z", "a");
  } else {  // elastic side
    out += Part("M78 58Q88 54 98 56C98 84 100 100 96 122C88 124 82 120 80 112C82 92 78 76 78 58Z", "s");
    for (int i = 0; i < 6; ++i) {
      out +=
          Stroke(absl::StrCat("M", 80.5 + 3 * i, " 60Q", 81.5 + 3 * i, " 90 ", 82 + 2.6 * i, " 116"), "@SL", 0.8, 0.7);
    }
    out += Stroke("M58 56Q52 40 62 40Q66 44 64 54", "@A", 4);
    out += Seam("M102 56C102 84 106 100 100 124", "@PL");
  }
  out += Stroke("M68 60C70 90 68 108 64 126", "#fff", 4, 0.2);
  out += Stroke("M128 116Q150 120 162 132", "#fff", 4, 0.28);
  return out;
}

std::string Sneaker(const Look& look) {
  std::string out;
  const bool high = look.style == 1;
  const absl::string_view upper = high ? "M42 52Q60 42 84 46C88 64 96 78 112 88C134 100 166 104 180 126C186 136 186 "
                                         "146 184 154H24C20 132 40 104 42 52Z"
                                       : "M32 82C40 76 52 84 64 84C76 84 80 72 90 72C104 84 118 94 138 102C160 108 178 "
                                         "112 184 134C186 142 186 148 184 154H22C18 130 22 98 32 82Z";
  // Midsole and outsole.
  out += Shaded(upper);
  // Toe box, heel and eyestay in the second colour.
  out += Part("M150 106C168 110 186 124 184 154H140C150 140 152 122 150 106Z", look.pattern == 1 ? "a" : "s");
  out += Part(high ? "M38 92C52 94 60 112 58 154H24C22 134 34 112 38 92Z"
                   : "M27 92C44 94 54 112 52 154H22C18 132 22 106 27 92Z",
              look.pattern == 1 ? "a" : "s");
  out += Part(high ? "M84 46C88 64 96 78 112 88L136 98L128 112C100 104 78 84 72 46Z"
                   : "M90 72C104 84 118 94 138 102L130 116C104 108 88 96 78 80Q84 72 90 72Z",
              "s");
  if (high) {
    out += Laces(80, 54, 126, 102, 14, 7, "@A");
    out += Disc(50, 76, 8, "a");
  } else {
    out += Laces(92, 80, 130, 106, 15, 5, "@A");
    out += Part("M78 78C78 66 92 58 98 62L92 80Z", "s");
  }
  // The brand's stripe.
  if (look.style == 2) {
    for (int i = 0; i < 3; ++i)
      out += Stroke(absl::StrCat("M", 76 + 12 * i, " 146L", 88 + 11 * i, " ", 104 + 5 * i), "@A", 5.5);
  } else {
    out += Flat("M54 138C78 138 100 126 122 116C112 134 86 150 56 147Z", "@A");
  }
  out += Seam(high ? "M46 58C50 90 44 120 34 150" : "M36 90C42 110 36 130 32 150", "@PL");
  out +=
      "<path d='M18 150H186Q192 152 190 164Q188 174 178 174H28Q16 174 16 162Q15 152 18 150Z' fill='url(#sole)' "
      "stroke='#8d8d90' stroke-width='1.2'/>";
  out += Flat("M17 166H190Q188 174 178 174H28Q18 174 17 166Z", "@PD", 0.9);
  out += Stroke("M20 158H188", "#c9c9cc", 1);
  out += Stroke("M120 98Q144 108 160 112", "#fff", 3, 0.35);
  return out;
}

std::string Cap(const Look& look) {
  std::string out;
  // Crown seen from the front left, bill to the right.
  out += Shaded("M30 128C26 74 60 42 98 42C138 42 162 78 160 126C120 136 70 138 30 128Z", look.style == 2 ? "s" : "p");
  if (look.style == 2) out += Shaded("M74 132C70 88 82 52 100 42C138 42 162 78 160 126C132 133 104 135 74 132Z");
  out += Stroke("M98 42C84 66 78 100 80 134M98 42C122 62 132 94 132 130M98 42C66 52 46 86 44 131", "@PDD", 1.1, 0.75);
  out += Seam("M101 44C87 68 81 100 83 134M95 44C119 64 129 94 129 130", "@PL");
  for (int i = 0; i < 3; ++i) out += Dot(62 + 44 * i, 78 + (i == 1 ? -8 : 2), 1.9, "@PDD");
  out += Disc(98, 42, 4.6, look.style == 1 ? "a" : "p");
  // Bill, with its underside as an edge.
  out += Flat("M78 134C112 120 152 116 188 146C194 153 188 158 180 156C146 144 112 146 82 146Z", "@PDD");
  out += Shaded("M76 131C108 118 152 114 186 143C190 150 184 152 178 150C146 140 112 142 80 142Z",
                look.style == 1 ? "a" : "p");
  out += Seam("M90 133C122 124 154 124 180 146M86 137C118 130 148 132 172 147", look.style == 1 ? "@AL" : "@PL");
  // Emblem.
  if (!look.print.empty()) {
    out += Print(look.print, 107, 94, 42, 22, "@A");
  } else if (look.pattern == 1) {
    out +=
        "<polygon points='106,74 110,86 122,86 112,93 116,105 106,98 96,105 100,93 90,86 102,86' fill='@A' "
        "stroke='@ADD' stroke-width='1'/>";
  } else {
    out += Part("M90 78H122V92Q122 106 106 110Q90 106 90 92Z", "a");
    out += Stroke("M98 100L106 84L114 100", "@ADD", 2.4);
  }
  return out;
}

std::string Helmet(const Look& look) {
  std::string out;
  if (look.style == 1) {  // full face with a visor
    out += Shaded("M36 110C34 58 70 30 108 32C150 34 174 66 172 112C170 150 152 172 120 174H76C50 172 38 146 36 110Z",
                  "r");
    out += Flat("M60 174C48 150 40 140 37 118C52 140 64 156 92 174Z", "@PDD", 0.4);
    out +=
        "<path d='M84 82C116 74 150 78 170 92C174 108 172 122 166 132C140 134 108 132 88 126C80 112 80 96 84 82Z' "
        "fill='url(#glass)' stroke='#101014' stroke-width='2.4'/>";
    out += Flat("M92 88C112 82 132 82 146 86L120 122C108 122 98 120 92 118Z", "#fff", 0.25);
    out += Part("M92 140C116 146 142 146 162 142C158 160 146 170 124 172H104C96 164 92 154 92 140Z", "s");
    for (int i = 0; i < 4; ++i) out += Stroke(absl::StrCat("M", 108 + 11 * i, " 152v10"), "#15151a", 4);
    out += Disc(80, 106, 6.5, "m");
    if (look.pattern != 0) out += Flat("M46 78C66 46 104 36 140 44C110 50 78 62 62 96Z", "@A", 0.95);
    return out;
  }
  if (look.style == 2) {  // hard hat
    out += Shaded("M38 132C36 76 62 46 100 46C138 46 164 76 162 132Z", "r");
    out += Part("M88 44Q100 36 112 44C118 70 120 104 118 132H82C80 104 82 70 88 44Z");
    out += Stroke("M66 58C58 78 54 104 54 130M134 58C142 78 146 104 146 130", "@PDD", 2, 0.6);
    out += Shaded("M22 134Q24 126 38 128H162Q176 126 178 134Q180 148 164 148C130 142 70 142 36 148Q20 148 22 134Z");
    out += Part("M84 92H116V114H84Z", "a");
    out += Stroke("M64 64Q56 82 56 104", "#fff", 5, 0.4);
    return out;
  }
  // Bicycle: vents and straps.
  out += Stroke("M66 136Q86 180 104 182Q124 178 138 136", "#2b2b30", 3.4);
  out += "<rect x='97' y='176' width='14' height='9' rx='2' fill='#1c1c20'/>";
  out += Shaded(
      "M22 128C18 78 58 46 106 46C154 46 184 78 180 120C178 134 170 138 158 136C120 130 78 134 44 142C30 144 23 140 22 "
      "128Z",
      "r");
  for (int i = 0; i < 4; ++i) {
    const double x = 46 + 30 * i;
    out += absl::StrCat("<path d='M", x, " ", 112 - 3 * i, "C", x - 2, " ", 92 - 4 * i, " ", x + 8, " ", 74 - 3 * i,
                        " ", x + 22, " ", 64 + 1 * i, "C", x + 20, " ", 82, " ", x + 18, " ", 98, " ", x + 14, " ",
                        112 - 2 * i, "Z' fill='#17171b' stroke='@PL' stroke-width='1.2'/>");
  }
  out += Flat("M24 124C60 112 140 104 180 116L179 124C140 114 64 122 25 134Z", "@A");
  out += Part("M150 134C166 138 184 134 186 122C188 132 184 146 172 146C162 146 154 142 150 134Z", "s");
  out += Stroke("M44 92Q60 62 100 56", "#fff", 4, 0.35);
  return out;
}

std::string Hat(const Look& look) {
  std::string out;
  const bool sun = look.style == 1;
  const absl::string_view brim =
      sun ? "M8 138C20 116 60 108 100 108C140 108 180 116 192 138C188 156 150 166 100 166C50 166 12 156 8 138Z"
          : "M22 132C36 120 60 118 100 118C140 118 164 120 178 132C188 140 176 152 150 150C120 160 80 160 50 150C24 "
            "152 12 140 22 132Z";
  out += Shaded(brim);
  out += Flat("M44 134C60 148 140 148 156 134L158 142C140 156 60 156 42 142Z", "@PDD", 0.45);
  if (look.style == 0) {  // pinched crown
    out += Shaded(
        "M50 136C52 96 58 62 74 54C84 50 92 60 100 60C108 60 116 50 126 54C142 62 148 96 150 136C130 148 70 148 50 "
        "136Z");
    out += Flat("M84 56C92 66 108 66 116 56C112 78 106 88 100 88C94 88 88 78 84 56Z", "@PDD", 0.45);
    out += Part("M51 120C70 132 130 132 149 120L150 136C130 148 70 148 50 136Z", "a");
    out += Part("M142 122L156 116L154 130L158 140L144 136Z", "a");
  } else if (sun) {
    out += Shaded("M56 136C54 86 72 62 100 62C128 62 146 86 144 136C126 148 74 148 56 136Z");
    for (int i = 0; i < 5; ++i) {
      const double half = 42 - 0.9 * i * i;
      out += Stroke(
          absl::StrCat("M", 100 - half, " ", 122 - 11 * i, "Q100 ", 134 - 11 * i, " ", 100 + half, " ", 122 - 11 * i),
          "@PDD", 0.7, 0.4);
    }
    for (int i = 0; i < 3; ++i) {
      out += absl::StrCat("<ellipse cx='100' cy='139' rx='", 62 + 12 * i, "' ry='", 17 + 4 * i,
                          "' fill='none' stroke='@PDD' stroke-width='0.7' stroke-opacity='0.4'/>");
    }
    out += Part("M56 122C74 134 126 134 144 122L144 136C126 148 74 148 56 136Z", "a");
    out += Part("M60 128L42 152L54 150L58 160L70 134Z", "a");
  } else {  // bowler
    out += Shaded("M54 136C48 84 70 58 100 58C130 58 152 84 146 136C126 147 74 147 54 136Z", "r");
    out += Part("M53 122C72 133 128 133 147 122L146 136C126 147 74 147 54 136Z", "s");
    if (look.pattern == 1) out += Part("M138 126C144 104 154 96 160 84C164 100 156 118 146 130Z", "a");
  }
  out += Stroke("M66 112Q68 82 82 68", "#fff", 4, 0.3);
  return out;
}

}  // namespace mannequin::sample
