// Reads Python literals as `repr` writes them. Nothing is evaluated.
//
//   LiteralCursor cursor;
//   cursor.Reset("{'asin': 'B00X', 'price': 12.5}");
//   if (!cursor.SkipValue()) return cursor.error();   // {column, what}
//
// Grammar (blanks, tabs and form feeds may stand between tokens):
//
//   value   = string | bytes | number | "None" | "True" | "False" | list | tuple | dict
//   list    = "[" [ value { "," value } [ "," ] ] "]"
//   tuple   = "(" [ value { "," value } [ "," ] ] ")"
//   dict    = "{" [ key ":" value { "," key ":" value } [ "," ] ] "}"
//   key     = a value without list and dict
//   string  = [ "u" | "U" ] quote { character | escape } quote      quote = ' or "
//   bytes   = ( "b" | "B" ) quote { ASCII character | escape } quote
//   escape  = \\ \' \" \a \b \f \n \r \t \v \o \oo \ooo \xhh, and in strings \uhhhh \Uhhhhhhhh
//   number  = [ "-" | "+" ] ( digits | digits "." [digits] | "." digits ) [ ("e"|"E") [sign] digits ]
//
// At most kMaxDepth nested containers. Refused, each with its own words, though Python
// would take it: \N{...}, unknown escapes, r"" and f"" strings, strings side by side,
// sets, hexadecimal and complex numbers, digits with "_". Surrogates must come in pairs
// (a narrow Python 2 wrote them); a pair is one character.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "services/mannequin/ingest/record_error.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mannequin {

// Not thread-safe. After a call returned false the cursor is good for error() and Reset only.
class LiteralCursor {
 public:
  static constexpr int kMaxDepth = 64;

  // `text` must stay while the cursor and the views that it gave are used.
  void Reset(absl::string_view text);

  // The next character that is not a blank; '\0' at the end.
  char Peek() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\f')) ++at_;
    return at_ < end_ ? *at_ : '\0';
  }
  bool AtEnd() const { return at_ == end_; }
  // Takes the character that Peek() showed.
  void Advance() { ++at_; }

  // A string; a view into the text, or into the cursor's own buffer when it had escapes,
  // valid until Reset.
  bool ReadString(absl::string_view* value) {
    const char quote = Peek();
    if (quote != '\'' && quote != '"') return ReadOtherString(value);
    ++at_;
    return ReadStringBody(quote, value);
  }
  // A number, as written.
  bool ReadNumber(absl::string_view* text);
  bool ReadNone() { return SkipWord("None"); }
  // Any value, checked whole and dropped; `depth` containers are around it.
  bool SkipValue(int depth = 0) { return Skip(depth, /*hashable=*/false); }

  // After an item of a container: takes "," or `close`, and says in `closed` whether the
  // container has ended (also after a comma before `close`).
  bool NextItem(char close, bool* closed) {
    char next = Peek();
    if (next == ',') {
      ++at_;
      next = Peek();
      *closed = next == close;
      if (*closed) ++at_;
      return true;
    }
    *closed = true;
    if (next != close) return FailSeparator(close);
    ++at_;
    return true;
  }
  bool Colon() {
    if (Peek() != ':') return FailHere("expected \":\" after a dict's key");
    ++at_;
    return true;
  }

  // Records a fault at the next token: `what`. Always false.
  bool FailHere(absl::string_view what) { return FailAt(at_, what); }
  // Records "`field`: expected `expected`, got <the value here>". Always false.
  bool FailType(absl::string_view field, absl::string_view expected);
  const RecordError& error() const { return error_; }

 private:
#if defined(__SSE2__)
  // A bit a byte.
  struct Stops {
    unsigned found;
    unsigned not_ascii;
  };
  static Stops StopsAt(const char* p, char quote) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i ends =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(quote)), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x0D)), bytes);
    return {static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(ends, controls))),
            static_cast<unsigned>(_mm_movemask_epi8(bytes))};
  }
#endif

  // First of `quote`, backslash and bytes up to 0x0D (NUL and line breaks are among them),
  // or end_. `*high` becomes true when a byte before it is not ASCII.
  const char* FindStop(const char* p, char quote, bool* high) const {
#if defined(__SSE2__)
    for (; end_ - p >= 16; p += 16) {
      const Stops stops = StopsAt(p, quote);
      if (stops.found != 0) {
        *high |= (stops.not_ascii & (stops.found - 1) & ~stops.found) != 0;
        return p + __builtin_ctz(stops.found);
      }
      *high |= stops.not_ascii != 0;
    }
    // Less than 16 bytes are left: look at the text's last 16 and forget those before `p`.
    if (end_ - begin_ >= 16) {
      Stops stops = StopsAt(end_ - 16, quote);
      const int before = 16 - static_cast<int>(end_ - p);
      stops.found >>= before;
      stops.not_ascii >>= before;
      if (stops.found == 0) {
        *high |= stops.not_ascii != 0;
        return end_;
      }
      *high |= (stops.not_ascii & (stops.found - 1) & ~stops.found) != 0;
      return p + __builtin_ctz(stops.found);
    }
#endif
    for (; p < end_; ++p) {
      const unsigned char byte = static_cast<unsigned char>(*p);
      if (*p == quote || *p == '\\' || byte <= 0x0D) break;
      *high |= byte >= 0x80;
    }
    return p;
  }

  // After the opening quote.
  bool ReadStringBody(char quote, absl::string_view* value) {
    bool high = false;
    const char* begin = at_;
    const char* stop = FindStop(begin, quote, &high);
    if (stop == end_ || *stop != quote || high) return ReadHardString(quote, /*bytes=*/false, value);
    *value = absl::string_view(begin, static_cast<size_t>(stop - begin));
    at_ = stop + 1;
    return true;
  }

  bool ReadHardString(char quote, bool bytes, absl::string_view* value);
  bool ReadOtherString(absl::string_view* value);
  bool DecodeEscape(bool bytes);
  bool ReadHex(int digits, const char* escape, uint32_t* code_point);
  bool Skip(int depth, bool hashable);
  bool SkipItems(char close, int depth, bool hashable);
  bool SkipDict(int depth);
  bool SkipPrefixed();
  bool SkipWord(absl::string_view word);
  bool FailAt(const char* where, absl::string_view what);
  bool FailSeparator(char close);

  const char* begin_ = nullptr;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  // Decoded strings. No decoded string is longer than its literal, so one buffer of the
  // text's size holds them all and never moves.
  std::unique_ptr<char[]> buffer_;
  size_t buffer_size_ = 0;
  char* decoded_ = nullptr;
  RecordError error_;
};

}  // namespace mannequin
