#include "services/mannequin/captioned_sheet.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/base/xml.h"

namespace mannequin {
namespace {

constexpr int kSide = 144, kGap = 12, kLine = 13;
constexpr std::size_t kLines = 3;
constexpr std::size_t kWidth = 24;  // letters of a line
constexpr int kTileHeight = kSide + static_cast<int>(kLines + 1) * kLine + kGap;

// Letters, counting a wide one (East Asian, three bytes and more in UTF-8) twice.
std::size_t WidthOf(absl::string_view text) {
  std::size_t width = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    width += (byte & 0xC0) == 0x80 ? 0 : byte >= 0xE0 ? 2 : 1;
  }
  return width;
}

// The longest head of `text` that is at most `width` wide, between characters.
absl::string_view Head(absl::string_view text, std::size_t width) {
  std::size_t end = 0;
  while (end < text.size()) {
    std::size_t next = end + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    if (WidthOf(text.substr(0, next)) > width) break;
    end = next;
  }
  return text.substr(0, end);
}

std::vector<std::string> Wrapped(absl::string_view text) {
  std::vector<std::string> lines(1);
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (!lines.back().empty() && WidthOf(lines.back()) + 1 + WidthOf(word) > kWidth) lines.emplace_back();
    absl::StrAppend(&lines.back(), lines.back().empty() ? "" : " ", word);
  }
  const bool cut = lines.size() > kLines;
  if (cut) lines.resize(kLines);
  for (std::string& line : lines) {
    const bool last = cut && &line == &lines.back();
    if (last || WidthOf(line) > kWidth) line = absl::StrCat(Head(line, kWidth - 1), "…");
  }
  return lines;
}

}  // namespace

absl::StatusOr<std::string> CaptionedSheet(const std::vector<CaptionedPicture>& pictures, int columns) {
  if (pictures.empty()) return absl::InvalidArgumentError("a sheet of no pictures");
  const int count = static_cast<int>(pictures.size());
  const int across = std::min(columns, count), rows = (count + columns - 1) / columns;
  const int width = across * (kSide + kGap) + kGap, height = rows * kTileHeight + kGap;
  std::string svg = absl::StrFormat(
      "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='%d' height='%d'>"
      "<rect width='100%%' height='100%%' fill='#fff'/>",
      width, height);
  for (int i = 0; i < count; ++i) {
    const CaptionedPicture& picture = pictures[static_cast<std::size_t>(i)];
    const int x = kGap + i % columns * (kSide + kGap);
    int y = kGap + i / columns * kTileHeight;
    ASSIGN_OR_RETURN(const std::string png, EncodeImage(picture.picture, "image/png"));
    absl::StrAppendFormat(&svg, "<image x='%d' y='%d' width='%d' height='%d' xlink:href='data:image/png;base64,%s'/>",
                          x, y, kSide, kSide, absl::Base64Escape(png));
    y += kSide;
    for (const std::string& line : Wrapped(picture.caption)) {
      y += kLine;
      absl::StrAppendFormat(&svg, "<text x='%d' y='%d' font-family='DejaVu Sans' font-size='10' fill='#222'>%s</text>",
                            x, y, EscapeXml(line));
    }
    if (picture.footnote.empty()) continue;
    absl::StrAppendFormat(&svg, "<text x='%d' y='%d' font-family='DejaVu Sans' font-size='9' fill='#888'>%s</text>", x,
                          y + kLine, EscapeXml(Head(picture.footnote, kWidth + 4)));
  }
  absl::StrAppend(&svg, "</svg>");
  ASSIGN_OR_RETURN(const Pixels sheet, RenderSvg(svg));
  return EncodeImage(sheet, "image/png");
}

}  // namespace mannequin
