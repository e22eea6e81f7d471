#include "services/mannequin/sample/shapes.h"

namespace mannequin::sample {

std::string Dress(const Look& look) {
  constexpr absl::string_view kSkirts[] = {
      "M72 86C64 116 44 150 36 184C70 194 130 194 164 184C156 150 136 116 128 86Z",   // A-line
      "M74 86C70 120 66 160 60 194C86 199 114 199 140 194C134 160 130 120 126 86Z",   // long
      "M72 86C62 104 48 128 44 152C76 162 124 162 156 152C152 128 138 104 128 86Z"};  // short, with sleeves
  std::string out;
  if (look.style == 2) {
    out += Shaded("M70 20C54 26 42 50 38 82L54 88C60 68 68 54 74 46Z");
    out += Shaded("M130 20C146 26 158 50 162 82L146 88C140 68 132 54 126 46Z");
    out += Seam("M39 77L55 83M161 77L145 83", "@PL");
  }
  const absl::string_view top = look.style == 1
                                    ? "M80 8L84 8C84 30 90 40 100 42C110 40 116 30 116 8L120 8C122 26 128 36 130 "
                                      "44C126 60 124 74 126 88C110 94 90 94 74 88C76 74 74 60 70 44C72 36 78 26 80 8Z"
                                    : "M70 20L84 14C86 32 92 40 100 41C108 40 114 32 116 14L130 20C128 34 130 42 133 "
                                      "52C127 64 125 76 128 88C110 94 90 94 72 88C75 76 73 64 67 52C70 42 72 34 70 20Z";
  out += Shaded(kSkirts[look.style]);
  const double hem = look.style == 1 ? 194 : look.style == 2 ? 153 : 185;
  // Folds.
  for (int i = 0; i < 5; ++i) {
    const double x = 80 + 10 * i;
    const double spread = look.style == 1 ? 1.5 : 2.6;
    out += Stroke(absl::StrCat("M", x, " 92C", 100 + (x - 100) * 1.3, " 120 ", 100 + (x - 100) * spread, " 140 ",
                               100 + (x - 100) * spread * 1.15, " ", hem - 2),
                  "@PDD", 1.3, 0.4);
  }
  out += Shaded(top);
  if (look.pattern == 1) {
    for (int row = 0; row < 6; ++row) {
      const double y = 100 + row * (hem - 104) / 6;
      const double half = 20 + (look.style == 1 ? 2.0 : 5.2) * row;
      for (int i = -3; i <= 3; ++i) out += Dot(100 + half * i / 3.2 + (row & 1) * 4 - 2, y, 2.4, "@S");
    }
  } else if (look.pattern == 2) {
    out += Stroke(absl::StrCat("M", look.style == 1 ? 63 : 48, " ", hem - 16, "Q100 ", hem - 4, " ",
                               look.style == 1 ? 137 : 152, " ", hem - 16),
                  "@S", 4);
  }
  out += Part("M72 84C90 91 110 91 128 84L127 94C110 100 90 100 73 94Z", "a");
  out += Part("M100 90L90 84V100ZM100 90L110 84V100Z", "a");
  out += Seam(look.style == 1 ? "M86 14C88 34 94 44 100 45C106 44 112 34 114 14"
                              : "M82 17C84 35 91 44 100 45C109 44 116 35 118 17",
              "@PL");
  return out;
}

std::string TShirt(const Look& look) {
  std::string out;
  out += Shaded(
      "M66 26C48 30 32 42 24 54L8 90L40 104L50 84V176C80 184 120 184 150 176V84L160 104L192 90L176 54"
      "C168 42 152 30 134 26C126 42 112 48 100 48C88 48 74 42 66 26Z");
  if (look.style == 1) {  // coloured sleeves
    out += Part(
        "M50 36C40 40 30 46 24 54L8 90L40 104L50 84C52 66 52 50 50 36ZM150 36C160 40 170 46 176 54L192 90L160 104L150 "
        "84C148 66 148 50 150 36Z",
        "s");
  }
  if (look.pattern == 1 && look.print.empty()) {
    for (int i = 0; i < 6; ++i) {
      const double y = 70 + 17 * i;
      out += Flat(absl::StrCat("M51 ", y, "Q100 ", y + 8, " 149 ", y, "V", y + 7, "Q100 ", y + 15, " 51 ", y + 7, "Z"),
                  "@S", 0.92);
    }
  } else if (look.pattern == 2 && look.print.empty()) {
    out += Part("M112 76H138V98Q125 108 112 98Z", "p") + Seam("M114 80H136", "@PL");
  }
  // Collar.
  out += Flat("M70 25C78 34 90 38 100 38C110 38 122 34 130 25C122 44 112 47 100 47C88 47 78 44 70 25Z", "@PDD", 0.55);
  out +=
      look.style == 2
          ? Part("M64 26L70 23L100 62L130 23L136 26L102 72H98Z", "a")
          : Part("M65 27L71 23C78 37 90 42 100 42C110 42 122 37 129 23L135 27C127 44 113 50 100 50C87 50 73 44 65 27Z",
                 "a");
  out += Seam("M12 84L43 98M188 84L157 98M51 170C82 178 118 178 149 170", "@PL");
  out += Stroke(
      "M52 96C58 90 62 82 64 74M148 96C142 90 138 82 136 74M62 160C68 130 66 116 62 106M140 158C132 138 134 120 138 "
      "108",
      "@PDD", 2, 0.3);
  if (!look.print.empty()) out += Print(look.print, 100, 100, 76, 24, "@A");
  return out;
}

std::string Jacket(const Look& look) {
  std::string out;
  const absl::string_view left = "M62 28C44 34 34 54 30 84L18 158C24 166 36 168 44 166L58 104Z";
  const absl::string_view right = "M138 28C156 34 166 54 170 84L182 158C176 166 164 168 156 166L142 104Z";
  const absl::string_view torso =
      "M62 28C76 22 88 20 100 20C112 20 124 22 138 28C146 54 148 80 148 104V180C118 188 82 188 52 180V104C52 80 54 54 "
      "62 28Z";
  const absl::string_view sleeve = look.pattern == 1 ? "s" : "p";
  out += Shaded(left, sleeve) + Shaded(right, sleeve) + Shaded(torso);
  if (look.style == 0) {  // quilted
    for (int i = 0; i < 7; ++i) {
      const double y = 50 + 19 * i;
      out += Stroke(absl::StrCat("M53 ", y, "Q76 ", y + 7, " 99 ", y + 1, "M101 ", y + 1, "Q124 ", y + 7, " 147 ", y),
                    "@PDD", 1.6, 0.75);
      out += Stroke(
          absl::StrCat("M56 ", y + 5, "Q76 ", y + 11, " 96 ", y + 6, "M104 ", y + 6, "Q124 ", y + 11, " 144 ", y + 5),
          "#fff", 2.6, 0.22);
      if (i < 5) {
        out += Stroke(absl::StrCat("M", 32 - 2.6 * i, " ", y + 24, "Q44 ", y + 32, " ", 55 - 2 * i, " ", y + 24, "M",
                                   168 + 2.6 * i, " ", y + 24, "Q156 ", y + 32, " ", 145 + 2 * i, " ", y + 24),
                      "@PDD", 1.5, 0.6);
      }
    }
    out += Part("M70 30C78 12 122 12 130 30C120 40 80 40 70 30Z", "a");
  } else if (look.style == 1) {  // bomber
    out += Part("M52 168C82 177 118 177 148 168V182C118 190 82 190 52 182Z", "s");
    out += Part("M20 148L46 154L44 168C36 170 24 168 17 160ZM180 148L154 154L156 168C164 170 176 168 183 160Z", "s");
    out += Part("M72 28C78 16 122 16 128 28C120 42 108 38 100 46C92 38 80 42 72 28Z", "s");
    for (int i = 0; i < 16; ++i) out += Stroke(absl::StrCat("M", 55 + 6 * i, " 171v12"), "@SDD", 0.8, 0.5);
    out += Part("M60 128L80 120L82 126L62 134ZM140 128L120 120L118 126L138 134Z", "a");
  } else {  // coat with lapels
    out += Flat("M84 24L100 84L116 24Q100 34 84 24Z", "@S");
    out += Part("M80 22L66 36L76 56L70 62L99 100L100 84L84 26Z") +
           Part("M120 22L134 36L124 56L130 62L101 100L100 84L116 26Z");
    for (int i = 0; i < 3; ++i) out += Disc(94, 112 + 22 * i, 2.8, "a");
    out += Part("M58 132H84V140H58ZM116 132H142V140H116Z");
    out += Part("M118 80H138V85H118Z", "a");
  }
  if (look.style != 2) {  // zip and pockets
    out += Stroke("M100 42V186", "@PDD", 4.2) +
           "<path d='M100 42V186' stroke='#c9ccd2' stroke-width='2.4' stroke-dasharray='1.6 1.4'/>";
    out +=
        "<rect x='97.6' y='50' width='4.8' height='10' rx='1.6' fill='url(#m)' stroke='#5d6068' stroke-width='0.7'/>";
    if (look.style == 0) out += Stroke("M64 138L78 158M136 138L122 158", "@A", 2.6);
  } else {
    out += Stroke("M100 100V184", "@PDD", 1.6);
  }
  out += Stroke("M53 104C54 90 58 76 58 66M147 104C146 90 142 76 142 66", "@PDD", 1.6, 0.6);
  return out;
}

std::string Bag(const Look& look) {
  std::string out;
  if (look.style == 1) {  // tote
    out += Stroke("M70 84C68 30 84 16 100 16C116 16 132 30 130 84", "@SDD", 7) +
           Stroke("M70 84C68 30 84 16 100 16C116 16 132 30 130 84", "@S", 5);
    out += Shaded("M38 70H162L172 178Q100 190 28 178Z");
    out += Stroke("M62 106C60 40 80 26 100 26C120 26 140 40 138 106", "@SDD", 7.4) +
           Stroke("M62 106C60 40 80 26 100 26C120 26 140 40 138 106", "@S", 5.4);
    out += Disc(62, 106, 4.2, "m") + Disc(138, 106, 4.2, "m");
    out += Seam("M38 76H162M34 172Q100 183 166 172", "@PL");
    if (look.pattern == 1) out += Flat("M32 140L168 140L170 160L30 160Z", "@S");
    out += Part("M86 120H114V146Q100 154 86 146Z", "a");
    return out;
  }
  if (look.style == 2) {  // crossbody with flap
    out += Stroke("M36 92C20 10 180 10 164 92", "@SDD", 6) + Stroke("M36 92C20 10 180 10 164 92", "@S", 4);
    out += Shaded("M34 82Q100 74 166 82L172 160Q172 178 152 180H48Q28 178 28 160Z");
    out += Shaded("M32 80Q100 70 168 80L166 116Q158 138 100 140Q42 138 34 116Z", look.pattern == 1 ? "s" : "p");
    out += Seam("M37 84Q100 75 163 84M38 114Q48 132 100 134Q152 132 162 114", "@PL");
    out += Disc(36, 90, 5, "m") + Disc(164, 90, 5, "m");
    out +=
        "<rect x='88' y='128' width='24' height='20' rx='4' fill='url(#m)' stroke='#5d6068'/><rect x='96' y='134' "
        "width='8' height='8' rx='2' fill='#4a4c52'/>";
    return out;
  }
  // Handbag.
  out += Stroke("M64 88C62 22 138 22 136 88", "@SDD", 8.4) + Stroke("M64 88C62 22 138 22 136 88", "@S", 6) +
         Stroke("M67 78C68 34 122 28 131 62", "@SL", 1.4, 0.8);
  out += Shaded("M46 78Q100 66 154 78Q170 82 174 98L182 164Q182 182 162 184H38Q18 182 18 164L26 98Q30 82 46 78Z");
  out += Flat("M18 164L20 148Q100 164 180 148L182 164Q182 182 162 184H38Q18 182 18 164Z", "@PD", 0.7);
  out += Seam("M20 149Q100 165 180 149", "@PL");
  out += Stroke("M30 94Q100 82 170 94", "@PDD", 3) +
         "<path d='M30 94Q100 82 170 94' stroke='#cfd2d8' stroke-width='1.4' stroke-dasharray='1.6 1.4' fill='none'/>";
  out += Part("M56 84H72V112Q64 120 56 112ZM128 84H144V112Q136 120 128 112Z", "s");
  out += Disc(64, 90, 4, "m") + Disc(136, 90, 4, "m");
  if (look.pattern == 1) {
    out += Stroke("M96 90C92 110 86 118 84 130", "@A", 2.2) +
           Part("M84 128C76 140 78 152 84 158C92 152 92 140 84 128Z", "a");
  }
  out += "<rect x='90' y='112' width='20' height='13' rx='3' fill='url(#m)' stroke='#5d6068' stroke-width='0.8'/>";
  return out;
}

std::string Backpack(const Look& look) {
  std::string out;
  out += Stroke("M84 24C82 6 118 6 116 24", "@SDD", 7) + Stroke("M84 24C82 6 118 6 116 24", "@S", 4.6);
  out += Stroke("M50 60C28 80 26 130 44 168M150 60C172 80 174 130 156 168", "@SDD", 9) +
         Stroke("M50 60C28 80 26 130 44 168M150 60C172 80 174 130 156 168", "@S", 6.4);
  const absl::string_view body =
      look.style == 1 ? "M52 30Q100 20 148 30Q156 34 156 44L162 170Q162 188 146 190H54Q38 188 38 170L44 44Q44 34 52 30Z"
                      : "M44 78C44 40 66 20 100 20C134 20 156 40 156 78L162 168Q162 188 142 190H58Q38 188 38 168Z";
  out += Shaded(body);
  if (look.style == 2) {  // flap with straps
    out += Shaded("M42 76C42 38 66 18 100 18C134 18 158 38 158 76L156 108Q100 126 44 108Z", "s");
    out += Part("M66 92H76V156H66ZM124 92H134V156H124Z", "a");
    out +=
        "<rect x='63' y='122' width='16' height='10' rx='2' fill='url(#m)'/><rect x='121' y='122' width='16' "
        "height='10' rx='2' fill='url(#m)'/>";
    out += Shaded("M56 136Q100 144 144 136L146 170Q146 182 134 182H66Q54 182 54 170Z");
    out += Part("M66 120H76V160H66ZM124 120H134V160H124Z", "a");
    return out;
  }
  // Main zip, then the pocket.
  const absl::string_view zip = look.style == 1 ? "M52 120V56Q54 44 66 42H134Q146 44 148 56V120"
                                                : "M54 118C50 62 70 40 100 40C130 40 150 62 146 118";
  out +=
      Stroke(zip, "@PDD", 3.6) +
      absl::StrCat("<path d='", zip, "' stroke='#c6c9cf' stroke-width='1.6' stroke-dasharray='1.6 1.4' fill='none'/>");
  out += Shaded("M54 116Q54 106 66 106H134Q146 106 146 116L150 168Q150 182 136 182H64Q50 182 50 168Z",
                look.pattern == 1 ? "s" : "p");
  out += Stroke("M58 124H142", "@PDD", 3) +
         "<path d='M58 124H142' stroke='#c6c9cf' stroke-width='1.4' stroke-dasharray='1.6 1.4'/>";
  out += "<rect x='132' y='122' width='4' height='12' rx='1.6' fill='url(#m)'/>";
  out += Part("M84 66H116V88Q100 96 84 88Z", "a") + Stroke("M92 82L100 72L108 82", "@ADD", 2.2);
  out += Seam("M56 172Q57 177 64 177H136Q143 177 144 172", "@PL");
  out += Stroke("M48 128Q42 150 46 172M152 128Q158 150 154 172", "@SD", 3, 0.9);
  return out;
}

}  // namespace mannequin::sample
