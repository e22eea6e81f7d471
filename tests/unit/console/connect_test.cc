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

TEST(Connect, AnEnvelopeIsFlagsLengthAndJson) {
  EXPECT_EQ(ConnectEnvelope("{}"), std::string("\0\0\0\0\2{}", 7));
  EXPECT_EQ(ConnectEnvelope(std::string(0x010203, 'x'), 2).substr(0, 5), std::string("\2\0\1\2\3", 5));
  EXPECT_EQ(OnlyConnectMessage(ConnectEnvelope("{\"id\":\"B000\"}")).value(), "{\"id\":\"B000\"}");
}

TEST(Connect, TheEndOfAStreamHasTheErrorOrNothing) {
  EXPECT_EQ(ConnectEndOfStream(absl::OkStatus()), std::string("\2\0\0\0\2{}", 7));
  EXPECT_EQ(ConnectEndOfStream(absl::NotFoundError("gone")).substr(5),
            R"({"error":{"code":"not_found","message":"gone"}})");
}

TEST(Connect, OneWholePlainMessageIsTaken) {
  const std::string whole = ConnectEnvelope("{}");
  for (const std::string& body : {std::string(), whole.substr(0, 4), whole.substr(0, 6), whole + "x", whole + whole}) {
    EXPECT_EQ(OnlyConnectMessage(body).status().code(), absl::StatusCode::kInvalidArgument) << body.size();
  }
  EXPECT_EQ(OnlyConnectMessage(ConnectEnvelope("{}", 1)).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace mannequin
