#include "services/console/sessions.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

constexpr char kToken[] = "0123456789abcdef";
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string CookieOf(const std::string& set_cookie) { return set_cookie.substr(0, set_cookie.find(';')); }

TEST(Sessions, WithoutATokenLetsEverybodyIn) {
  Sessions sessions("", nullptr);
  EXPECT_FALSE(sessions.needed());
  EXPECT_TRUE(sessions.Check("", "", kNow).ok());
  EXPECT_EQ(sessions.SignIn("", kNow).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Sessions, EndAfterTwelveHours) {
  Sessions sessions(kToken, nullptr);
  const std::string cookie = CookieOf(sessions.SignIn(kToken, kNow).value());
  EXPECT_TRUE(sessions.Check(cookie, "", kNow + absl::Hours(12) - absl::Seconds(1)).ok());
  EXPECT_EQ(sessions.Check(cookie, "", kNow + absl::Hours(12)).status().code(), absl::StatusCode::kUnauthenticated);
}

TEST(Sessions, AreSeveralAtOnce) {
  Sessions sessions(kToken, nullptr);
  const std::string first = CookieOf(sessions.SignIn(kToken, kNow).value());
  const std::string second = CookieOf(sessions.SignIn(kToken, kNow).value());
  EXPECT_NE(first, second);
  sessions.SignOut(first);
  EXPECT_FALSE(sessions.Check(first, "", kNow).ok());
  EXPECT_TRUE(sessions.Check(second, "", kNow).ok());
}

TEST(Sessions, TheOldestMakesRoomForTheThousandAndFirst) {
  Sessions sessions(kToken, nullptr);
  const std::string oldest = CookieOf(sessions.SignIn(kToken, kNow).value());
  std::string newest;
  for (int i = 1; i <= 1000; ++i) newest = CookieOf(sessions.SignIn(kToken, kNow + absl::Seconds(i)).value());
  EXPECT_FALSE(sessions.Check(oldest, "", kNow).ok());
  EXPECT_TRUE(sessions.Check(newest, "", kNow).ok());
}

}  // namespace
}  // namespace mannequin
