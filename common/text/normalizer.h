// The one way in which product text becomes words. Training, serving and search call
// this function, so that they agree.
//
//   ASSIGN_OR_RETURN(std::string words, Normalize("Levi&#39;s&reg; MEN  Jeans, jeans"));
//   // "levi s men jeans"
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// Raised with every change of what Normalize answers: a model of another version is
// refused, since its vocabulary would not fit.
inline constexpr int kNormalizerVersion = 1;

inline constexpr int kMaxTextBytes = 65'536;

// In this order:
// 1. HTML entities are decoded, twice ("&amp;amp;" is common in catalogues).
// 2. Trademark signs go; then Unicode NFKC with case folding (SentencePiece's rule
//    nmt_nfkc_cf).
// 3. Everything that is no letter, digit or mark becomes a space: ASCII and Latin-1
//    punctuation, general and CJK punctuation, control characters. Emoji and other
//    symbols stay: they are words, which a model may know or not.
// 4. Words are joined by one space; a word equal to the one before it is left out.
// INVALID_ARGUMENT when it is not UTF-8 or over kMaxTextBytes. Thread-safe.
absl::StatusOr<std::string> Normalize(absl::string_view text);

}  // namespace mannequin
