// Reads one JSON object, a line of a catalogue, field by field (simdjson, on demand).
//
//   JsonRecord record;
//   const bool read = record.Open(line) && record.ForEachField([&](absl::string_view key, JsonValue& value) {
//     if (key == "title") return record.ReadText(key, value, &title);
//     return true;                                    // a value that is not read is skipped
//   });
//   if (!read) return record.error();                 // {column, what}
//
// The line is copied once, because simdjson reads up to 64 bytes behind its end; nothing is
// allocated unless a line is longer than all before it. Checked of the whole line: UTF-8,
// control characters and quotes of strings, text behind the record. A value that is skipped
// is checked for no more than that and its brackets. Strings are taken by their tokens and
// decoded here: simdjson 3.0 takes a lone low surrogate, which UTF-8 does not have, and
// names no place.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "absl/base/attributes.h"
#include "absl/strings/string_view.h"
#include "services/mannequin/ingest/record_error.h"
#include "simdjson.h"

namespace mannequin {

using JsonValue = simdjson::ondemand::value;

// Not thread-safe. After a call returned false the record is good for error() and Open only.
class JsonRecord {
 public:
  // Begins with another line, of which nothing is kept.
  bool Open(absl::string_view line);

  // Calls `visit(key, value)` for each field of the record, in order, and then checks that
  // nothing follows. `visit` answers false when it has recorded a fault. The key is good
  // until `visit` returns.
  template <typename Visit>
  bool ForEachField(Visit&& visit) {
    simdjson::ondemand::object object;
    if (const auto code = document_.get_object().get(object)) return FailSyntax(code);
    return Walk(object, visit) && CheckEnd();
  }
  // Of an object inside the record; `field` is what messages call it.
  template <typename Visit>
  bool ForEachField(absl::string_view field, JsonValue& value, Visit&& visit) {
    if (FirstOf(value) != '{') return FailType(field, "an object", value);
    simdjson::ondemand::object object;
    if (const auto code = value.get_object().get(object)) return FailSyntax(code);
    return Walk(object, visit);
  }
  // Calls `visit(value)` for each item of a list.
  template <typename Visit>
  bool ForEachItem(absl::string_view field, JsonValue& value, Visit&& visit) {
    if (FirstOf(value) != '[') return FailType(field, "a list", value);
    simdjson::ondemand::array array;
    if (const auto code = value.get_array().get(array)) return FailSyntax(code);
    for (auto result : array) {
      JsonValue item;
      if (const auto code = std::move(result).get(item)) return FailSyntax(code);
      if (!visit(item)) return false;
    }
    return true;
  }

  // Calls `visit(text)` for each string of a list. A string alone counts as a list of one,
  // null as an empty one; nulls in the list are passed over.
  template <typename Visit>
  bool ForEachText(absl::string_view field, JsonValue& value, Visit&& visit) {
    absl::string_view text;
    if (FirstOf(value) != '[') {
      if (IsNull(value)) return true;
      if (FirstOf(value) != '"') return FailType(field, "a string or a list of strings", value);
      return ReadString(field, value, &text) && visit(text);
    }
    return ForEachItem(field, value, [&](JsonValue& item) {
      if (IsNull(item)) return true;
      return ReadString(field, item, &text) && visit(text);
    });
  }

  // The first byte of a value: one of `{["-0123456789tfn` unless the line is damaged.
  static char FirstOf(JsonValue& value) { return *value.raw_json_token().data(); }
  bool IsNull(JsonValue& value) const { return Token(value) == "null"; }

  // A string, its escapes decoded; good until the next Open.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool ReadString(absl::string_view field, JsonValue& value, absl::string_view* text) {
    const absl::string_view token = Token(value);
    if (token.size() < 2 || token[0] != '"') return FailType(field, "a string", value);
    const absl::string_view body(token.data() + 1, token.size() - 2);
    *text = body;
    return !HasEscape(body) || Unescape(field, body, text);
  }
  // The same; null gives an empty text.
  ABSL_ATTRIBUTE_ALWAYS_INLINE bool ReadText(absl::string_view field, JsonValue& value, absl::string_view* text) {
    if (FirstOf(value) == '"') return ReadString(field, value, text);
    *text = {};
    return IsNull(value) || FailType(field, "a string", value);
  }
  // A number as it is written.
  bool ReadNumber(absl::string_view field, JsonValue& value, absl::string_view* text);
  bool ReadBool(absl::string_view field, JsonValue& value, bool* boolean);

  // Records "`field`: expected `expected`, got <the value>". Always false.
  bool FailType(absl::string_view field, absl::string_view expected, JsonValue& value);
  // Records `what` at the value. Always false.
  bool FailAt(JsonValue& value, std::string what) { return Fail(value.raw_json_token().data(), std::move(what)); }
  const RecordError& error() const { return error_; }

 private:
  static bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
  // The first backslash from `at` on; the line's end when there is none.
  const char* NextEscape(const char* at) const {
    const char* const end = line_.get() + size_;
    const void* const found = std::memchr(at, '\\', static_cast<size_t>(end - at));
    return found == nullptr ? end : static_cast<const char*>(found);
  }

  // A scalar as it stands in the line. Simdjson gives the bytes up to the next token, and of
  // a damaged line also tokens behind its end.
  ABSL_ATTRIBUTE_ALWAYS_INLINE absl::string_view Token(JsonValue& value) const {
    const std::string_view raw = value.raw_json_token();
    const char* const end = line_.get() + size_;
    if (raw.data() >= end) return {};
    size_t size = std::min(raw.size(), static_cast<size_t>(end - raw.data()));
    while (size > 1 && IsSpace(raw[size - 1])) --size;
    return {raw.data(), size};
  }

  template <typename Visit>
  bool Walk(simdjson::ondemand::object& object, Visit& visit) {
    for (auto result : object) {
      simdjson::ondemand::field field;
      if (const auto code = std::move(result).get(field)) return FailSyntax(code);
      absl::string_view key;
      if (!ReadKey(field.key().raw(), field.value().raw_json_token().data(), &key)) return false;
      if (!visit(key, field.value())) return false;
    }
    return true;
  }

  // `begin` is behind the key's opening quote, `value` where its value begins. Going back from
  // there passes a colon and perhaps blanks, the same in each line; going forth to the quote
  // would be a guess of the key's length that the processor gets wrong.
  bool ReadKey(const char* begin, const char* value, absl::string_view* key) {
    const char* end = value - 1;
    while (*end != '"') --end;
    *key = absl::string_view(begin, static_cast<size_t>(end - begin));
    return !HasEscape(*key) || Unescape("key", *key, key);
  }

  // Strings are mostly read in order, so one pass over the line finds all its escapes.
  bool HasEscape(absl::string_view text) {
    if (escape_ < text.data() || text.data() < read_) escape_ = NextEscape(text.data());
    read_ = text.data();
    return escape_ < text.data() + text.size();
  }
  bool Unescape(absl::string_view field, absl::string_view body, absl::string_view* text);
  bool UnescapeOne(absl::string_view field, const char** at, const char* end);
  bool CheckEnd();
  bool Fail(const char* where, std::string what);
  bool FailSyntax(simdjson::error_code code);

  simdjson::ondemand::parser parser_;
  simdjson::ondemand::document document_;
  // The line and simdjson's padding.
  std::unique_ptr<char[]> line_;
  size_t size_ = 0;
  size_t capacity_ = 0;
  // The first backslash behind `read_`, where the string that was read last begins.
  const char* escape_ = nullptr;
  const char* read_ = nullptr;
  // Decoded strings: none is longer than its token, so a buffer of the line's size holds
  // them all and never moves.
  std::unique_ptr<char[]> decoded_;
  char* decoded_end_ = nullptr;
  RecordError error_;
};

}  // namespace mannequin
