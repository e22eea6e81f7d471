#include "common/image/jpeg_quality.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>

#include "absl/strings/match.h"
#include "common/image/bytes.h"

namespace mannequin {
namespace {

// ITU-T T.81, table K.1, in the zigzag order of a DQT segment.
constexpr std::array<int, 64> kBase = {16, 11, 12,  14,  12,  10, 16, 14,  13,  14,  18,  17,  16, 19,  24,  40,
                                       26, 24, 22,  22,  24,  49, 35, 37,  29,  40,  58,  51,  61, 60,  57,  51,
                                       56, 55, 64,  72,  92,  78, 64, 68,  87,  69,  55,  56,  80, 109, 81,  87,
                                       95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99};

int QualityOf(const std::array<int, 64>& table) {
  int nearest = 1, least = 1 << 30;
  for (int quality = 1; quality <= 100; ++quality) {
    // As the library's jpeg_quality_scaling and jpeg_add_quant_table, for 8 bits.
    const int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    int off = 0;
    for (std::size_t i = 0; i < kBase.size(); ++i) {
      off += std::abs(table[i] - std::clamp((kBase[i] * scale + 50) / 100, 1, 255));
    }
    if (off > least) continue;
    least = off;
    nearest = quality;
  }
  return nearest;
}

}  // namespace

std::optional<int> JpegQuality(absl::string_view bytes) {
  if (!absl::StartsWith(bytes, "\xff\xd8")) return std::nullopt;
  // Segments until the scan: marker, length of itself and the rest, content (T.81, B.1.1.4).
  for (std::size_t at = 2; at + 4 <= bytes.size();) {
    if (Byte(bytes, at) != 0xff) return std::nullopt;
    const std::uint32_t marker = Byte(bytes, at + 1);
    if (marker == 0xff) {
      ++at;  // fill
      continue;
    }
    if (marker == 0xda || marker == 0xd9) return std::nullopt;
    const std::size_t end = at + 2 + Big16(bytes, at + 2);
    if (end > bytes.size() || end < at + 4) return std::nullopt;
    std::size_t table = at + 4;
    while (marker == 0xdb && table < end) {
      const bool wide = Byte(bytes, table) >> 4 != 0;
      const std::size_t length = 1 + (wide ? 128 : 64);
      if (table + length > end) return std::nullopt;
      if ((Byte(bytes, table) & 0xf) == 0) {
        std::array<int, 64> steps;
        for (std::size_t i = 0; i < steps.size(); ++i) {
          steps[i] = static_cast<int>(wide ? Big16(bytes, table + 1 + 2 * i) : Byte(bytes, table + 1 + i));
        }
        return QualityOf(steps);
      }
      table += length;
    }
    at = end;
  }
  return std::nullopt;
}

}  // namespace mannequin
