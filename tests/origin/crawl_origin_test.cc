#include "tests/origin/crawl_origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

class CrawlOriginTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = MakeTemporaryFolder("crawl-origin").value();
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/a.jpg", std::string(1000, 'a')).ok());
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/b.png", std::string(3000, 'b')).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<CrawlOrigin> Start(const CrawlOriginOptions& options = {}) {
    return CrawlOrigin::Start(folder_, options).value();
  }

  // Everything that comes after `request` until the end; "reset" appended when it is cut.
  static std::string Send(const CrawlOrigin& origin, const std::string& request, int host = 0) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(host));
    address.sin_port = htons(static_cast<std::uint16_t>(origin.port()));
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    std::string answer;
    char bytes[4096];
    ssize_t got = 0;
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) answer.append(bytes, static_cast<std::size_t>(got));
    if (got < 0) answer.append("reset");
    close(fd);
    return answer;
  }
  // By a connection of its own.
  static std::string Get(const CrawlOrigin& origin, const std::string& target, const std::string& headers = "",
                         int host = 0) {
    return Send(origin, absl::StrCat("GET ", target, " HTTP/1.1\r\n", headers, "Connection: close\r\n\r\n"), host);
  }

  std::string folder_;
};

TEST_F(CrawlOriginTest, ServesAFileUnderAsManyTargetsAsAreAskedFor) {
  const auto origin = Start();
  const std::string answer = Get(*origin, "/a.jpg?1");
  EXPECT_TRUE(absl::StartsWith(answer, "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n"));
  EXPECT_TRUE(absl::EndsWith(answer, std::string(1000, 'a')));
  Get(*origin, "/a.jpg?2");
  Get(*origin, "/a.jpg?2");
  EXPECT_TRUE(absl::StartsWith(Get(*origin, "/c.jpg"), "HTTP/1.1 404"));
  EXPECT_EQ(origin->Targets()["/a.jpg?1"].requests, 1);
  EXPECT_EQ(origin->Targets()["/a.jpg?2"].requests, 2);
  EXPECT_EQ(origin->Counts().requests, 4);
  EXPECT_EQ(origin->Counts().statuses.at(404), 1);
}

TEST_F(CrawlOriginTest, AnswersSeveralRequestsOfAConnectionInTheirOrder) {
  const auto origin = Start();
  const std::string answer = Send(
      *origin,
      "GET /b.png HTTP/1.1\r\n\r\nGET /robots.txt HTTP/1.1\r\n\r\nGET /a.jpg HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::size_t first = answer.find("image/png");
  const std::size_t second = answer.find("User-agent: *");
  const std::size_t third = answer.find("image/jpeg");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
  EXPECT_EQ(origin->Counts().robots, 1);
  EXPECT_EQ(origin->Counts().requests, 2);
}

TEST_F(CrawlOriginTest, AnswersAKnownETagWith304) {
  CrawlOriginOptions options;
  options.etag = true;
  const auto origin = Start(options);
  const std::string answer = Get(*origin, "/a.jpg");
  const std::size_t at = answer.find("ETag: ");
  ASSERT_NE(at, std::string::npos);
  const std::string etag = answer.substr(at + 6, answer.find("\r\n", at) - at - 6);
  EXPECT_TRUE(absl::StartsWith(Get(*origin, "/a.jpg", absl::StrCat("If-None-Match: ", etag, "\r\n")), "HTTP/1.1 304"));
  EXPECT_TRUE(absl::StartsWith(Get(*origin, "/a.jpg", "If-None-Match: \"other\"\r\n"), "HTTP/1.1 200"));
}

TEST_F(CrawlOriginTest, SpoilsAnswersInEachOfItsWays) {
  const auto spoilt = [&](Fault fault) {
    CrawlOriginOptions options;
    options.faults = {.share = 1, .seed = 1, .kinds = {fault}};
    const auto origin = Start(options);
    const std::string answer = Get(*origin, "/a.jpg");
    EXPECT_EQ(origin->Counts().AllFaults(), 1);
    EXPECT_EQ(origin->Targets()["/a.jpg"].faults, 1);
    return answer;
  };
  EXPECT_TRUE(absl::StartsWith(spoilt(Fault::kError), "HTTP/1.1 500"));
  EXPECT_TRUE(absl::StrContains(spoilt(Fault::kUnavailable), "\r\nRetry-After: 1\r\n"));
  EXPECT_EQ(spoilt(Fault::kReset), "reset");
  const std::string cut = spoilt(Fault::kCut);
  EXPECT_TRUE(absl::StrContains(cut, "Content-Length: 1000\r\n"));
  EXPECT_EQ(std::count(cut.begin(), cut.end(), 'a'), 500 + 1);  // one in "image"
  const std::string lie = spoilt(Fault::kLie);
  EXPECT_TRUE(absl::StrContains(lie, "Content-Length: 2000\r\n"));
  EXPECT_TRUE(absl::EndsWith(lie, std::string(1000, 'a')));
}

TEST_F(CrawlOriginTest, DelaysEachAnswerOnEveryHost) {
  CrawlOriginOptions options;
  options.hosts = 3;
  options.threads = 2;
  options.latency = absl::Milliseconds(30);
  const auto origin = Start(options);
  EXPECT_EQ(origin->Url("/a.jpg", 2), absl::StrCat("http://127.0.0.3:", origin->port(), "/a.jpg"));
  const absl::Time begun = absl::Now();
  for (int host = 0; host < 3; ++host) {
    EXPECT_TRUE(absl::StartsWith(Get(*origin, "/a.jpg", "", host), "HTTP/1.1 200"));
  }
  EXPECT_GE(absl::Now() - begun, 3 * options.latency);
}

TEST_F(CrawlOriginTest, SaysWhatIsWrong) {
  CrawlOriginOptions options;
  options.slow_hosts = 2;
  EXPECT_EQ(CrawlOrigin::Start(folder_, options).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CrawlOrigin::Start(folder_ + "/none", {}).status().code(), absl::StatusCode::kNotFound);
}

TEST(FaultPlan, IsTheSameForTheSameSeedAndHoldsItsShare) {
  const FaultPlan plan({.share = 0.3, .seed = 7});
  const FaultPlan again({.share = 0.3, .seed = 7});
  const FaultPlan other({.share = 0.3, .seed = 8});
  int faults = 0;
  int differ = 0;
  std::array<int, kFaults> kinds{};
  for (int i = 0; i < 10'000; ++i) {
    const std::string target = absl::StrCat("/", i / 2, ".jpg");
    const Fault fault = plan.Of(target, i % 2 + 1);
    EXPECT_EQ(fault, again.Of(target, i % 2 + 1));
    differ += fault != other.Of(target, i % 2 + 1);
    faults += fault != Fault::kNone;
    ++kinds[static_cast<std::size_t>(fault)];
  }
  EXPECT_GT(differ, 2'000);
  EXPECT_NEAR(faults, 3'000, 200);
  for (int kind = 1; kind < kFaults; ++kind) EXPECT_NEAR(kinds[kind], 500, 100);
}

TEST(FaultPlan, NamesItsFaults) {
  for (int kind = 1; kind < kFaults; ++kind) {
    EXPECT_EQ(FaultOf(FaultName(static_cast<Fault>(kind))).value(), static_cast<Fault>(kind));
  }
  EXPECT_EQ(FaultOf("none").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin
