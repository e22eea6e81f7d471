#include <algorithm>
#include <array>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/image/overlay.h"

namespace mannequin {
namespace {

struct Phrase {
  const char* text;
  const char* font;
};

constexpr const char* kSans = "DejaVu Sans";
constexpr const char* kSerif = "DejaVu Serif";
constexpr const char* kKorean = "Noto Sans CJK KR";
constexpr const char* kKoreanSerif = "Noto Serif CJK KR";
constexpr const char* kChinese = "Noto Sans CJK SC";
constexpr const char* kChineseSerif = "Noto Serif CJK SC";
constexpr const char* kJapanese = "Noto Sans CJK JP";

constexpr Phrase kPhrases[] = {
    {"SALE", kSans},
    {"BIG SALE", kSans},
    {"NEW", kSans},
    {"HOT", kSans},
    {"BEST SELLER", kSans},
    {"FREE SHIPPING", kSans},
    {"BUY NOW", kSans},
    {"LIMITED OFFER", kSerif},
    {"CLEARANCE", kSans},
    {"TOP QUALITY", kSerif},
    {"ORIGINAL", kSerif},
    {"2 FOR 1", kSans},
    {"LAST CHANCE", kSans},
    {"www.best-deals.example", kSans},
    {"CALL 555-0134", kSans},
    {"무료배송", kKorean},
    {"특가", kKorean},
    {"오늘만 할인", kKorean},
    {"당일발송", kKorean},
    {"신상품", kKoreanSerif},
    {"정품 보장", kKoreanSerif},
    {"1+1 행사", kKorean},
    {"최저가", kKorean},
    {"特价", kChinese},
    {"包邮", kChinese},
    {"限时抢购", kChinese},
    {"新品上市", kChineseSerif},
    {"正品保证", kChineseSerif},
    {"买一送一", kChinese},
    {"送料無料", kJapanese},
    {"セール", kJapanese},
    {"期間限定", kJapanese},
    {"お買い得", kJapanese},
    {"ANGEBOT", kSans},
    {"GRATIS VERSAND", kSans},
    {"NUR HEUTE", kSans},
    {"PROMO", kSans},
    {"LIVRAISON GRATUITE", kSans},
    {"SOLDES", kSerif},
    {"OFERTA", kSans},
    {"ENVÍO GRATIS", kSans},
    {"СКИДКА", kSans},
    {"РАСПРОДАЖА", kSans},
    {"НОВИНКА", kSerif},
    {"خصم", kSans},
    {"شحن مجاني", kSans},
};

struct Colors {
  Color text;
  Color fill;
};

constexpr Colors kColors[] = {
    {{255, 255, 255}, {218, 24, 42}}, {{255, 236, 60}, {206, 18, 38}},   {{255, 255, 255}, {18, 18, 20}},
    {{214, 16, 36}, {255, 222, 40}},  {{20, 20, 24}, {255, 206, 30}},    {{255, 255, 255}, {12, 104, 208}},
    {{255, 255, 255}, {16, 146, 72}}, {{255, 255, 255}, {240, 100, 16}}, {{255, 255, 255}, {206, 28, 132}},
    {{214, 16, 36}, {255, 255, 255}}, {{90, 40, 140}, {250, 240, 160}},  {{255, 240, 200}, {96, 40, 140}},
};

// A price or a share off, as shops write them.
Phrase RandomNumber(absl::BitGenRef random, std::string* storage) {
  const int share = absl::Uniform(random, 1, 19) * 5;
  const int amount = absl::Uniform(random, 3, 199);
  switch (absl::Uniform(random, 0, 8)) {
    case 0:
      *storage = absl::StrCat(share, "% OFF");
      return {nullptr, kSans};
    case 1:
      *storage = absl::StrCat("-", share, "%");
      return {nullptr, kSans};
    case 2:
      *storage = absl::StrCat("$", amount, ".99");
      return {nullptr, kSans};
    case 3:
      *storage = absl::StrCat("€", amount, ",95");
      return {nullptr, kSans};
    case 4:
      *storage = absl::StrFormat("₩%d,%03d", amount, absl::Uniform(random, 0, 10) * 100);
      return {nullptr, kKorean};
    case 5:
      *storage = absl::StrCat("¥", amount * 10);
      return {nullptr, kJapanese};
    case 6:
      *storage = absl::StrCat(share, "% 할인");
      return {nullptr, kKorean};
    default:
      *storage = absl::StrCat(share / 10 + 1, "折优惠");
      return {nullptr, kChinese};
  }
}

int Share(int of, double share) { return std::max(8, static_cast<int>(of * share)); }

}  // namespace

OverlaySpec RandomOverlay(absl::BitGenRef random, int image_size) {
  OverlaySpec spec;
  spec.kind = static_cast<OverlayKind>(absl::Uniform(random, 0, kOverlayKinds));
  if (spec.kind == OverlayKind::kPriceTag || absl::Bernoulli(random, 0.3)) {
    spec.font = RandomNumber(random, &spec.text).font;
  } else {
    const Phrase& phrase = kPhrases[absl::Uniform(random, std::size_t{0}, std::size(kPhrases))];
    spec.text = phrase.text;
    spec.font = phrase.font;
  }
  const Colors& colors = kColors[absl::Uniform(random, std::size_t{0}, std::size(kColors))];
  spec.text_color = colors.text;
  spec.fill_color = colors.fill;
  const double size = absl::Uniform(random, 0.0, 1.0);
  const double tilt = absl::Bernoulli(random, 0.35) ? absl::Uniform(random, -20.0, 20.0) : 0;
  switch (spec.kind) {
    case OverlayKind::kText:
    case OverlayKind::kRibbon:
      spec.width = Share(image_size, 0.55 + 0.4 * size);
      spec.height = Share(spec.width, 0.2 + 0.14 * size);
      spec.angle = tilt;
      // Room for the corners of a tilted line.
      if (tilt != 0) spec.height = Share(spec.width, 0.5);
      break;
    case OverlayKind::kBanner:
      spec.width = image_size;
      spec.height = Share(image_size, 0.13 + 0.12 * size);
      break;
    case OverlayKind::kPriceTag:
      spec.width = Share(image_size, 0.38 + 0.25 * size);
      spec.height = Share(spec.width, 0.4);
      spec.angle = 0;
      break;
    case OverlayKind::kCircle:
    case OverlayKind::kStar:
      spec.width = Share(image_size, 0.3 + 0.22 * size);
      spec.height = spec.width;
      spec.angle = tilt;
      break;
    case OverlayKind::kWatermark:
      spec.width = image_size;
      spec.height = image_size;
      spec.opacity = absl::Uniform(random, 0.3, 0.6);
      break;
    case OverlayKind::kBorder:
      spec.width = image_size;
      spec.height = image_size;
      break;
  }
  const int room_x = std::max(0, image_size - spec.width);
  const int room_y = std::max(0, image_size - spec.height);
  spec.x = absl::Uniform(absl::IntervalClosed, random, 0, room_x);
  spec.y = absl::Uniform(absl::IntervalClosed, random, 0, room_y);
  // Sellers like edges: two thirds of the smaller ones sit in a corner.
  if (absl::Bernoulli(random, 0.66)) {
    spec.x = absl::Bernoulli(random, 0.5) ? room_x : 0;
    spec.y = absl::Bernoulli(random, 0.5) ? room_y : 0;
  }
  return spec;
}

}  // namespace mannequin
