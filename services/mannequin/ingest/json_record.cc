#include "services/mannequin/ingest/json_record.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/utf8.h"

namespace mannequin {
namespace {

// At most 40 bytes of `text`, as a message can hold them.
std::string Shown(absl::string_view text) {
  return absl::StrReplaceAll(absl::CHexEscape(text.substr(0, 40)), {{"\\'", "'"}});
}

// What a token is, for messages.
std::string Describe(absl::string_view token) {
  switch (token.empty() ? '\0' : token[0]) {
    case '\0':
      return "the end of the line";
    case '[':
      return "a list";
    case '{':
      return "an object";
    case '"': {
      const absl::string_view inside = token.substr(1, token.size() - 2);
      return absl::StrCat("\"", Shown(inside), inside.size() > 40 ? "...\"" : "\"");
    }
  }
  const size_t end = token.find_first_of(" \t,]}");
  return Shown(token.substr(0, std::max<size_t>(end, 1)));
}

// Position behind the string whose opening quote is at `begin`; npos when it does not end.
// `*control`: the first control character in it, npos when there is none.
size_t EndOfString(absl::string_view line, size_t begin, size_t* control) {
  *control = absl::string_view::npos;
  for (size_t i = begin + 1; i < line.size(); ++i) {
    if (line[i] == '"') return i + 1;
    if (static_cast<unsigned char>(line[i]) < 0x20 && *control == absl::string_view::npos) *control = i;
    if (line[i] == '\\') ++i;
  }
  return absl::string_view::npos;
}

// Why `line` is no JSON object as far as quotes and brackets say; column 0 when they do not.
RecordError FaultOfStructure(absl::string_view line) {
  if (const size_t invalid = FindInvalidUtf8(line); invalid != line.size()) {
    return {static_cast<int>(invalid) + 1, "invalid UTF-8"};
  }
  const size_t first = line.find_first_not_of(" \t\r\n");
  if (first == absl::string_view::npos || line[first] != '{') {
    const absl::string_view rest = first == absl::string_view::npos ? "" : line.substr(first);
    return {static_cast<int>(std::min(first, line.size())) + 1,
            absl::StrCat("record: expected a JSON object, got ", Describe(rest))};
  }
  int depth = 0;
  for (size_t i = first; i < line.size();) {
    const char c = line[i];
    if (c == '"') {
      size_t control;
      const size_t end = EndOfString(line, i, &control);
      if (control != absl::string_view::npos) {
        return {static_cast<int>(control) + 1, "a control character inside a string; JSON writes it as an escape"};
      }
      if (end == absl::string_view::npos) return {static_cast<int>(i) + 1, "a string without its closing quote"};
      i = end;
      continue;
    }
    // To simdjson it escapes the quote behind it, here too, and turns inside and outside around.
    if (c == '\\') return {static_cast<int>(i) + 1, "a backslash outside of a string"};
    ++i;
    if (c == '{' || c == '[') ++depth;
    if ((c != '}' && c != ']') || --depth > 0) continue;
    const size_t after = line.find_first_not_of(" \t\r\n", i);
    if (after == absl::string_view::npos) return {};
    return {static_cast<int>(after) + 1, "text after the record"};
  }
  return {static_cast<int>(line.size()) + 1, "the line ends before the record does; was it cut?"};
}

bool IsSurrogate(uint32_t code) { return code >= 0xD800 && code <= 0xDFFF; }

// The four hexadecimal digits at `at`; false when there are not so many.
bool ReadHex4(const char* at, const char* end, uint32_t* code) {
  if (end - at < 4) return false;
  *code = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned char digit = static_cast<unsigned char>(at[i]);
    if (!absl::ascii_isxdigit(digit)) return false;
    *code = *code << 4 | static_cast<uint32_t>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
  }
  return true;
}

}  // namespace

bool JsonRecord::Open(absl::string_view line) {
  if (line.size() > capacity_ || line_ == nullptr) {
    capacity_ = std::max<size_t>(2 * line.size(), 16 << 10);
    line_ = std::make_unique<char[]>(capacity_ + simdjson::SIMDJSON_PADDING);
    decoded_ = std::make_unique<char[]>(capacity_);
    if (const auto code = parser_.allocate(capacity_)) return Fail(line_.get(), simdjson::error_message(code));
  }
  std::memcpy(line_.get(), line.data(), line.size());
  size_ = line.size();
  // Where brackets do not match, simdjson looks for a comma behind the end: it must not find
  // what a longer line left there.
  std::memset(line_.get() + size_, 0, simdjson::SIMDJSON_PADDING);
  decoded_end_ = decoded_.get();
  read_ = line_.get();
  escape_ = NextEscape(read_);
  if (const auto code = parser_.iterate(line_.get(), size_, capacity_ + simdjson::SIMDJSON_PADDING).get(document_)) {
    // As FailSyntax, but there is no document yet whose place could be asked for.
    error_ = FaultOfStructure({line_.get(), size_});
    if (error_.column == 0) error_.what = absl::StrCat("not JSON: ", simdjson::error_message(code));
    return false;
  }
  return true;
}

bool JsonRecord::CheckEnd() {
  const char* rest = nullptr;
  if (document_.current_location().get(rest) == simdjson::OUT_OF_BOUNDS) return true;
  return Fail(rest, "text after the record");
}

bool JsonRecord::Fail(const char* where, std::string what) {
  error_.column = static_cast<int>(where - line_.get()) + 1;
  error_.what = std::move(what);
  return false;
}

// Simdjson says what kind of fault it is; a second look says where and in whose words.
bool JsonRecord::FailSyntax(simdjson::error_code code) {
  const absl::string_view line(line_.get(), size_);
  error_ = FaultOfStructure(line);
  if (error_.column > 0) return false;
  const char* where = nullptr;
  if (document_.current_location().get(where) != simdjson::SUCCESS || where < line.data() ||
      where > line.data() + line.size()) {
    error_ = {0, absl::StrCat("not JSON: ", simdjson::error_message(code))};
    return false;
  }
  const absl::string_view rest = line.substr(static_cast<size_t>(where - line.data()));
  return Fail(where, absl::StrCat("not JSON: a quote, colon, comma or bracket is missing or too much near ",
                                  Describe(rest.substr(0, 42))));
}

bool JsonRecord::FailType(absl::string_view field, absl::string_view expected, JsonValue& value) {
  return FailAt(value, absl::StrCat(field, ": expected ", expected, ", got ", Describe(Token(value))));
}

bool JsonRecord::ReadNumber(absl::string_view field, JsonValue& value, absl::string_view* text) {
  *text = Token(value);
  double number;
  // SimpleAtod takes "inf", "+1" and blanks too.
  const bool begins =
      !text->empty() && ((*text)[0] == '-' || absl::ascii_isdigit(static_cast<unsigned char>((*text)[0])));
  if (begins && absl::SimpleAtod(*text, &number)) return true;
  return FailType(field, "a number", value);
}

bool JsonRecord::ReadBool(absl::string_view field, JsonValue& value, bool* boolean) {
  const absl::string_view token = Token(value);
  *boolean = token == "true";
  return *boolean || token == "false" || FailType(field, "true or false", value);
}

bool JsonRecord::Unescape(absl::string_view field, absl::string_view body, absl::string_view* text) {
  char* const begin = decoded_end_;
  const char* at = body.data();
  const char* const end = at + body.size();
  while (at < end) {
    const void* const found = std::memchr(at, '\\', static_cast<size_t>(end - at));
    const char* const stop = found == nullptr ? end : static_cast<const char*>(found);
    std::memcpy(decoded_end_, at, static_cast<size_t>(stop - at));
    decoded_end_ += stop - at;
    at = stop;
    if (at < end && !UnescapeOne(field, &at, end)) return false;
  }
  *text = absl::string_view(begin, static_cast<size_t>(decoded_end_ - begin));
  return true;
}

// RFC 8259, section 7. `*at` is at a backslash, which a character always follows: the quote
// that ends the string is not escaped.
bool JsonRecord::UnescapeOne(absl::string_view field, const char** at, const char* end) {
  constexpr absl::string_view kEscapes = "\"\\/bfnrt";
  constexpr absl::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char* const escape = *at;
  if (const size_t which = kEscapes.find(escape[1]); which != absl::string_view::npos) {
    *decoded_end_++ = kMeanings[which];
    *at += 2;
    return true;
  }
  uint32_t code;
  if (escape[1] != 'u' || !ReadHex4(escape + 2, end, &code)) {
    return Fail(escape, absl::StrCat(field, ": \"\\", absl::CHexEscape(absl::string_view(escape + 1, 1)),
                                     "\" is no escape of JSON"));
  }
  *at += 6;
  if (IsSurrogate(code)) {
    uint32_t low;
    const bool pair = code < 0xDC00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
                      ReadHex4(*at + 2, end, &low) && low >= 0xDC00 && low <= 0xDFFF;
    if (!pair) {
      return Fail(escape,
                  absl::StrCat(field, ": ", absl::string_view(escape, 6), " is half of a surrogate pair, alone"));
    }
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    *at += 6;
  }
  decoded_end_ = AppendUtf8(code, decoded_end_);
  return true;
}

}  // namespace mannequin
