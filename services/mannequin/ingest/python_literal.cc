#include "services/mannequin/ingest/python_literal.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"

namespace mannequin {
namespace {

bool IsQuote(char c) { return c == '\'' || c == '"'; }
bool IsOctal(char c) { return c >= '0' && c <= '7'; }
bool IsNameCharacter(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool IsSurrogate(uint32_t code_point) { return code_point >= 0xD800 && code_point <= 0xDFFF; }

std::string Hex(uint32_t code_point) { return absl::StrCat("U+", absl::Hex(code_point, absl::kZeroPad4)); }

// What stands at `text`'s beginning, for messages.
std::string Describe(absl::string_view text) {
  if (text.empty()) return "the end of the line";
  switch (text[0]) {
    case '[':
      return "a list";
    case '(':
      return "a tuple";
    case '{':
      return "a dict";
  }
  size_t length = 1;
  if (IsQuote(text[0])) {
    while (length < text.size() && text[length] != text[0]) length += text[length] == '\\' ? 2 : 1;
    const absl::string_view inside = text.substr(1, std::min<size_t>(length - 1, 40));
    return absl::StrCat("\"", absl::CHexEscape(inside), length > 41 ? "...\"" : "\"");
  }
  if (IsNameCharacter(text[0]) || text[0] == '.') {
    while (length < text.size() && (IsNameCharacter(text[length]) || text[length] == '.')) ++length;
  }
  return absl::CHexEscape(text.substr(0, std::min<size_t>(length, 40)));
}

}  // namespace

void LiteralCursor::Reset(absl::string_view text) {
  begin_ = at_ = text.data();
  end_ = text.data() + text.size();
  if (buffer_size_ < text.size()) {
    buffer_size_ = std::max<size_t>(2 * text.size(), 4096);
    buffer_ = std::make_unique<char[]>(buffer_size_);
  }
  decoded_ = buffer_.get();
}

bool LiteralCursor::FailAt(const char* where, absl::string_view what) {
  error_.column = static_cast<int>(where - begin_) + 1;
  error_.what = std::string(what);
  return false;
}

bool LiteralCursor::FailType(absl::string_view field, absl::string_view expected) {
  Peek();
  const absl::string_view rest(at_, static_cast<size_t>(end_ - at_));
  return FailHere(absl::StrCat(field, ": expected ", expected, ", got ", Describe(rest)));
}

bool LiteralCursor::FailSeparator(char close) {
  const char next = Peek();
  const char after = at_ + 1 < end_ ? at_[1] : '\0';
  if (IsQuote(next) || (absl::ascii_isalpha(static_cast<unsigned char>(next)) && IsQuote(after))) {
    return FailHere("two values side by side (Python would join strings; a dump never has that): is a comma missing?");
  }
  const absl::string_view rest(at_, static_cast<size_t>(end_ - at_));
  if (next == '\0' && AtEnd()) {
    return FailHere(absl::StrCat("the line ends before \"", std::string(1, close), "\""));
  }
  return FailHere(absl::StrCat("expected \",\" or \"", std::string(1, close), "\", got ", Describe(rest)));
}

// A string with escapes, with characters beyond ASCII, or with a fault. at_ is behind the
// opening quote.
bool LiteralCursor::ReadHardString(char quote, bool bytes, absl::string_view* value) {
  const char* const opening = at_ - 1;
  char* const begin = decoded_;
  while (true) {
    bool high = false;
    const char* stop = FindStop(at_, quote, &high);
    const absl::string_view run(at_, static_cast<size_t>(stop - at_));
    if (high) {
      const size_t invalid = FindInvalidUtf8(run);
      if (invalid != run.size()) return FailAt(at_ + invalid, "invalid UTF-8");
      if (bytes) return FailHere("a bytes literal holds a character that is not ASCII");
    }
    std::memcpy(decoded_, run.data(), run.size());
    decoded_ += run.size();
    at_ = stop;
    if (stop == end_) return FailAt(opening, "a string without its closing quote");
    if (*stop == quote) {
      ++at_;
      *value = absl::string_view(begin, static_cast<size_t>(decoded_ - begin));
      return true;
    }
    if (*stop == '\\') {
      if (!DecodeEscape(bytes)) return false;
      continue;
    }
    if (*stop == '\0') return FailHere("a NUL byte inside a string");
    if (*stop == '\n' || *stop == '\r') return FailHere("a line break inside a string");
    *decoded_++ = *at_++;  // a raw tab or the like
  }
}

bool LiteralCursor::ReadHex(int digits, const char* escape, uint32_t* code_point) {
  *code_point = 0;
  for (int i = 0; i < digits; ++i) {
    const char digit = at_ < end_ ? *at_ : '\0';
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(digit))) {
      return FailAt(escape, absl::StrCat("\\", std::string(1, escape[1]), " needs ", digits, " hexadecimal digits"));
    }
    const int number = digit <= '9' ? digit - '0' : absl::ascii_tolower(static_cast<unsigned char>(digit)) - 'a' + 10;
    *code_point = *code_point << 4 | static_cast<uint32_t>(number);
    ++at_;
  }
  return true;
}

// at_ is at the backslash.
bool LiteralCursor::DecodeEscape(bool bytes) {
  const char* const escape = at_;
  if (at_ + 1 >= end_) return FailHere("a string ends in a lone backslash");
  const char kind = at_[1];
  at_ += 2;
  constexpr absl::string_view kSimple = "\\'\"abfnrtv";
  constexpr absl::string_view kMeaning = "\\'\"\a\b\f\n\r\t\v";
  if (const size_t simple = kSimple.find(kind); simple != absl::string_view::npos) {
    *decoded_++ = kMeaning[simple];
    return true;
  }
  uint32_t code_point = 0;
  if (IsOctal(kind)) {
    code_point = static_cast<uint32_t>(kind - '0');
    for (int i = 0; i < 2 && at_ < end_ && IsOctal(*at_); ++i) {
      code_point = code_point << 3 | static_cast<uint32_t>(*at_++ - '0');
    }
    if (bytes && code_point > 0xFF) return FailAt(escape, "an octal escape above \\377 in a bytes literal");
  } else if (kind == 'x') {
    if (!ReadHex(2, escape, &code_point)) return false;
  } else if (!bytes && kind == 'u') {
    if (!ReadHex(4, escape, &code_point)) return false;
  } else if (!bytes && kind == 'U') {
    if (!ReadHex(8, escape, &code_point)) return false;
    if (code_point > 0x10FFFF) return FailAt(escape, "\\U names a character above U+10FFFF");
  } else if (!bytes && kind == 'N') {
    return FailAt(escape, "\\N{...} is not read: repr never writes it");
  } else {
    return FailAt(escape, absl::StrCat("unknown escape \\", absl::CHexEscape(absl::string_view(&kind, 1))));
  }
  if (bytes) {
    *decoded_++ = static_cast<char>(code_point);
    return true;
  }
  if (IsSurrogate(code_point)) {
    uint32_t low = 0;
    const bool pair = code_point <= 0xDBFF && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u';
    if (pair) {
      const char* const second = at_;
      at_ += 2;
      if (!ReadHex(4, second, &low)) return false;
    }
    if (low < 0xDC00 || low > 0xDFFF) {
      return FailAt(escape, absl::StrCat("a lone surrogate ", Hex(code_point), " is no character"));
    }
    code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
  }
  decoded_ = AppendUtf8(code_point, decoded_);
  return true;
}

// Not a plain quote: u"..." or a fault.
bool LiteralCursor::ReadOtherString(absl::string_view* value) {
  const char first = Peek();
  const char second = at_ + 1 < end_ ? at_[1] : '\0';
  if ((first == 'u' || first == 'U') && IsQuote(second)) {
    at_ += 2;
    return ReadStringBody(second, value);
  }
  if (IsQuote(second) && (first == 'b' || first == 'B')) return FailHere("expected a string, got a bytes literal");
  if (IsQuote(second) && absl::ascii_isalpha(static_cast<unsigned char>(first))) return SkipPrefixed();
  const absl::string_view rest(at_, static_cast<size_t>(end_ - at_));
  return FailHere(absl::StrCat("expected a string, got ", Describe(rest)));
}

bool LiteralCursor::ReadNumber(absl::string_view* text) {
  Peek();
  const char* const begin = at_;
  const char* p = at_;
  const auto digits = [&] {
    const char* const first = p;
    while (p < end_ && IsDigit(*p)) ++p;
    return p - first;
  };
  if (p < end_ && (*p == '-' || *p == '+')) ++p;
  const char* const first = p;
  const auto whole = digits();
  bool integer = true;
  if (p < end_ && *p == '.') {
    integer = false;
    ++p;
    if (digits() + whole == 0) return FailAt(begin, "a number without digits");
  } else if (whole == 0) {
    return FailAt(begin, "a number without digits");
  }
  if (p < end_ && (*p == 'e' || *p == 'E')) {
    integer = false;
    ++p;
    if (p < end_ && (*p == '-' || *p == '+')) ++p;
    if (digits() == 0) return FailAt(begin, "an exponent without digits");
  }
  if (p < end_ && (IsNameCharacter(*p) || *p == '.')) {
    return FailAt(begin, absl::StrCat("not a decimal number: ", Describe({begin, static_cast<size_t>(end_ - begin)})));
  }
  if (integer && whole > 1 && *first == '0' && std::any_of(first, p, [](char c) { return c != '0'; })) {
    return FailAt(begin, "an integer with leading zeros");
  }
  *text = absl::string_view(begin, static_cast<size_t>(p - begin));
  at_ = p;
  return true;
}

bool LiteralCursor::SkipWord(absl::string_view word) {
  const absl::string_view rest(at_, static_cast<size_t>(end_ - at_));
  if (!absl::StartsWith(rest, word) || (rest.size() > word.size() && IsNameCharacter(rest[word.size()]))) {
    return FailHere(absl::StrCat("expected a literal, got ", Describe(rest)));
  }
  at_ += word.size();
  return true;
}

// A letter and a quote: b"..." or what we refuse.
bool LiteralCursor::SkipPrefixed() {
  const char prefix = *at_;
  const char quote = at_[1];
  absl::string_view dropped;
  switch (prefix) {
    case 'u':
    case 'U':
      at_ += 2;
      return ReadStringBody(quote, &dropped);
    case 'b':
    case 'B':
      at_ += 2;
      return ReadHardString(quote, /*bytes=*/true, &dropped);
    default:
      return FailHere(absl::StrCat("a string with the prefix ", absl::CHexEscape(absl::string_view(&prefix, 1)),
                                   " is not read: repr never writes it"));
  }
}

// Behind "[" or "(".
bool LiteralCursor::SkipItems(char close, int depth, bool hashable) {
  if (Peek() == close) {
    Advance();
    return true;
  }
  for (bool closed = false; !closed;) {
    if (!Skip(depth, hashable) || !NextItem(close, &closed)) return false;
  }
  return true;
}

// Behind "{".
bool LiteralCursor::SkipDict(int depth) {
  if (Peek() == '}') {
    Advance();
    return true;
  }
  for (bool closed = false; !closed;) {
    if (!Skip(depth, /*hashable=*/true)) return false;
    const char next = Peek();
    if (next == ',' || next == '}') return FailHere("a set is not read, only a dict: expected \":\"");
    if (!Colon() || !Skip(depth, /*hashable=*/false) || !NextItem('}', &closed)) return false;
  }
  return true;
}

bool LiteralCursor::Skip(int depth, bool hashable) {
  const char first = Peek();
  absl::string_view dropped;
  switch (first) {
    case '\'':
    case '"':
      Advance();
      return ReadStringBody(first, &dropped);
    case '[':
    case '{':
    case '(':
      if (depth == kMaxDepth) return FailHere(absl::StrCat("more than ", kMaxDepth, " nested containers"));
      if (hashable && first != '(') return FailHere("a list or dict cannot be a dict's key");
      Advance();
      if (first == '{') return SkipDict(depth + 1);
      return SkipItems(first == '[' ? ']' : ')', depth + 1, hashable);
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
    case '-':
    case '+':
    case '.':
      return ReadNumber(&dropped);
    case 'N':
      return SkipWord("None");
    case 'T':
      return SkipWord("True");
    case 'F':
      if (at_ + 1 < end_ && IsQuote(at_[1])) return SkipPrefixed();
      return SkipWord("False");
  }
  if (at_ + 1 < end_ && absl::ascii_isalpha(static_cast<unsigned char>(first)) && IsQuote(at_[1])) {
    return SkipPrefixed();
  }
  const absl::string_view rest(at_, static_cast<size_t>(end_ - at_));
  return FailHere(absl::StrCat("expected a value, got ", Describe(rest)));
}

}  // namespace mannequin
