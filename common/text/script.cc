#include "common/text/script.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"

namespace mannequin {
namespace {

using enum CharacterClass;

struct Range {
  std::int32_t first, last;
  CharacterClass of;
};

// After NFKC and case folding, so that what folds away (full-width forms, ligatures) is not
// here. Sorted; what lies between is kLetter. From Unicode 14's general categories P, S, Z
// and C, gaps of unassigned code points filled in.
constexpr Range kRanges[] = {
    {0x80, 0xAC, kSeparator},  // Latin-1
    {0xAD, 0xAD, kIgnored},    // soft hyphen
    {0xAE, 0xBF, kSeparator},
    {0xD7, 0xD7, kSeparator},
    {0xF7, 0xF7, kSeparator},
    {0x2BC, 0x2BC, kSeparator},  // an apostrophe
    {0x2C2, 0x2C5, kSeparator},
    {0x2D2, 0x2EB, kSeparator},
    {0x2ED, 0x2ED, kSeparator},
    {0x2EF, 0x2FF, kSeparator},
    {0x300, 0x34E, kMark},
    {0x34F, 0x34F, kIgnored},  // grapheme joiner
    {0x350, 0x36F, kMark},
    {0x375, 0x375, kSeparator},
    {0x37E, 0x37E, kSeparator},
    {0x387, 0x387, kSeparator},
    {0x3F6, 0x3F6, kSeparator},
    {0x482, 0x482, kSeparator},
    {0x483, 0x489, kMark},
    {0x55A, 0x55F, kSeparator},  // Armenian
    {0x589, 0x58F, kSeparator},
    {0x5BE, 0x5BE, kSeparator},  // Hebrew
    {0x5C0, 0x5C0, kSeparator},
    {0x5C3, 0x5C3, kSeparator},
    {0x5C6, 0x5C6, kSeparator},
    {0x5F3, 0x60F, kSeparator},  // and Arabic
    {0x61B, 0x61B, kSeparator},
    {0x61C, 0x61C, kIgnored},  // direction
    {0x61D, 0x61F, kSeparator},
    {0x66A, 0x66D, kSeparator},
    {0x6D4, 0x6D4, kSeparator},
    {0x6DD, 0x6DE, kSeparator},
    {0x6E9, 0x6E9, kSeparator},
    {0x6FD, 0x6FE, kSeparator},
    {0x964, 0x965, kSeparator},  // Indic
    {0x970, 0x970, kSeparator},
    {0x9F2, 0x9F3, kSeparator},
    {0x9FA, 0x9FB, kSeparator},
    {0xAF0, 0xAF1, kSeparator},
    {0xBF3, 0xBFA, kSeparator},
    {0xDF4, 0xDF4, kSeparator},
    {0xE00, 0xE3E, kThai},
    {0xE3F, 0xE3F, kSeparator},  // baht
    {0xE40, 0xE4E, kThai},
    {0xE4F, 0xE4F, kSeparator},
    {0xE50, 0xE59, kThai},
    {0xE5A, 0xE5B, kSeparator},
    {0xE80, 0xEFF, kLao},
    {0xF01, 0xF17, kSeparator},  // Tibetan
    {0xF3A, 0xF3D, kSeparator},
    {0x1000, 0x1049, kMyanmar},
    {0x104A, 0x104F, kSeparator},
    {0x1050, 0x109D, kMyanmar},
    {0x109E, 0x109F, kSeparator},
    {0x10FB, 0x10FB, kSeparator},
    {0x1100, 0x115E, kHangul},
    {0x115F, 0x1160, kSeparator},  // fillers
    {0x1161, 0x11FF, kHangul},
    {0x1360, 0x1368, kSeparator},  // Ethiopic
    {0x1390, 0x1399, kSeparator},
    {0x1680, 0x1680, kSeparator},
    {0x1780, 0x17B3, kKhmer},
    {0x17B4, 0x17B5, kIgnored},
    {0x17B6, 0x17D3, kKhmer},
    {0x17D4, 0x17D6, kSeparator},
    {0x17D7, 0x17D7, kKhmer},
    {0x17D8, 0x17DB, kSeparator},
    {0x17DC, 0x17FF, kKhmer},
    {0x1800, 0x180A, kSeparator},  // Mongolian
    {0x180B, 0x180F, kIgnored},
    {0x19E0, 0x19FF, kSeparator},
    {0x1AB0, 0x1AFF, kMark},
    {0x1DC0, 0x1DFF, kMark},
    {0x2000, 0x200B, kSeparator},  // blanks, one of them without width: it stands between words
    {0x200C, 0x200F, kIgnored},    // joiners, directions
    {0x2010, 0x2029, kSeparator},
    {0x202A, 0x202E, kIgnored},  // directions
    {0x202F, 0x205F, kSeparator},
    {0x2060, 0x206F, kIgnored},
    {0x20A0, 0x20CF, kSeparator},  // currencies
    {0x20D0, 0x20DC, kMark},
    {0x20DD, 0x20E4, kIgnored},  // what makes a keycap of a digit
    {0x20E5, 0x20FF, kMark},
    {0x2100, 0x214D, kSeparator},
    {0x214F, 0x214F, kSeparator},
    {0x218A, 0x2BFF, kSeparator},  // arrows, mathematics, boxes, stars, dingbats
    {0x2CE5, 0x2CEA, kSeparator},
    {0x2CF9, 0x2CFF, kSeparator},
    {0x2E00, 0x2E2E, kSeparator},
    {0x2E30, 0x2E7F, kSeparator},
    {0x2E80, 0x2FDF, kHanKana},  // radicals
    {0x2FF0, 0x3004, kSeparator},
    {0x3005, 0x3007, kHanKana},  // repetition marks, zero
    {0x3008, 0x3020, kSeparator},
    {0x3021, 0x3029, kHanKana},
    {0x302A, 0x3030, kSeparator},
    {0x3031, 0x3035, kHanKana},
    {0x3036, 0x3037, kSeparator},
    {0x3038, 0x303C, kHanKana},
    {0x303D, 0x3040, kSeparator},
    {0x3041, 0x3098, kHanKana},
    {0x3099, 0x309A, kMark},  // voicing
    {0x309B, 0x309C, kSeparator},
    {0x309D, 0x309F, kHanKana},
    {0x30A0, 0x30A0, kSeparator},
    {0x30A1, 0x30FA, kHanKana},
    {0x30FB, 0x30FB, kSeparator},
    {0x30FC, 0x312F, kHanKana},
    {0x3130, 0x318F, kHangul},
    {0x3190, 0x319F, kSeparator},
    {0x31A0, 0x31BF, kHanKana},
    {0x31C0, 0x31EF, kSeparator},
    {0x31F0, 0x31FF, kHanKana},
    {0x3200, 0x33FF, kSeparator},
    {0x3400, 0x4DBF, kHanKana},
    {0x4DC0, 0x4DFF, kSeparator},
    {0x4E00, 0x9FFF, kHanKana},
    {0xA490, 0xA4CF, kSeparator},
    {0xA700, 0xA716, kSeparator},
    {0xA720, 0xA721, kSeparator},
    {0xA789, 0xA78A, kSeparator},
    {0xA828, 0xA82B, kSeparator},
    {0xA836, 0xA839, kSeparator},
    {0xA960, 0xA97F, kHangul},
    {0xA9E0, 0xA9FF, kMyanmar},
    {0xAA60, 0xAA76, kMyanmar},
    {0xAA77, 0xAA79, kSeparator},
    {0xAA7A, 0xAA7F, kMyanmar},
    {0xAC00, 0xD7FF, kHangul},
    {0xE000, 0xF8FF, kSeparator},  // private use
    {0xF900, 0xFAFF, kHanKana},
    {0xFD3E, 0xFD4F, kSeparator},
    {0xFDFC, 0xFDFF, kSeparator},
    {0xFE00, 0xFE0F, kIgnored},  // variation selectors
    {0xFE10, 0xFE1F, kSeparator},
    {0xFE20, 0xFE2F, kMark},
    {0xFE30, 0xFE6F, kSeparator},
    {0xFEFF, 0xFEFF, kIgnored},  // byte order mark
    {0xFFF0, 0xFFFF, kSeparator},
    {0x1AFF0, 0x1B16F, kHanKana},
    {0x1F000, 0x1F1AF, kPictograph},
    {0x1F1E6, 0x1F1FF, kFlag},
    {0x1F200, 0x1F3FA, kPictograph},
    {0x1F3FB, 0x1F3FF, kIgnored},  // skin tones
    {0x1F400, 0x1FAFF, kPictograph},
    {0x1FB00, 0x1FBEF, kSeparator},
    {0x20000, 0x3FFFF, kHanKana},
    {0xE0000, 0xE0FFF, kIgnored},
    {0xF0000, 0x10FFFF, kSeparator},  // private use
};

}  // namespace

CharacterClass ClassOf(std::int32_t code) {
  if (code < 0x80) return absl::ascii_isalnum(static_cast<unsigned char>(code)) ? kLetter : kSeparator;
  if (code >= 0xAC00 && code <= 0xD7FF) return kHangul;
  if (code >= 0x4E00 && code <= 0x9FFF) return kHanKana;
  const Range* found = std::lower_bound(std::begin(kRanges), std::end(kRanges), code,
                                        [](const Range& range, std::int32_t c) { return range.last < c; });
  return found != std::end(kRanges) && found->first <= code ? found->of : kLetter;
}

}  // namespace mannequin
