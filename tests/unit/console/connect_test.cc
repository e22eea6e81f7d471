#include "services/console/connect.h"

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace mannequin {
namespace {

TEST(Connect, NamesEachCodeAndItsHttpStatusAsTheProtocolDoes) {
  EXPECT_EQ(ConnectCode(absl::StatusCode::kCancelled), "canceled");
  EXPECT_EQ(ConnectHttpStatus(absl::StatusCode::kCancelled), 499);
  EXPECT_EQ(ConnectCode(absl::StatusCode::kNotFound), "not_found");
  EXPECT_EQ(ConnectHttpStatus(absl::StatusCode::kNotFound), 404);
  EXPECT_EQ(ConnectHttpStatus(absl::StatusCode::kInvalidArgument), 400);
  EXPECT_EQ(ConnectHttpStatus(absl::StatusCode::kFailedPrecondition), 400);
  EXPECT_EQ(ConnectHttpStatus(absl::StatusCode::kAlreadyExists), 409);
  EXPECT_EQ(ConnectHttpStatus(absl::StatusCode::kResourceExhausted), 429);
  EXPECT_EQ(ConnectHttpStatus(absl::StatusCode::kUnimplemented), 501);
  EXPECT_EQ(ConnectHttpStatus(absl::StatusCode::kUnavailable), 503);
  EXPECT_EQ(ConnectHttpStatus(absl::StatusCode::kDeadlineExceeded), 504);
}

TEST(Connect, GivesACodeOutsideTheTableAsUnknown) {
  EXPECT_EQ(ConnectCode(static_cast<absl::StatusCode>(99)), "unknown");
  EXPECT_EQ(ConnectHttpStatus(static_cast<absl::StatusCode>(99)), 500);
}

TEST(Connect, WritesAnErrorAsJsonWhateverItsMessageHolds) {
  EXPECT_EQ(ConnectErrorJson(absl::NotFoundError("no \"B0\"")), R"({"code":"not_found","message":"no \"B0\""})");
  EXPECT_EQ(ConnectErrorJson(absl::InternalError("")), R"({"code":"internal"})");
  EXPECT_FALSE(nlohmann::json::parse(ConnectErrorJson(absl::InternalError("\xff\xfe"))).empty());
}

TEST(Connect, ReadsTheTimeoutInMilliseconds) {
  EXPECT_EQ(*ParseConnectTimeout("1"), absl::Milliseconds(1));
  EXPECT_EQ(*ParseConnectTimeout("9999999999"), absl::Milliseconds(9'999'999'999));
  for (const char* wrong : {"", "0", "-5", "+5", "1.5", "5s", " 5", "10000000000", "99999999999999999999"}) {
    EXPECT_EQ(ParseConnectTimeout(wrong).status().code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
}

}  // namespace
}  // namespace mannequin
