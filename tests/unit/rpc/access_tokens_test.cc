#include "common/rpc/access_tokens.h"

#include "common/base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string Problem(absl::string_view text) {
  return std::string(ParseTokens(text, "tokens.textproto").status().message());
}

TEST(AccessTokens, ANewOneIsInTheFileByItsHashAlone) {
  const NewToken made = MakeToken("shop", config::v1::ROLE_BACKEND, 2.5).value();
  EXPECT_THAT(made.token, StartsWith("mq_"));
  EXPECT_EQ(made.token.size(), 46u);
  EXPECT_THAT(made.line, Not(HasSubstr(made.token.substr(3))));
  const TokenTable table = ParseTokens(made.line, "file").value();
  const config::v1::AccessToken& entry = table.at(Sha256Hex(made.token));
  EXPECT_EQ(entry.name(), "shop");
  EXPECT_EQ(entry.role(), config::v1::ROLE_BACKEND);
  EXPECT_EQ(entry.calls_per_second(), 2.5);
}

TEST(AccessTokens, AreDifferentEachTime) {
  EXPECT_NE(MakeToken("a", config::v1::ROLE_BACKEND)->token, MakeToken("a", config::v1::ROLE_BACKEND)->token);
}

TEST(AccessTokens, WhatIsWrongInTheFileIsNamed) {
  const std::string hash(64, 'a');
  EXPECT_THAT(Problem("tokens { nmae: \"x\" }"), HasSubstr("tokens.textproto:1:"));
  EXPECT_THAT(Problem("tokens { name: \"a b\" role: ROLE_BACKEND sha256: \"" + hash + "\" }"),
              HasSubstr("name: \"a b\""));
  EXPECT_THAT(Problem("tokens { name: \"shop\" sha256: \"" + hash + "\" }"),
              HasSubstr("role: token \"shop\" has none"));
  EXPECT_THAT(Problem("tokens { name: \"shop\" role: ROLE_KING }"), HasSubstr("ROLE_KING"));
  EXPECT_THAT(Problem("tokens { name: \"shop\" role: ROLE_BACKEND sha256: \"mq_secret\" }"), HasSubstr("sha256:"));
  EXPECT_THAT(Problem("tokens { name: \"shop\" role: ROLE_BACKEND sha256: \"" + hash + "\" calls_per_second: -2 }"),
              HasSubstr("calls_per_second"));
  const std::string one = "tokens { name: \"shop\" role: ROLE_BACKEND sha256: \"" + hash + "\" }";
  EXPECT_THAT(Problem(one + one), HasSubstr("\"shop\" is there twice"));
  EXPECT_THAT(Problem(one + "tokens { name: \"b\" role: ROLE_BACKEND sha256: \"" + hash + "\" }"),
              HasSubstr("each caller needs its own"));
}

TEST(AccessTokens, AHashThatIsNoneIsNotRepeated) {
  EXPECT_THAT(Problem("tokens { name: \"shop\" role: ROLE_BACKEND sha256: \"mq_pasted-by-mistake\" }"),
              Not(HasSubstr("pasted")));
}

TEST(AccessTokens, AFileHoldsOneTokenAndNothingElse) {
  EXPECT_EQ(ParseTokenFile(" 0123456789abcdef\n", "f").value(), "0123456789abcdef");
  for (const char* bad : {"", "short", "0123456789 abcdef", "0123456789abcd\xc3\xa9"}) {
    EXPECT_THAT(std::string(ParseTokenFile(bad, "token_file: f").status().message()),
                HasSubstr("token_file: f: holds no token"));
  }
}

TEST(AccessTokens, ABearerTokenIsFoundWhateverTheCase) {
  EXPECT_EQ(BearerToken("Bearer abc"), "abc");
  EXPECT_EQ(BearerToken("bearer  abc "), "abc");
  EXPECT_EQ(BearerToken("Basic abc"), "");
  EXPECT_EQ(BearerToken("Bearer"), "");
}

}  // namespace
}  // namespace mannequin::rpc
