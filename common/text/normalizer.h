// The one way in which product text becomes words. Training, serving and search call
// this function, so that they agree.
//
//   ASSIGN_OR_RETURN(std::string words, Normalize("Levi&#39;s&reg; MEN&#39;s 5.5oz Jeans, <b>jeans</b> Nike운동화"));
//   // "levi men 5.5oz jeans nike 운동화"
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// Raised with every change of what Normalize answers: a model of another version is
// refused, since its vocabulary would not fit.
inline constexpr int kNormalizerVersion = 2;

inline constexpr int kMaxTextBytes = 65'536;

// In this order:
// 1. HTML entities are decoded, twice ("&amp;amp;" is common in catalogues); tags and
//    comments become blanks (html_tags.h).
// 2. Trademark signs and control characters become blanks. Joiners, direction marks, soft
//    hyphens, variation selectors, byte order marks and skin tones go without a trace:
//    "com\u00ADpact" is "compact", an emoji of a family is the emoji of its members.
// 3. Unicode NFKC with case folding (SentencePiece's rule nmt_nfkc_cf), until it changes
//    nothing: full-width Latin, half-width Kana, ligatures, loose jamo and accents.
// 4. What is no letter, digit or accent ends a word, but for
//      5.5, 1.2.3          a point between digits stays
//      1,000,000           a comma before three digits goes: "1000000"; "38,39" are two words
//      10×20               between digits is "10x20"
//      men's, o'neill      a possessive goes as a whole: "men"; any other apostrophe between
//                          letters goes alone: "oneill"; "80's" is "80s"
//    The apostrophe may be ' ` ’ ‘ or ʼ. Hyphens end a word: "t-shirt" is "t shirt".
// 5. A word is of one kind of script (script.h): it ends where letters and digits of Latin,
//    Greek, Cyrillic, ... meet Hangul, where either meets Han and Kana, or Thai, Lao, Khmer,
//    Myanmar: "s23c550h모니터" is "s23c550h 모니터" and "3개" is "3 개", since sellers write
//    both forms. Han and Kana stay together, see IsUnspacedScript. Each emoji is a word.
// 6. Words are joined by one blank. A word equal to the one before it is left out, and so
//    is a pair of words equal to the pair before it: "red shirt red shirt" is "red shirt".
//
// The answer is UTF-8, of at most kMaxTextBytes, and Normalize leaves it as it is.
// INVALID_ARGUMENT when the text is not UTF-8, or it or its words are over kMaxTextBytes;
// INTERNAL when SentencePiece fails.
// Time is linear in the text. Thread-safe.
absl::StatusOr<std::string> Normalize(absl::string_view text);

// Whether a word of Normalize's is written in a script without blanks between words (Han,
// Kana, Thai, Lao, Khmer, Myanmar): it is likely a phrase, which a vocabulary shall take
// by its pieces.
bool IsUnspacedScript(absl::string_view word);

}  // namespace mannequin
