// Drawn as SVG: librsvg lays the text out through Pango, in any script.
#include "services/generator/category_card.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/utf8.h"
#include "common/base/xml.h"

namespace mannequin {
namespace {

constexpr char kFonts[] = "DejaVu Sans, Noto Sans CJK KR, sans-serif";
constexpr std::size_t kLines = 3;
// Of a card of 100 units a side.
constexpr double kWidth = 80, kLargest = 13, kLine = 1.22;

// Width of a character in units of the font's size, from above.
double EmsOf(absl::string_view character) {
  const auto byte = static_cast<std::uint8_t>(character[0]);
  if (byte >= 0xe1) return 1.02;  // Hangul, Kana, Han
  if (byte == ' ' || byte == '.' || byte == ',' || byte == 'i' || byte == 'l' || byte == 'I') return 0.36;
  if (byte == 'W' || byte == 'M' || byte == 'm' || byte == 'w' || byte == '%' || byte == '&') return 1.0;
  return 0.68;
}

std::vector<absl::string_view> Characters(absl::string_view text) {
  std::vector<absl::string_view> characters;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = std::max<std::size_t>(1, Utf8Length(text, at));
    characters.push_back(text.substr(at, length));
    at += length;
  }
  return characters;
}

double EmsOfLine(absl::string_view text) {
  double ems = 0;
  for (const absl::string_view character : Characters(text)) ems += EmsOf(character);
  return ems;
}

// `word` in pieces of at most `ems`.
std::vector<std::string> Pieces(absl::string_view word, double ems) {
  std::vector<std::string> pieces(1);
  for (const absl::string_view character : Characters(word)) {
    if (!pieces.back().empty() && EmsOfLine(pieces.back()) + EmsOf(character) > ems) pieces.emplace_back();
    absl::StrAppend(&pieces.back(), character);
  }
  return pieces;
}

// Lines of at most `ems`, broken between words; a word that is longer is broken within.
std::vector<std::string> Wrapped(absl::string_view text, double ems) {
  std::vector<std::string> lines(1);
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    for (const std::string& piece : Pieces(word, ems)) {
      if (!lines.back().empty() && EmsOfLine(lines.back()) + 0.36 + EmsOfLine(piece) > ems) lines.emplace_back();
      absl::StrAppend(&lines.back(), lines.back().empty() ? "" : " ", piece);
    }
  }
  return lines;
}

struct Block {
  std::vector<std::string> lines;
  double size = 0;
};

// The name in the largest letters in which its words stay whole on three lines; one that has
// no such size is cut at the smallest.
Block Fit(absl::string_view name) {
  Block block;
  double widest_word = 0;
  for (const absl::string_view word : absl::StrSplit(name, ' ', absl::SkipEmpty())) {
    widest_word = std::max(widest_word, EmsOfLine(word));
  }
  for (block.size = kLargest; block.size > 6; block.size -= 0.5) {
    block.lines = Wrapped(name, kWidth / block.size);
    if (block.lines.size() <= kLines && widest_word * block.size <= kWidth) return block;
  }
  block.lines = Wrapped(name, kWidth / block.size);
  if (block.lines.size() > kLines) {
    block.lines.resize(kLines);
    absl::StrAppend(&block.lines.back(), "…");
  }
  return block;
}

absl::string_view NoPictureYet(absl::string_view language) {
  if (language == "en") return "No picture yet";
  if (language == "ko") return "아직 사진이 없습니다";
  return "";
}

std::string Text(double y, double size, absl::string_view weight, absl::string_view color, absl::string_view text) {
  return absl::StrFormat(
      "<text x='50' y='%.2f' font-family='%s' font-size='%.2f' font-weight='%s' text-anchor='middle' fill='%s'>%s"
      "</text>",
      y, kFonts, size, weight, color, EscapeXml(text));
}

}  // namespace

bool HasCardLanguage(absl::string_view language) { return !NoPictureYet(language).empty(); }

absl::StatusOr<Pixels> CategoryCard(absl::string_view category, absl::string_view language, int side) {
  const absl::string_view words = NoPictureYet(language);
  if (words.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("language: \"", language, "\", expected en or ko"));
  }
  const Block name = Fit(category);
  const double name_height = static_cast<double>(name.lines.size()) * name.size * kLine;
  std::string svg = absl::StrFormat(
      "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 100 100'>"
      "<rect width='100' height='100' fill='#e4e5e7'/>"
      "<rect x='5' y='5' width='90' height='90' rx='3' fill='none' stroke='#b4b7bc' stroke-width='0.8'"
      " stroke-dasharray='2.4 2'/>",
      side, side);
  // The name stands in the middle of what the rule and the line under it leave.
  double y = 45 - name_height / 2 + name.size * 0.92;
  for (const std::string& line : name.lines) {
    absl::StrAppend(&svg, Text(y, name.size, "bold", "#4a4e55", line));
    y += name.size * kLine;
  }
  absl::StrAppend(&svg, "<path d='M42 73H58' stroke='#b4b7bc' stroke-width='0.8'/>",
                  Text(83, 6.2, "normal", "#73777e", words), "</svg>");
  return RenderSvg(svg);
}

}  // namespace mannequin
