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
  const KnownToken& known = table.at(Sha256Hex(made.token));
  EXPECT_EQ(known.name, "shop");
  EXPECT_EQ(known.role, config::v1::ROLE_BACKEND);
  EXPECT_EQ(known.calls_per_second, 2.5);
  EXPECT_EQ(known.expires_at, absl::InfiniteFuture());
}

TEST(AccessTokens, TheEndOfANewOneIsInTheFileAsPeopleWriteIt) {
  const absl::Time end = absl::FromUnixSeconds(1'800'000'000);
  const NewToken made = MakeToken("shop", config::v1::ROLE_BACKEND, 0, end + absl::Milliseconds(300)).value();
  EXPECT_THAT(made.line, HasSubstr("expires_at: \"2027-01-15T08:00:00Z\""));
  EXPECT_EQ(ParseTokens(made.line, "file")->at(Sha256Hex(made.token)).expires_at, end);
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
  for (const char* bad : {"tomorrow", "2027-01-31", "2027-02-30T00:00:00Z", "2027-01-31T00:00:00"}) {
    EXPECT_THAT(
        Problem("tokens { name: \"shop\" role: ROLE_BACKEND sha256: \"" + hash + "\" expires_at: \"" + bad + "\" }"),
        testing::AllOf(HasSubstr("expires_at: token \"shop\""), HasSubstr(bad), HasSubstr("like 2027-01-31T")));
  }
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
