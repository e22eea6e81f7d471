#include "tests/bench/not_available/cards.h"

#include <vips/vips.h>

#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/image/image.h"

namespace mannequin {
namespace {

struct Drawing {
  const char* name;
  const char* svg;  // on 100 by 100; FG and BG are the card's colours
};

constexpr Drawing kIcons[] = {
    {"camera",
     "<rect x='10' y='28' width='80' height='52' rx='8' fill='FG'/><path d='M34 28l6-12h20l6 12z' fill='FG'/>"
     "<circle cx='50' cy='54' r='18' fill='BG'/><circle cx='50' cy='54' r='11' fill='FG'/>"},
    {"camera, outlined",
     "<g fill='none' stroke='FG' stroke-width='5'><rect x='10' y='28' width='80' height='52' rx='8'/>"
     "<path d='M34 28l6-12h20l6 12'/><circle cx='50' cy='54' r='15'/></g>"},
    {"camera, crossed out",
     "<rect x='10' y='28' width='80' height='52' rx='8' fill='FG'/><circle cx='50' cy='54' r='16' fill='BG'/>"
     "<path d='M12 92L90 10' stroke='BG' stroke-width='12'/><path d='M12 92L90 10' stroke='FG' stroke-width='5'/>"},
    {"picture",
     "<rect x='8' y='16' width='84' height='68' fill='none' stroke='FG' stroke-width='6'/>"
     "<circle cx='30' cy='38' r='8' fill='FG'/><path d='M14 78l24-26 14 14 18-24 18 36z' fill='FG'/>"},
    {"picture, crossed out",
     "<rect x='8' y='16' width='84' height='68' fill='none' stroke='FG' stroke-width='5'/>"
     "<path d='M14 78l24-26 14 14 18-24 18 36z' fill='FG'/><path d='M8 16L92 84' stroke='FG' stroke-width='5'/>"},
    {"picture, filled",
     "<rect x='6' y='14' width='88' height='72' rx='6' fill='FG'/><circle cx='30' cy='36' r='9' fill='BG'/>"
     "<path d='M12 80l26-28 14 14 18-24 20 38z' fill='BG'/>"},
    {"broken picture",
     "<path d='M14 8h52l20 20v20l-18 14-18-14-18 14-18-14z' fill='FG'/><path d='M14 92V66l18 12 18-12 18 12 18-12v26z' "
     "fill='FG'/>"},
    {"box with diagonals",
     "<g stroke='FG' stroke-width='3' fill='none'><rect x='4' y='4' width='92' height='92'/>"
     "<path d='M4 4L96 96M96 4L4 96'/></g>"},
    {"stop sign",
     "<circle cx='50' cy='50' r='38' fill='none' stroke='FG' stroke-width='9'/><path d='M24 24L76 76' stroke='FG' "
     "stroke-width='9'/>"},
    {"hanger", "<path d='M50 40V30a9 9 0 1 0-9-9M50 40L92 72H8z' fill='none' stroke='FG' stroke-width='5'/>"},
    {"parcel",
     "<path d='M50 8L92 28V72L50 92L8 72V28z' fill='FG'/><path d='M8 28L50 48L92 28M50 48V92' stroke='BG' "
     "stroke-width='4' fill='none'/>"},
};

constexpr const char* kWords[] = {
    "No image available",
    "Image not available",
    "Photo coming soon",
    "NO IMAGE",
    "NO PHOTO",
    "Image coming soon",
    "Kein Bild verfügbar",
    "이미지 준비중",
    "이미지 없음",
    "画像がありません",
    "準備中",
    "暂无图片",
    "图片不存在",
    "Imagen no disponible",
    "Sin imagen",
    "Image non disponible",
    "Immagine non disponibile",
    "Нет фото",
    "Brak zdjęcia",
    "Geen afbeelding",
    "Resim yok",
    "لا توجد صورة",
    "Sem imagem",
};

struct Palette {
  const char* name;
  const char* back;
  const char* front;
};

constexpr Palette kPalettes[] = {
    {"grey on white", "#ffffff", "#999999"},
    {"light grey on white", "#ffffff", "#cccccc"},
    {"grey on near-white", "#f5f5f5", "#b5b5b5"},
    {"grey on light grey", "#eeeeee", "#aaaaaa"},
    {"dark on grey", "#e0e0e0", "#707070"},
    {"white on grey", "#cccccc", "#ffffff"},
    {"dark on near-white", "#f0f0f0", "#333333"},
    {"black on white", "#ffffff", "#000000"},
    {"blue-grey", "#eef3f8", "#8aa4c0"},
    {"red on white", "#ffffff", "#c83232"},
    {"grey on grey", "#d8d8d8", "#9a9a9a"},
    {"teal on white", "#ffffff", "#2a9d8f"},
    {"faint", "#fafafa", "#dcdcdc"},
    {"white on blue", "#4a7ab0", "#ffffff"},
};

struct Shape {
  int width;
  int height;
};
constexpr Shape kShapes[] = {{100, 100}, {150, 150}, {200, 200}, {224, 224}, {300, 300},
                             {240, 320}, {400, 400}, {500, 500}, {600, 450}, {600, 600}};

constexpr const char* kEncodings[] = {".jpg[Q=75]", ".png", ".jpg[Q=90]", ".gif", ".jpg[Q=50]"};

std::string Svg(const Drawing* icon, const char* words, const Palette& palette, const Shape& shape) {
  std::string svg = absl::StrFormat(
      "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d'><rect width='%d' height='%d' fill='BG'/>",
      shape.width, shape.height, shape.width, shape.height);
  const int shorter = std::min(shape.width, shape.height);
  if (icon != nullptr) {
    const double side = shorter * (words == nullptr ? 0.55 : 0.42);
    const double top = words == nullptr ? (shape.height - side) / 2 : shape.height * 0.42 - side / 2;
    absl::StrAppendFormat(&svg, "<g transform='translate(%.2f %.2f) scale(%.4f)'>%s</g>", (shape.width - side) / 2, top,
                          side / 100, icon->svg);
  }
  if (words != nullptr) {
    // Letters as large as a line of 20 of them lets them be.
    absl::StrAppendFormat(&svg,
                          "<text x='%d' y='%.1f' font-family='DejaVu Sans, Noto Sans CJK KR' font-size='%.1f' "
                          "text-anchor='middle' fill='FG'>%s</text>",
                          shape.width / 2, shape.height * (icon != nullptr ? 0.80 : 0.53), shape.width * 0.075, words);
  }
  absl::StrAppend(&svg, "</svg>");
  return absl::StrReplaceAll(svg, {{"BG", palette.back}, {"FG", palette.front}});
}

std::string Encode(const Pixels& pixels, const char* suffix) {
  VipsImage* image = vips_image_new_from_memory(pixels.rgb.data(), pixels.rgb.size(), pixels.width, pixels.height, 3,
                                                VIPS_FORMAT_UCHAR);
  image->Type = VIPS_INTERPRETATION_sRGB;
  void* buffer = nullptr;
  std::size_t size = 0;
  if (vips_image_write_to_buffer(image, suffix, &buffer, &size, nullptr) != 0) {
    std::fprintf(stderr, "cards: %s\n", vips_error_buffer());
    std::abort();
  }
  std::string bytes(static_cast<char*>(buffer), size);
  g_free(buffer);
  g_object_unref(image);
  return bytes;
}

}  // namespace

std::vector<Card> DrawCards() {
  std::vector<Card> cards;
  std::size_t n = 0;
  const auto add = [&](const Drawing* icon, const char* words) {
    // Steps that share no factor with the lists' lengths: all combinations come by turns.
    const Palette& palette = kPalettes[(n * 5 + n / 14) % std::size(kPalettes)];
    const Shape& shape = kShapes[(n * 3 + n / 10) % std::size(kShapes)];
    const char* encoding = kEncodings[n % std::size(kEncodings)];
    ++n;
    Card& card = cards.emplace_back();
    card.name = absl::StrCat(icon != nullptr ? icon->name : "", icon != nullptr && words != nullptr ? ", " : "",
                             words != nullptr ? words : "", ": ", palette.name, ", ", shape.width, "x", shape.height,
                             " ", encoding);
    card.bytes = Encode(RenderSvg(Svg(icon, words, palette, shape)).value(), encoding);
  };
  for (int round = 0; round < 3; ++round) {
    for (const Drawing& icon : kIcons) add(&icon, nullptr);
    for (const char* words : kWords) add(nullptr, words);
  }
  for (std::size_t i = 0; i < std::size(kIcons); ++i) {
    for (std::size_t k = 0; k < 10; ++k) add(&kIcons[i], kWords[(i * 10 + k) % std::size(kWords)]);
  }
  return cards;
}

}  // namespace mannequin
