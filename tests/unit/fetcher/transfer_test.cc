#include "services/fetcher/transfer.h"

#include <stdlib.h>

#include <algorithm>
#include <future>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/fetcher/test_origin.h"

namespace mannequin {
namespace {

AddressFilter Allowing(const TestOrigin& origin) { return *AddressFilter::Create({origin.AllowEntry()}); }

std::future<TransferResult> Begin(TransferEngine& engine, const std::string& url,
                                  absl::Duration timeout = absl::Seconds(20)) {
  auto promise = std::make_shared<std::promise<TransferResult>>();
  TransferRequest request;
  request.url = url;
  request.timeout = timeout;
  request.done = [promise](TransferResult result) { promise->set_value(std::move(result)); };
  std::vector<TransferRequest> requests;
  requests.push_back(std::move(request));
  engine.Submit(std::move(requests));
  return promise->get_future();
}

TransferResult Fetch(const TestOrigin& origin, const std::string& url, TransferOptions options = {},
                     absl::Duration timeout = absl::Seconds(20)) {
  const AddressFilter filter = Allowing(origin);
  TransferEngine engine(filter, options);
  return Begin(engine, url, timeout).get();
}

// "FETCH_FAILURE_X retry" or "" for a good body.
std::string Outcome(const TransferResult& result) {
  if (result.failure == v1::FETCH_FAILURE_UNSPECIFIED) return "";
  const char* retry[] = {"never", "later", "uncounted"};
  return absl::StrCat(v1::FetchFailure_Name(result.failure), " ", retry[static_cast<int>(result.retry)]);
}

TEST(Transfer, BringsTheBodyByteForByte) {
  TestOrigin origin;
  std::string body(300'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 256);
  origin.On("/a", Serve(body));
  const TransferResult result = Fetch(origin, origin.Url("/a"));
  EXPECT_EQ(Outcome(result), "") << result.message;
  EXPECT_TRUE(result.body == body);
}

TEST(Transfer, SaysWhoItIs) {
  TestOrigin origin;
  std::string head;
  origin.On("/a", [&](Exchange& x) {
    head = x.head();
    x.Answer(200, "x");
  });
  TransferOptions options;
  options.contact = "https://shop.example/bot";
  Fetch(origin, origin.Url("/a"), options);
  EXPECT_NE(head.find("User-Agent: mannequin/0.1 (+https://shop.example/bot)\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("Accept: image/jpeg"), std::string::npos) << head;
  EXPECT_NE(head.find("Accept-Encoding: identity"), std::string::npos) << head;
  for (const char* header : {"Cookie", "Authorization", "Referer"}) EXPECT_EQ(head.find(header), std::string::npos);
}

TEST(Transfer, StatusesBecomeFailures) {
  TestOrigin origin;
  const std::vector<std::pair<int, std::string>> cases = {
      {404, "FETCH_FAILURE_NOT_FOUND never"},   {410, "FETCH_FAILURE_NOT_FOUND never"},
      {403, "FETCH_FAILURE_HTTP_STATUS never"}, {429, "FETCH_FAILURE_HTTP_STATUS uncounted"},
      {500, "FETCH_FAILURE_HTTP_STATUS later"}, {503, "FETCH_FAILURE_HTTP_STATUS uncounted"},
  };
  for (const auto& [status, expected] : cases) {
    origin.On("/a", Status(status));
    const TransferResult result = Fetch(origin, origin.Url("/a"));
    EXPECT_EQ(Outcome(result), expected);
    EXPECT_EQ(result.message, absl::StrCat("HTTP ", status));
    EXPECT_TRUE(result.body.empty());
  }
}

TEST(Transfer, RetryAfterIsHandedOn) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) { x.Answer(429, "", "Retry-After: 7\r\n"); });
  EXPECT_EQ(Fetch(origin, origin.Url("/a")).retry_after, absl::Seconds(7));
}

TEST(Transfer, AnEmptyBodyIsAFailure) {
  TestOrigin origin;
  origin.On("/a", Serve(""));
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/a"))), "FETCH_FAILURE_EMPTY_BODY never");
}

TEST(Transfer, ABodyShorterThanAnnouncedIsTruncated) {
  TestOrigin origin;
  origin.On("/length", [](Exchange& x) { x.Raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort"); });
  origin.On("/chunked",
            [](Exchange& x) { x.Raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"); });
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/length"))), "FETCH_FAILURE_TRUNCATED later");
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/chunked"))), "FETCH_FAILURE_TRUNCATED later");
}

TEST(Transfer, ABodyOverTheLimitIsBrokenOff) {
  TestOrigin origin;
  const std::string block(10'000, 'x');
  origin.On("/announced", Serve(std::string(100'001, 'x')));
  origin.On("/endless", [&](Exchange& x) {
    x.Write("HTTP/1.1 200 OK\r\n\r\n");
    while (x.open() && x.Write(block)) {
    }
  });
  origin.On("/chunked", [&](Exchange& x) {
    x.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (x.open() && x.Write(absl::StrCat("2710\r\n", block, "\r\n"))) {
    }
  });
  origin.On("/fits", Serve(std::string(100'000, 'x')));
  TransferOptions options;
  options.max_body_bytes = 100'000;
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/announced"), options)), "FETCH_FAILURE_TOO_LARGE never");
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/endless"), options)), "FETCH_FAILURE_TOO_LARGE never");
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/chunked"), options)), "FETCH_FAILURE_TOO_LARGE never");
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/fits"), options)), "");
}

TEST(Transfer, ALargeErrorPageIsStillItsStatus) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) { x.Answer(404, std::string(300'000, 'x')); });
  TransferOptions options;
  options.max_body_bytes = 100'000;
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/a"), options)), "FETCH_FAILURE_NOT_FOUND never");
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/a"))), "FETCH_FAILURE_NOT_FOUND never");
}

TEST(Transfer, AnEndlessHeaderIsBrokenOff) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) {
    x.Write("HTTP/1.1 200 OK\r\n");
    for (int i = 0; x.open() && x.Write(absl::StrCat("X-", i, ": ", std::string(1000, 'x'), "\r\n")); ++i) {
    }
  });
  const TransferResult result = Fetch(origin, origin.Url("/a"));
  EXPECT_EQ(Outcome(result), "FETCH_FAILURE_TOO_LARGE never") << result.message;
}

TEST(Transfer, ASilentOriginEndsByTheTimeout) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) { x.Hang(); });
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/a"), {}, absl::Milliseconds(200))), "FETCH_FAILURE_TIMEOUT later");
}

TEST(Transfer, AClosedPortIsAConnectFailure) {
  std::string url;
  std::string allow;
  {
    TestOrigin gone;
    url = gone.Url("/a");
    allow = gone.AllowEntry();
  }
  const AddressFilter filter = *AddressFilter::Create({allow});
  TransferEngine engine(filter, {});
  EXPECT_EQ(Outcome(Begin(engine, url).get()), "FETCH_FAILURE_CONNECT later");
}

TEST(Transfer, ANameThatDoesNotExistIsADnsFailure) {
  TestOrigin origin;
  // RFC 6761: never resolves.
  EXPECT_EQ(Outcome(Fetch(origin, "http://nowhere.invalid/a")), "FETCH_FAILURE_DNS later");
}

TEST(Transfer, PlainHttpOnATlsPortIsATlsFailure) {
  TestOrigin origin;
  origin.OnOther(Serve("x"));
  const TransferResult result =
      Fetch(origin, absl::StrCat("https://127.0.0.1:", origin.port(), "/a"), {}, absl::Seconds(2));
  // Our origin waits for the end of a request that never comes as plain text.
  EXPECT_TRUE(result.failure == v1::FETCH_FAILURE_TLS || result.failure == v1::FETCH_FAILURE_TIMEOUT) << result.message;
}

TEST(Transfer, ABadUrlIsRefusedWithoutAConnection) {
  TestOrigin origin;
  EXPECT_EQ(Outcome(Fetch(origin, "file:///etc/hostname")), "FETCH_FAILURE_INVALID_URL never");
  EXPECT_EQ(origin.Connections(), 0);
}

TEST(Transfer, FollowsFiveRedirectsAndNoMore) {
  TestOrigin origin;
  for (int i = 0; i < 6; ++i) origin.On(absl::StrCat("/", i), Redirect(absl::StrCat("/", i + 1)));
  origin.On("/6", Serve("end"));
  origin.On("/loop", Redirect("/loop"));
  EXPECT_EQ(Fetch(origin, origin.Url("/1")).body, "end");
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/0"))), "FETCH_FAILURE_REDIRECTS never");
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/loop"))), "FETCH_FAILURE_REDIRECTS never");
  EXPECT_EQ(origin.Requests("/loop"), 6);
}

TEST(Transfer, ARedirectDoesNotLeaveHttp) {
  TestOrigin origin;
  origin.On("/file", Redirect("file:///etc/hostname"));
  origin.On("/gopher", Redirect("gopher://127.0.0.1/"));
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/file"))), "FETCH_FAILURE_REDIRECTS never");
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/gopher"))), "FETCH_FAILURE_REDIRECTS never");
}

TEST(Transfer, AForbiddenAddressIsNeverConnected) {
  TestOrigin forbidden;
  forbidden.OnOther(Serve("secret"));
  const AddressFilter filter;
  TransferEngine engine(filter, {});
  for (const char* host : {"127.0.0.1", "localhost", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"}) {
    const TransferResult result = Begin(engine, absl::StrCat("http://", host, ":", forbidden.port(), "/")).get();
    EXPECT_EQ(Outcome(result), "FETCH_FAILURE_FORBIDDEN_ADDRESS never") << host << ": " << result.message;
  }
  EXPECT_EQ(forbidden.Connections(), 0);
}

TEST(Transfer, ARedirectToAForbiddenAddressIsNeverConnected) {
  TestOrigin open;
  TestOrigin forbidden;
  forbidden.OnOther(Serve("secret"));
  open.On("/a", Redirect(forbidden.Url("/metadata")));
  EXPECT_EQ(Outcome(Fetch(open, open.Url("/a"))), "FETCH_FAILURE_FORBIDDEN_ADDRESS never");
  EXPECT_EQ(forbidden.Connections(), 0);
}

TEST(Transfer, AProxyOfTheEnvironmentIsIgnored) {
  TestOrigin origin;
  TestOrigin proxy;
  origin.On("/a", Serve("direct"));
  proxy.OnOther(Serve("proxied"));
  setenv("http_proxy", proxy.Url("").c_str(), 1);
  setenv("ALL_PROXY", proxy.Url("").c_str(), 1);
  const TransferResult result = Fetch(origin, origin.Url("/a"));
  unsetenv("http_proxy");
  unsetenv("ALL_PROXY");
  EXPECT_EQ(result.body, "direct");
  EXPECT_EQ(proxy.Connections(), 0);
}

TEST(Transfer, AnAnswerInAnotherProtocolIsAFailure) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) { x.Raw("SSH-2.0-OpenSSH_9.2\r\n"); });
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/a"))).substr(0, 13), "FETCH_FAILURE");
}

TEST(Transfer, ConnectionsAreUsedAgain) {
  TestOrigin origin;
  origin.OnOther(Serve("x"));
  const AddressFilter filter = Allowing(origin);
  TransferOptions options;
  options.connections = 4;
  TransferEngine engine(filter, options);
  std::vector<std::future<TransferResult>> results;
  for (int i = 0; i < 100; ++i) results.push_back(Begin(engine, origin.Url(absl::StrCat("/", i))));
  for (auto& result : results) EXPECT_EQ(Outcome(result.get()), "");
  EXPECT_LE(origin.Connections(), 4);
  EXPECT_LE(origin.MostAtOnce(), 4);
}

TEST(Transfer, BodiesThatNobodyReleasedHoldBackNewTransfers) {
  TestOrigin origin;
  origin.OnOther(Serve(std::string(1000, 'x')));
  const AddressFilter filter = Allowing(origin);
  TransferOptions options;
  options.connections = 1;
  options.max_body_bytes = 1000;
  options.max_held_bytes = 4000;
  TransferEngine engine(filter, options);
  std::vector<std::future<TransferResult>> results;
  for (int i = 0; i < 4; ++i) results.push_back(Begin(engine, origin.Url(absl::StrCat("/", i))));
  results[0].get();
  results[1].get();
  EXPECT_EQ(engine.held_bytes(), 2000);
  EXPECT_EQ(engine.queued(), 2);
  EXPECT_EQ(origin.Requests("/2"), 0);
  engine.Release(1000);
  EXPECT_EQ(Outcome(results[2].get()), "");
  engine.Release(1000);
  EXPECT_EQ(Outcome(results[3].get()), "");
  EXPECT_EQ(engine.held_bytes(), 2000);
}

TEST(Transfer, ABodyThatWouldBurstTheMemoryIsBrokenOffAndNotHeldAgainstTheOrigin) {
  TestOrigin origin;
  origin.OnOther([](Exchange& x) { x.Answer(200, std::string(1000, 'x')); });
  const AddressFilter filter = Allowing(origin);
  TransferOptions options;
  options.connections = 8;
  options.max_body_bytes = 1000;
  options.max_held_bytes = 2000;
  TransferEngine engine(filter, options);
  std::vector<std::future<TransferResult>> results;
  for (int i = 0; i < 8; ++i) results.push_back(Begin(engine, origin.Url(absl::StrCat("/", i))));
  int good = 0;
  for (auto& future : results) {
    if (future.wait_for(std::chrono::seconds(1)) != std::future_status::ready) continue;
    const TransferResult result = future.get();
    if (result.failure == v1::FETCH_FAILURE_UNSPECIFIED) {
      ++good;
    } else {
      EXPECT_EQ(Outcome(result), "FETCH_FAILURE_OTHER uncounted");
    }
    EXPECT_LE(engine.held_bytes(), 2000);
  }
  EXPECT_GE(good, 1);
  EXPECT_LE(good, 2);
}

TEST(Transfer, CancelEndsWhatRunsAndWhatWaits) {
  TestOrigin origin;
  origin.OnOther([](Exchange& x) { x.Hang(); });
  const AddressFilter filter = Allowing(origin);
  TransferOptions options;
  options.connections = 2;
  TransferEngine engine(filter, options);
  std::vector<std::future<TransferResult>> results;
  for (int i = 0; i < 5; ++i) results.push_back(Begin(engine, origin.Url(absl::StrCat("/", i))));
  engine.CancelAll();
  for (auto& result : results) EXPECT_EQ(Outcome(result.get()), "FETCH_FAILURE_OTHER uncounted");
  EXPECT_EQ(engine.queued(), 0);
  EXPECT_EQ(engine.running(), 0);
  origin.On("/again", Serve("x"));
  EXPECT_EQ(Begin(engine, origin.Url("/again")).get().body, "x");
}

TEST(Transfer, WhatIsNotBegunInTimeIsGivenBack) {
  TestOrigin origin;
  const AddressFilter filter = Allowing(origin);
  TransferEngine engine(filter, {});
  std::promise<TransferResult> promise;
  std::vector<TransferRequest> requests(1);
  requests[0].url = origin.Url("/late");
  requests[0].start_by = absl::InfinitePast();
  requests[0].done = [&](TransferResult result) { promise.set_value(std::move(result)); };
  engine.Submit(std::move(requests));
  EXPECT_EQ(Outcome(promise.get_future().get()), "FETCH_FAILURE_OTHER uncounted");
  EXPECT_EQ(origin.Requests("/late"), 0);
}

}  // namespace
}  // namespace mannequin
