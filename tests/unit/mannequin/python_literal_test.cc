#include "services/mannequin/ingest/python_literal.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

// The string, or "column: fault".
std::string StringOf(absl::string_view literal) {
  LiteralCursor cursor;
  cursor.Reset(literal);
  absl::string_view value;
  if (!cursor.ReadString(&value)) return std::to_string(cursor.error().column) + ": " + cursor.error().what;
  if (!cursor.AtEnd()) return "something is left";
  return std::string(value);
}

// Empty when `literal` is a value and nothing else, or "column: fault".
std::string FaultOf(absl::string_view literal) {
  LiteralCursor cursor;
  cursor.Reset(literal);
  if (!cursor.SkipValue()) return std::to_string(cursor.error().column) + ": " + cursor.error().what;
  cursor.Peek();
  return cursor.AtEnd() ? "" : "something is left";
}

struct Case {
  std::string literal;
  std::string expected;
};

TEST(PythonLiteral, StringsAreReadWithEveryEscape) {
  const std::string nul("\0", 1);
  const Case cases[] = {
      {"''", ""},
      {R"("")", ""},
      {"'plain'", "plain"},
      {R"("it's")", "it's"},
      {R"('say "so"')", "say \"so\""},
      {R"('it\'s')", "it's"},
      {R"("\"")", "\""},
      {R"('back\\slash')", "back\\slash"},
      {R"('\a\b\f\n\r\t\v')", "\a\b\f\n\r\t\v"},
      {R"('\0')", nul},
      {R"('\7z')", "\x07z"},
      {R"('\101\1012')", "AA2"},
      {R"('\377')", "\xC3\xBF"},
      {R"('\777')", "\xC7\xBF"},
      {R"('\x41\xe9\xFF')", "A\xC3\xA9\xC3\xBF"},
      {R"('\u20ac')", "\xE2\x82\xAC"},
      {R"('\U0001f600')", "\xF0\x9F\x98\x80"},
      {R"('\U0010FFFF')", "\xF4\x8F\xBF\xBF"},
      {R"('\ud83d\ude00')", "\xF0\x9F\x98\x80"},
      {R"(u'wide')", "wide"},
      {R"(U"wide\u00e9")", "wide\xC3\xA9"},
      {"'caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80'", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"'a raw\ttab'", "a raw\ttab"},
      {"'&amp; &#39;'", "&amp; &#39;"},
      {"'a string that is longer than one vector register, it\\'s escaped late'",
       "a string that is longer than one vector register, it's escaped late"},
  };
  for (const Case& c : cases) EXPECT_EQ(StringOf(c.literal), c.expected) << c.literal;
}

TEST(PythonLiteral, EachFaultOfAStringHasItsOwnWordsAndColumn) {
  const Case cases[] = {
      {"'open", "1: a string without its closing quote"},
      {"'", "1: a string without its closing quote"},
      {"'ends in \\", "10: a string ends in a lone backslash"},
      {R"('\q')", "2: unknown escape \\q"},
      {R"('I\/O')", "3: unknown escape \\/"},
      {R"('\x4')", "2: \\x needs 2 hexadecimal digits"},
      {R"('\xg0')", "2: \\x needs 2 hexadecimal digits"},
      {R"('\u20a')", "2: \\u needs 4 hexadecimal digits"},
      {R"('\U0001f60')", "2: \\U needs 8 hexadecimal digits"},
      {R"('\U00110000')", "2: \\U names a character above U+10FFFF"},
      {R"('\N{BULLET}')", "2: \\N{...} is not read: repr never writes it"},
      {R"('\ud83d')", "2: a lone surrogate U+d83d is no character"},
      {R"('\ud83dx')", "2: a lone surrogate U+d83d is no character"},
      {R"('\ude00\ud83d')", "2: a lone surrogate U+de00 is no character"},
      {R"('\ud83d\u0041')", "2: a lone surrogate U+d83d is no character"},
      {"'caf\xE9'", "5: invalid UTF-8"},
      {"'\xC0\x80'", "2: invalid UTF-8"},
      {"'\xED\xA0\x80'", "2: invalid UTF-8"},
      {"'\xF4\x90\x80\x80'", "2: invalid UTF-8"},
      {"'a long run of ASCII before it \xE2\x82'", "32: invalid UTF-8"},
      {std::string("'a\0b'", 5), "3: a NUL byte inside a string"},
      {"'a\nb'", "3: a line break inside a string"},
      {"'a\rb'", "3: a line break inside a string"},
      {"b'bytes'", "1: expected a string, got a bytes literal"},
      {"r'raw'", "1: a string with the prefix r is not read: repr never writes it"},
      {"f'{x}'", "1: a string with the prefix f is not read: repr never writes it"},
      {"12", "1: expected a string, got 12"},
      {"", "1: expected a string, got the end of the line"},
  };
  for (const Case& c : cases) EXPECT_EQ(StringOf(c.literal), c.expected) << c.literal;
}

TEST(PythonLiteral, ValuesOfEveryKindAreAccepted) {
  const char* const cases[] = {
      "None",
      "True",
      "False",
      "0",
      "00",
      "-1",
      "+1",
      "123456789012345678901234567890123456789012345678901234567890",
      "1.",
      ".5",
      "1.5",
      "-2.5e-10",
      "1E+5",
      "1e5",
      "01.5",
      "'a'",
      "b'bytes \\xff \\377'",
      "u'x'",
      "[]",
      "[1]",
      "[1,]",
      "[ 1 , 2 ]",
      "[1,2 , ]",
      "()",
      "(1,)",
      "(1)",
      "('a', ('b', 2))",
      "{}",
      "{'a': 1}",
      "{'a':1,}",
      "{1: 2, None: 3}",
      "{(1, 'a'): [2]}",
      " \t {'a' : {'b' : [{'c' : ()}]}} ",
      "[True, False, None]",
  };
  for (const char* literal : cases) EXPECT_EQ(FaultOf(literal), "") << literal;
}

TEST(PythonLiteral, EachFaultOfAValueHasItsOwnWordsAndColumn) {
  const Case cases[] = {
      {"", "1: expected a value, got the end of the line"},
      {"[1", "3: the line ends before \"]\""},
      {"[1 2]", "4: expected \",\" or \"]\", got 2"},
      {"[,]", "2: expected a value, got ,"},
      {"[1,,2]", "4: expected a value, got ,"},
      {"['a' 'b']",
       "6: two values side by side (Python would join strings; a dump never has that): is a comma missing?"},
      {"['a'u'b']",
       "5: two values side by side (Python would join strings; a dump never has that): is a comma missing?"},
      {"['''a''']",
       "4: two values side by side (Python would join strings; a dump never has that): is a comma missing?"},
      {"[1)", "3: expected \",\" or \"]\", got )"},
      {"{1}", "3: a set is not read, only a dict: expected \":\""},
      {"{1, 2}", "3: a set is not read, only a dict: expected \":\""},
      {"{'a' 1}", "6: expected \":\" after a dict's key"},
      {"{'a': }", "7: expected a value, got }"},
      {"{[1]: 2}", "2: a list or dict cannot be a dict's key"},
      {"{([1],): 2}", "3: a list or dict cannot be a dict's key"},
      {"nul", "1: expected a value, got nul"},
      {"null", "1: expected a value, got null"},
      {"true", "1: expected a value, got true"},
      {"Nones", "1: expected a literal, got Nones"},
      {"True1", "1: expected a literal, got True1"},
      {"Falsely", "1: expected a literal, got Falsely"},
      {"nan", "1: expected a value, got nan"},
      {"__import__('os')", "1: expected a value, got __import__"},
      {"012", "1: an integer with leading zeros"},
      {"0x1f", "1: not a decimal number: 0x1f"},
      {"12L", "1: not a decimal number: 12L"},
      {"1_000", "1: not a decimal number: 1_000"},
      {"1j", "1: not a decimal number: 1j"},
      {"1.2.3", "1: not a decimal number: 1.2.3"},
      {"-", "1: a number without digits"},
      {"--1", "1: a number without digits"},
      {".", "1: a number without digits"},
      {"1e", "1: an exponent without digits"},
      {"1e+", "1: an exponent without digits"},
      {"b'\xC3\xA9'", "3: a bytes literal holds a character that is not ASCII"},
      {"b'\\400'", "3: an octal escape above \\377 in a bytes literal"},
      {"b'\\u0041'", "3: unknown escape \\u"},
      {"rb'x'", "1: expected a value, got rb"},
      {"[1, '\\N{DOT}']", "6: \\N{...} is not read: repr never writes it"},
      {"[1, '\xFF']", "6: invalid UTF-8"},
      {"\xC3\xA9", "1: expected a value, got \\xc3"},
      {"1 + 1", "something is left"},
      {"[].append", "something is left"},
  };
  for (const Case& c : cases) EXPECT_EQ(FaultOf(c.literal), c.expected) << c.literal;
}

TEST(PythonLiteral, NestingIsBounded) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(FaultOf(nested(64)), "");
  EXPECT_EQ(FaultOf(nested(65)), "65: more than 64 nested containers");
  EXPECT_THAT(FaultOf(std::string(10'000'000, '[')), HasSubstr("more than 64 nested containers"));
  EXPECT_THAT(FaultOf(std::string(10'000'000, '(')), HasSubstr("more than 64 nested containers"));
}

// Every cut of a valid literal is refused, and nothing is read beyond its end (the
// sanitizers watch: each cut is a block of its own on the heap).
TEST(PythonLiteral, EveryPrefixOfALiteralIsRefused) {
  const std::string whole =
      R"({'asin': 'B\u20ac', 'l': [1, (2.5e3, None), b'\x00', {u"k": True}], 't': "a longer string it's"})";
  ASSERT_EQ(FaultOf(whole), "");
  for (size_t length = 0; length < whole.size(); ++length) {
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<long>(length));
    EXPECT_NE(FaultOf({cut.data(), cut.size()}), "") << length;
  }
}

// One byte changed anywhere: never a crash, and a string view never leaves its buffer.
TEST(PythonLiteral, AnyChangedByteIsReadOrRefused) {
  const std::string whole = R"({'a': 'x\x41\U0001f600', 'b': [1.5, -2, (None,)], "c": {'d': b'q'}})";
  size_t refused = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = whole;
      changed[at] = static_cast<char>(byte);
      refused += FaultOf(changed).empty() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, whole.size() * 100);
}

}  // namespace
}  // namespace mannequin
