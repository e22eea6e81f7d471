#include <algorithm>
#include <string>

#include "absl/random/random.h"
#include "common/base/utf8.h"
#include "common/image/overlay.h"

namespace mannequin {
namespace {

struct Script {
  std::uint32_t first, last;  // letters, where the fonts have all of them
  int shortest, longest;      // of a word
  const char* fonts[6];       // a font that is not installed is replaced by Fontconfig's choice
};

constexpr Script kScripts[] = {
    {U'A',
     U'Z',
     2,
     9,
     {"DejaVu Sans", "DejaVu Serif", "Liberation Sans", "Liberation Serif", "Liberation Sans Narrow",
      "DejaVu Sans Mono"}},
    {U'a',
     U'z',
     3,
     10,
     {"DejaVu Sans", "DejaVu Serif", "Liberation Sans", "Liberation Serif", "Liberation Sans Narrow",
      "DejaVu Sans Condensed"}},
    {U'0',
     U'9',
     1,
     6,
     {"DejaVu Sans", "DejaVu Serif", "Liberation Sans", "Liberation Serif", "Liberation Sans Narrow",
      "DejaVu Sans Mono"}},
    {U'가',
     U'힣',
     1,
     5,
     {"Noto Sans CJK KR", "Noto Sans CJK KR", "Noto Sans CJK KR", "Noto Sans CJK KR", "Noto Serif CJK KR",
      "Noto Sans CJK KR"}},
    {U'一',
     U'龥',
     1,
     5,
     {"Noto Sans CJK SC", "Noto Sans CJK SC", "Noto Sans CJK TC", "Noto Sans CJK JP", "Noto Serif CJK SC",
      "Noto Sans CJK SC"}},
    {U'ァ',
     U'ヴ',
     2,
     7,
     {"Noto Sans CJK JP", "Noto Sans CJK JP", "Noto Sans CJK JP", "Noto Sans CJK JP", "Noto Serif CJK JP",
      "Noto Sans CJK JP"}},
    {U'А',
     U'Я',
     3,
     9,
     {"DejaVu Sans", "DejaVu Serif", "Liberation Sans", "Liberation Serif", "Liberation Sans Narrow", "DejaVu Sans"}},
    {U'ا', U'غ', 2, 6, {"DejaVu Sans", "DejaVu Sans", "DejaVu Sans", "DejaVu Sans", "DejaVu Sans", "DejaVu Sans"}},
};

std::string InventedWord(absl::BitGenRef random, const Script& script) {
  std::string word;
  const int length = absl::Uniform(absl::IntervalClosed, random, script.shortest, script.longest);
  for (int i = 0; i < length; ++i) {
    char bytes[4];
    const std::uint32_t letter = absl::Uniform(absl::IntervalClosed, random, script.first, script.last);
    word.append(bytes, AppendUtf8(letter, bytes));
  }
  return word;
}

void InventText(absl::BitGenRef random, OverlaySpec& spec) {
  const Script& script = kScripts[absl::Uniform(random, std::size_t{0}, std::size(kScripts))];
  spec.font = script.fonts[absl::Uniform(random, std::size_t{0}, std::size(script.fonts))];
  spec.text = InventedWord(random, script);
  if (absl::Bernoulli(random, 0.35)) spec.text += " " + InventedWord(random, script);
}

Color AnyColor(absl::BitGenRef random) {
  const auto level = [&] { return static_cast<std::uint8_t>(absl::Uniform(random, 0, 256)); };
  return {level(), level(), level()};
}

}  // namespace

OverlaySpec VariedOverlay(absl::BitGenRef random, int image_size) {
  OverlaySpec spec = RandomOverlay(random, image_size);
  if (absl::Bernoulli(random, 0.6)) InventText(random, spec);
  if (absl::Bernoulli(random, 0.25)) spec.text_color = AnyColor(random);
  if (absl::Bernoulli(random, 0.25)) spec.fill_color = AnyColor(random);
  // Small print is what is overlooked.
  if (absl::Bernoulli(random, 0.2)) spec.kind = OverlayKind::kText;
  const bool whole = spec.kind == OverlayKind::kWatermark || spec.kind == OverlayKind::kBorder;
  if (whole) {
    // One faint line instead of a pattern, every other time.
    if (spec.kind == OverlayKind::kWatermark && absl::Bernoulli(random, 0.5)) {
      spec.kind = OverlayKind::kText;
      spec.width = std::max(8, static_cast<int>(image_size * absl::Uniform(random, 0.35, 1.0)));
      spec.height = std::max(8, static_cast<int>(image_size * absl::Uniform(random, 0.08, 0.35)));
      spec.angle = absl::Bernoulli(random, 0.5) ? absl::Uniform(random, -45.0, 45.0) : 0;
      if (spec.angle != 0) spec.height = spec.width;
      spec.opacity = absl::Uniform(random, 0.25, 0.6);
    }
  } else {
    if (absl::Bernoulli(random, 0.4)) {
      const double smaller = absl::Uniform(random, 0.25, 0.8);
      spec.width = std::max(8, static_cast<int>(spec.width * smaller));
      spec.height = std::max(8, static_cast<int>(spec.height * smaller));
    }
    // A line of small print.
    if (spec.kind == OverlayKind::kText && absl::Bernoulli(random, 0.5)) {
      spec.angle = 0;
      spec.height = std::max(8, static_cast<int>(image_size * absl::Uniform(random, 0.035, 0.1)));
      spec.width = std::max(8, static_cast<int>(image_size * absl::Uniform(random, 0.25, 0.9)));
    }
    if (absl::Bernoulli(random, 0.25)) spec.opacity = absl::Uniform(random, 0.35, 0.95);
  }
  const int room_x = std::max(0, image_size - spec.width), room_y = std::max(0, image_size - spec.height);
  if (whole && spec.kind != OverlayKind::kText) {
    spec.x = spec.y = 0;
  } else if (absl::Bernoulli(random, 0.6) || spec.x > room_x || spec.y > room_y) {
    spec.x = absl::Uniform(absl::IntervalClosed, random, 0, room_x);
    spec.y = absl::Uniform(absl::IntervalClosed, random, 0, room_y);
  }
  return spec;
}

}  // namespace mannequin
