#include "services/console/request_guard.h"

#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(RequestGuard, TakesTheConsolesOwnOriginOnly) {
  EXPECT_TRUE(CheckOrigin("", "localhost:8680").ok());
  EXPECT_TRUE(CheckOrigin("http://localhost:8680", "localhost:8680").ok());
  EXPECT_TRUE(CheckOrigin("https://Console.example", "console.example").ok());
  for (const char* foreign : {"null", "http://evil.example", "http://localhost:8681", "http://localhost",
                              "localhost:8680", "http://localhost:8680.evil.example", "file://localhost:8680"}) {
    EXPECT_EQ(CheckOrigin(foreign, "localhost:8680").code(), absl::StatusCode::kPermissionDenied) << foreign;
  }
  EXPECT_EQ(CheckOrigin("http://", "").code(), absl::StatusCode::kPermissionDenied);
}

TEST(RequestGuard, TakesNamesOfThisMachineOnlyOnLoopback) {
  for (const char* own :
       {"localhost", "localhost:8680", "LOCALHOST:1", "127.0.0.1:8680", "127.1.2.3", "[::1]", "[::1]:80"}) {
    EXPECT_TRUE(CheckLoopbackHost(own).ok()) << own;
  }
  // A name that was rebound to 127.0.0.1, and things that only look like one of ours.
  for (const char* foreign : {"", "evil.example:8680", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
                              "::1", "[::2]:80", "0127.0.0.1"}) {
    EXPECT_EQ(CheckLoopbackHost(foreign).code(), absl::StatusCode::kPermissionDenied) << foreign;
  }
}

TEST(RequestGuard, TakesJsonOnly) {
  for (const char* json :
       {"application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8"}) {
    EXPECT_TRUE(CheckContentType(json).ok()) << json;
  }
  for (const char* other : {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                            "application/json; charset=latin1", "application/jsonp", "text/plain; application/json"}) {
    EXPECT_EQ(CheckContentType(other).code(), absl::StatusCode::kInvalidArgument) << other;
  }
}

}  // namespace
}  // namespace mannequin
