// What the normaliser must know of a character: whether it stands in a word, and in which
// words it may stand with which others.
#pragma once

#include <cstdint>

namespace mannequin {

enum class CharacterClass : std::uint8_t {
  kSeparator,  // punctuation, blanks, controls, signs such as arrows and currencies
  kIgnored,    // says nothing: joiners, directions, soft hyphen, variation selectors, skin tones
  kMark,       // an accent; belongs to the character before it
  kLetter,     // letters and digits of scripts whose words stand apart: Latin, Greek, Arabic...
  kHangul,
  kHanKana,  // Han, Hiragana, Katakana, Bopomofo
  kThai,
  kLao,
  kKhmer,
  kMyanmar,
  kPictograph,  // emoji of the planes above U+1F000
  kFlag,        // half a flag
};

// `code` is a code point, 0 to 0x10FFFF. What Unicode does not assign, and scripts that no
// catalogue is written in, are kLetter.
CharacterClass ClassOf(std::int32_t code);

// Written without blanks between words.
constexpr bool IsUnspaced(CharacterClass c) {
  return c == CharacterClass::kHanKana || c == CharacterClass::kThai || c == CharacterClass::kLao ||
         c == CharacterClass::kKhmer || c == CharacterClass::kMyanmar;
}

}  // namespace mannequin
