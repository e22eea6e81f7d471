#include "common/text/normalizer.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/utf8.h"
#include "common/text/html_entities.h"
#include "common/text/html_tags.h"
#include "common/text/script.h"
#include "common/text/tokenizer.h"
#include "common/text/utf8.h"
#include "common/text/word_joiner.h"

namespace mannequin {
namespace {

bool IsTrademarkSign(std::int32_t code) {
  return code == 0xA9 || code == 0xAE || code == 0x2122 || code == 0x2120 || code == 0x2117;
}

bool IsControl(std::int32_t code) { return code < 0x20 || (code >= 0x7F && code <= 0x9F); }

bool IsAscii(absl::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) < 0; });
}

// Whether folding leaves it as it is, whatever of these stands beside it: Hangul syllables,
// common Han and Kana, small letters of Latin-1 and Russian, quotation marks and dashes,
// most emoji. Folding costs ten times all else, and most text has nothing else.
bool IsFolded(std::int32_t code) {
  return (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0x4E00 && code <= 0x9FFF) ||
         (code >= 0x3041 && code <= 0x3096) || (code >= 0x30A1 && code <= 0x30FE) || code == 0xD7 ||
         (code >= 0xE0 && code <= 0xFF) || (code >= 0x430 && code <= 0x44F) || code == 0x2013 || code == 0x2014 ||
         (code >= 0x2018 && code <= 0x201F) || code == 0x2022 || (code >= 0x1F300 && code <= 0x1FAFF);
}

// What must go before the folding, which would make letters of trademark signs and blanks
// of joiners. Latin letters are lowered here, since most text is then folded already, which
// `is_folded` says.
std::string Prepared(absl::string_view text, bool* is_folded) {
  std::string out;
  out.reserve(text.size() + 1);
  *is_folded = true;
  while (!text.empty()) {
    const absl::string_view before = text;
    const std::int32_t code = TakeCodePoint(text);
    if (IsTrademarkSign(code) || IsControl(code) || code == ' ') {
      if (!out.empty() && out.back() != ' ') out.push_back(' ');
    } else if (code < 0x80) {
      out.push_back(absl::ascii_tolower(static_cast<unsigned char>(code)));
    } else if (ClassOf(code) != CharacterClass::kIgnored) {
      out.append(before.data(), before.size() - text.size());
      *is_folded = *is_folded && IsFolded(code);
    }
  }
  return out;
}

// Folded until it stays as it is: what one pass puts side by side may compose in the next.
absl::StatusOr<std::string> Folded(std::string text) {
  constexpr int kPasses = 4;  // more than two have not been seen
  for (int pass = 0; pass < kPasses; ++pass) {
    ASSIGN_OR_RETURN(std::string next, FoldUnicode(text));
    next.erase(0, next.find_first_not_of(' '));
    if (next == text) break;
    text = std::move(next);
  }
  return text;
}

bool IsDigit(absl::string_view text, std::size_t at) {
  return at < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[at]));
}

bool IsAsciiLetter(absl::string_view text) {
  return !text.empty() && absl::ascii_isalpha(static_cast<unsigned char>(text[0]));
}

// Letters that an apostrophe may stand between. No accents: one that lost the apostrophe
// before it would compose with the letter before that.
bool IsApostropheLetter(std::int32_t code) {
  if (code < 0x80) return absl::ascii_isalpha(static_cast<unsigned char>(code));
  return (code < 0x250 || (code >= 0x370 && code <= 0x52F) || (code >= 0x1E00 && code <= 0x1FFF)) &&
         ClassOf(code) == CharacterClass::kLetter;
}

bool IsApostrophe(std::int32_t code) {
  return code == '\'' || code == '`' || code == 0x2018 || code == 0x2019 || code == 0x2BC;
}

// The character that `text` begins with, or 0 at its end.
std::int32_t Peek(absl::string_view text) { return text.empty() ? 0 : TakeCodePoint(text); }

// Whether `text` begins with an "s" that is its word's last letter.
bool IsFinalS(absl::string_view text) {
  if (text.empty() || absl::ascii_tolower(static_cast<unsigned char>(text[0])) != 's') return false;
  const CharacterClass next = ClassOf(Peek(text.substr(1)));
  return next != CharacterClass::kLetter && next != CharacterClass::kMark;
}

class WordReader {
 public:
  explicit WordReader(absl::string_view text) : text_(text), out_(text.size()) {}

  std::string Read() && {
    while (at_ < text_.size()) {
      const auto first = static_cast<unsigned char>(text_[at_]);
      if (const char lower = kLower[first & 0x7F]; first < 0x80 && lower != 0) {
        if (kind_ != CharacterClass::kLetter) Begin(CharacterClass::kLetter);
        out_.Add(lower);
        last_ = lower;
        ++at_;
      } else {
        ReadOther(first);
      }
    }
    out_.EndWord();
    return std::move(out_).Take();
  }

 private:
  static constexpr std::array<char, 128> kLower = [] {
    std::array<char, 128> lower{};
    for (int c = '0'; c <= '9'; ++c) lower[c] = static_cast<char>(c);
    for (int c = 'a'; c <= 'z'; ++c) lower[c] = lower[c - 'a' + 'A'] = static_cast<char>(c);
    return lower;
  }();

  void Begin(CharacterClass kind) {
    out_.EndWord();
    kind_ = kind;
    last_ = 0;
  }

  bool LastIsDigit() const { return last_ >= '0' && last_ <= '9'; }

  void ReadOther(unsigned char first) {
    absl::string_view rest = text_.substr(at_);
    const std::int32_t code = first < 0x80 ? first : TakeCodePoint(rest);
    const std::size_t next = first < 0x80 ? at_ + 1 : text_.size() - rest.size();
    if (IsApostrophe(code)) return ReadApostrophe(next);
    if (LastIsDigit() && IsDigit(text_, next) && (code == '.' || code == ',' || code == 0xD7)) {
      return ReadBetweenDigits(code, next);
    }
    const CharacterClass kind = ClassOf(code);
    switch (kind) {
      case CharacterClass::kSeparator:
      case CharacterClass::kIgnored:
        Begin(CharacterClass::kSeparator);
        break;
      case CharacterClass::kMark:
        // One without a letter before it says nothing.
        if (kind_ != CharacterClass::kSeparator) out_.Add(text_.substr(at_, next - at_));
        last_ = code;
        break;
      default:
        if (kind != kind_ || kind == CharacterClass::kPictograph) Begin(kind);
        out_.Add(text_.substr(at_, next - at_));
        last_ = code;
    }
    at_ = next;
  }

  void ReadApostrophe(std::size_t next) {
    at_ = next;
    const absl::string_view rest = text_.substr(next);
    const bool letters = IsApostropheLetter(last_) && IsApostropheLetter(Peek(rest));
    if (letters && IsFinalS(rest)) {
      ++at_;
      Begin(CharacterClass::kSeparator);
    } else if (!letters && !(LastIsDigit() && IsAsciiLetter(rest))) {
      Begin(CharacterClass::kSeparator);
    }
  }

  void ReadBetweenDigits(std::int32_t code, std::size_t next) {
    at_ = next;
    if (code == '.') {
      out_.Add('.');
    } else if (code == 0xD7) {
      out_.Add('x');
      last_ = 'x';
    } else if (!(IsDigit(text_, next + 1) && IsDigit(text_, next + 2) && !IsDigit(text_, next + 3))) {
      Begin(CharacterClass::kSeparator);
    }
  }

  const absl::string_view text_;
  std::size_t at_ = 0;
  WordJoiner out_;
  CharacterClass kind_ = CharacterClass::kSeparator;  // of the word that is open, if one is
  std::int32_t last_ = 0;                             // its last character
};

absl::Status TooLong(absl::string_view what, std::size_t bytes) {
  return absl::InvalidArgumentError(
      absl::StrCat("text: ", what, bytes, " bytes are over the bound of ", kMaxTextBytes));
}

}  // namespace

absl::StatusOr<std::string> Normalize(absl::string_view text) {
  if (text.size() > kMaxTextBytes) return TooLong("", text.size());
  std::string decoded;
  if (text.find('&') != absl::string_view::npos) {
    decoded = DecodeHtmlEntities(DecodeHtmlEntities(text));
    text = decoded;
  }
  std::string untagged;
  if (text.find('<') != absl::string_view::npos) {
    untagged = WithoutHtmlTags(text);
    text = untagged;
  }
  if (IsAscii(text)) return WordReader(text).Read();
  if (const std::size_t fault = FindInvalidUtf8(text); fault != text.size()) {
    return absl::InvalidArgumentError(absl::StrCat("text: not UTF-8 at byte ", fault));
  }
  bool is_folded;
  std::string folded = Prepared(text, &is_folded);
  if (!is_folded) {
    ASSIGN_OR_RETURN(folded, Folded(std::move(folded)));
  }
  std::string words = WordReader(folded).Read();
  if (words.size() > kMaxTextBytes) return TooLong("its words' ", words.size());
  return words;
}

bool IsUnspacedScript(absl::string_view word) { return !word.empty() && IsUnspaced(ClassOf(std::max(0, Peek(word)))); }

}  // namespace mannequin
