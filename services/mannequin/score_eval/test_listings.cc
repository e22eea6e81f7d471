#include "services/mannequin/score_eval/test_listings.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <random>

#include "absl/random/distributions.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/overlay.h"
#include "common/model/described_product.h"

namespace mannequin {
namespace {

constexpr int kQuality = 90;   // of the JPEG that a seller uploads
constexpr int kDarkest = 235;  // a level under it is not white ground

struct Script {
  const char* name;
  const char* fonts[2];
  const char* phrases[8];
};

constexpr Script kScripts[] = {
    {"Latin",
     {"Liberation Mono", "DejaVu Math TeX Gyre"},
     {"MEGA DEAL", "Order today!", "50% cheaper", "Limited stock", "TRENDING", "Try me", "Official Store",
      "As seen on TV"}},
    {"Latin, accents",
     {"Liberation Mono", "DejaVu Math TeX Gyre"},
     {"Neuheit für Sie", "Rabais été", "¡Última hora!", "Größte Auswahl", "Qualité supérieure", "Años de garantía",
      "Geschenk dazu", "Déstockage"}},
    {"Hangul",
     {"Noto Sans Mono CJK KR", "Noto Serif CJK KR"},
     {"반값 세일", "사은품 증정", "품절 임박", "인기 상품", "쿠폰 받기", "국내 배송", "카드 혜택", "리뷰 이벤트"}},
    {"Han",
     {"Noto Sans Mono CJK SC", "Noto Serif CJK TC"},
     {"厂家直销", "全场五折", "热卖爆款", "立即购买", "七天退换", "超值优惠", "官方旗舰店", "清仓处理"}},
    {"Kana",
     {"Noto Sans Mono CJK JP", "Noto Serif CJK JP"},
     {"ポイント還元", "ランキング一位", "クーポン配布中", "あす楽対応", "まとめ買い", "キャンペーン", "レビュー特典",
      "おすすめ"}},
    {"Cyrillic",
     {"Liberation Mono", "DejaVu Math TeX Gyre"},
     {"АКЦИЯ", "ВЫГОДНО", "Купить сейчас", "Хит продаж", "Подарок", "Лучшая цена", "Гарантия", "Успей купить"}},
    {"Arabic",
     {"DejaVu Sans Mono", "DejaVu Sans Mono"},
     {"عرض خاص", "اشتر الآن", "تخفيضات", "جودة عالية", "الأكثر مبيعا", "هدية", "ضمان", "جديد"}},
    {"digits",
     {"Liberation Mono", "DejaVu Math TeX Gyre"},
     {"-33%", "$7.49", "€12,90", "₹499", "1+2", "£24", "70%", "24/7"}},
};

Color ColorOf(absl::BitGenRef random) {
  const auto level = [&] { return static_cast<std::uint8_t>(absl::Uniform(random, 0, 256)); };
  return {level(), level(), level()};
}

// Far enough apart that people could read it.
void ChooseColors(absl::BitGenRef random, OverlaySpec& spec) {
  do {
    spec.text_color = ColorOf(random);
    spec.fill_color = ColorOf(random);
  } while (std::abs(spec.text_color.red - spec.fill_color.red) +
               std::abs(spec.text_color.green - spec.fill_color.green) +
               std::abs(spec.text_color.blue - spec.fill_color.blue) <
           300);
}

// What is not white ground.
Box ProductBox(const Pixels& pixels) {
  int left = pixels.width, top = pixels.height, right = 0, bottom = 0;
  for (int y = 0; y < pixels.height; ++y) {
    for (int x = 0; x < pixels.width; ++x) {
      const std::uint8_t* pixel = &pixels.rgb[static_cast<std::size_t>((y * pixels.width + x) * 3)];
      if (std::min({pixel[0], pixel[1], pixel[2]}) >= kDarkest) continue;
      left = std::min(left, x);
      right = std::max(right, x + 1);
      top = std::min(top, y);
      bottom = std::max(bottom, y + 1);
    }
  }
  if (right <= left) return {0, 0, pixels.width, pixels.height};
  return {left, top, right - left, bottom - top};
}

absl::Status Paint(const OverlaySpec& spec, Pixels& pixels) {
  ASSIGN_OR_RETURN(const OverlayPatch patch, RenderOverlay(spec));
  Blend(pixels, patch, spec.x, spec.y, spec.opacity);
  return absl::OkStatus();
}

int AtLeast8(double size) { return std::max(8, static_cast<int>(std::lround(size))); }

// The overlay of `abuse` for this picture.
OverlaySpec SpecFor(Abuse abuse, const Pixels& pixels, absl::BitGenRef random) {
  const int shorter = std::min(pixels.width, pixels.height);
  // Sellers' kinds and places; words, fonts and colours of our own.
  OverlaySpec spec = RandomOverlay(random, shorter);
  if (abuse == Abuse::kSmallText) {
    spec.kind = OverlayKind::kText;
    spec.angle = 0;
    spec.height = AtLeast8(pixels.height * absl::Uniform(random, 0.03, 0.05) * 1.3);  // letters are 1/1.3 of a line
    spec.width = AtLeast8(pixels.width * 0.8);
    spec.x = absl::Uniform(absl::IntervalClosed, random, 0, pixels.width - spec.width);
    spec.y = absl::Uniform(absl::IntervalClosed, random, 0, pixels.height - spec.height);
    spec.opacity = 1;
  } else if (abuse == Abuse::kFaintWatermark) {
    spec.kind = OverlayKind::kWatermark;
    spec.width = pixels.width;
    spec.height = pixels.height;
    spec.x = spec.y = 0;
    spec.angle = 0;
    spec.opacity = 0.3;
  } else if (abuse == Abuse::kInsideProduct) {
    const Box product = ProductBox(pixels);
    spec.kind = OverlayKind::kText;
    spec.angle = 0;
    spec.width = AtLeast8(product.width * 0.7);
    spec.height = AtLeast8(product.height * 0.15);
    spec.x = product.x + (product.width - spec.width) / 2;
    spec.y = product.y + static_cast<int>((product.height - spec.height) * absl::Uniform(random, 0.25, 0.75));
    spec.opacity = 1;
  }
  return spec;
}

}  // namespace

const char* AbuseName(Abuse abuse) {
  switch (abuse) {
    case Abuse::kNone:
      return "honest";
    case Abuse::kOverlay:
      return "slogan, badge, price or border";
    case Abuse::kSmallText:
      return "letters of 3 to 5 % of the height";
    case Abuse::kFaintWatermark:
      return "watermark of 30 % opacity";
    case Abuse::kInsideProduct:
      return "letters inside the product";
    case Abuse::kOtherCategory:
      return "another category";
    case Abuse::kOtherColor:
      return "another colour of the category";
    case Abuse::kPastedTitle:
      return "another category, the title pasted on";
  }
  return "";
}

bool IsOverlay(Abuse abuse) { return abuse >= Abuse::kOverlay && abuse <= Abuse::kInsideProduct; }
bool IsMismatch(Abuse abuse) { return abuse >= Abuse::kOtherCategory; }

absl::StatusOr<std::vector<TestListing>> ListingsOf(const std::vector<EvalProduct>& products, std::size_t i,
                                                    std::uint64_t seed) {
  std::seed_seq sequence{seed & 0xffffffff, seed >> 32, static_cast<std::uint64_t>(i)};
  std::mt19937_64 random(sequence);
  const absl::StatusOr<Pixels> own = DecodeImage(products[i].image);
  if (!own.ok()) {
    return absl::Status(own.status().code(), absl::StrCat(products[i].product.id(), ": ", own.status().message()));
  }
  std::vector<TestListing> listings;
  listings.push_back({i, Abuse::kNone, "", products[i].image});
  const auto add = [&](Abuse abuse, std::string script, const Pixels& pixels) -> absl::Status {
    ASSIGN_OR_RETURN(std::string image, EncodeImage(pixels, "image/jpeg", kQuality));
    listings.push_back({i, abuse, std::move(script), std::move(image)});
    return absl::OkStatus();
  };
  for (const Abuse abuse : {Abuse::kOverlay, Abuse::kSmallText, Abuse::kFaintWatermark, Abuse::kInsideProduct}) {
    OverlaySpec spec = SpecFor(abuse, *own, random);
    const Script& script = kScripts[absl::Uniform(random, std::size_t{0}, std::size(kScripts))];
    spec.text = script.phrases[absl::Uniform(random, std::size_t{0}, std::size(script.phrases))];
    spec.font = script.fonts[absl::Uniform(random, std::size_t{0}, std::size(script.fonts))];
    ChooseColors(random, spec);
    Pixels pixels = *own;
    RETURN_IF_ERROR(Paint(spec, pixels));
    RETURN_IF_ERROR(add(abuse, script.name, pixels));
  }

  const std::string leaf = LeafCategory(products[i].product), color = ListedColor(products[i].product);
  const auto find = [&](const auto& differs) -> std::optional<std::size_t> {
    const std::size_t begin = random() % products.size();
    for (std::size_t step = 0; step < products.size(); ++step) {
      const std::size_t other = (begin + step) % products.size();
      if (other != i && differs(products[other].product)) return other;
    }
    return std::nullopt;
  };
  const auto other_kind = find([&](const v1::Product& p) { return LeafCategory(p) != leaf; });
  if (other_kind) {
    listings.push_back({i, Abuse::kOtherCategory, "", products[*other_kind].image});
    const absl::StatusOr<Pixels> decoded = DecodeImage(products[*other_kind].image);
    if (decoded.ok()) {
      Pixels pixels = *decoded;
      OverlaySpec title;
      title.kind = OverlayKind::kBanner;
      title.text = products[i].product.title();
      title.font = "Liberation Mono";
      title.width = pixels.width;
      title.height = AtLeast8(pixels.height * 0.16);
      title.y = pixels.height - title.height;
      ChooseColors(random, title);
      RETURN_IF_ERROR(Paint(title, pixels));
      RETURN_IF_ERROR(add(Abuse::kPastedTitle, "Latin", pixels));
    }
  }
  const auto other_color = find([&](const v1::Product& p) {
    const std::string its = ListedColor(p);
    return LeafCategory(p) == leaf && !its.empty() && !color.empty() && its != color;
  });
  if (other_color) listings.push_back({i, Abuse::kOtherColor, "", products[*other_color].image});
  return listings;
}

}  // namespace mannequin
