#include "services/fetcher/transfer.h"

#include <stdlib.h>

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/unit/fetcher/test_origin.h"

namespace mannequin {
namespace {

AddressFilter Allowing(const TestOrigin& origin) { return *AddressFilter::Create({origin.AllowEntry()}); }

std::future<TransferResult> Begin(TransferEngine& engine, TransferRequest request) {
  auto promise = std::make_shared<std::promise<TransferResult>>();
  request.done = [promise](TransferResult result) { promise->set_value(std::move(result)); };
  std::vector<TransferRequest> requests;
  requests.push_back(std::move(request));
  engine.Submit(std::move(requests));
  return promise->get_future();
}

std::future<TransferResult> Begin(TransferEngine& engine, const std::string& url,
                                  absl::Duration timeout = absl::Seconds(20)) {
  TransferRequest request;
  request.url = url;
  request.timeout = timeout;
  return Begin(engine, std::move(request));
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
  origin.On("/user", Redirect(absl::StrCat("http://me:secret@127.0.0.1:", origin.port(), "/a")));
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/user"))), "FETCH_FAILURE_REDIRECTS never");
}

TEST(Transfer, AForbiddenAddressIsNeverConnected) {
  TestOrigin forbidden;
  forbidden.OnOther(Serve("secret"));
  const AddressFilter filter;
  TransferEngine engine(filter, {});
  for (const char* host : {"127.0.0.1", "localhost", "localhost.", "0x7f.1", "2130706433", "0177.0.0.1", "127.1",
                           "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
                           "[2002:7f00:1::]", "[2001:0:7f00:1::]"}) {
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
  open.On("/b", Redirect(absl::StrCat("http://0x7f.1:", forbidden.port(), "/")));
  EXPECT_EQ(Outcome(Fetch(open, open.Url("/b"))), "FETCH_FAILURE_FORBIDDEN_ADDRESS never");
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

TEST(Transfer, AResetInTheBodyIsTruncated) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) { x.Reset("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort"); });
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/a"))), "FETCH_FAILURE_TRUNCATED later");
}

TEST(Transfer, AHeaderThatDripsEndsByTheTimeout) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) {
    x.Write("HTTP/1.1 200 OK\r\nX-Drip: ");
    while (x.open() && x.Write("x")) absl::SleepFor(absl::Milliseconds(5));
  });
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/a"), {}, absl::Milliseconds(300))), "FETCH_FAILURE_TIMEOUT later");
}

TEST(Transfer, ABodyThatDripsEndsByTheTimeout) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) {
    x.Write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (x.open() && x.Write("x")) absl::SleepFor(absl::Milliseconds(5));
  });
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/a"), {}, absl::Milliseconds(300))), "FETCH_FAILURE_TIMEOUT later");
}

// What follows a whole answer must not become the answer of the next request.
TEST(Transfer, BytesBehindAnAnswerAnswerNothing) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) {
    x.Write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  });
  origin.OnOther(Serve("good"));
  const AddressFilter filter = Allowing(origin);
  TransferOptions options;
  options.connections = 1;
  TransferEngine engine(filter, options);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Begin(engine, origin.Url("/a")).get().body, "a");
    EXPECT_EQ(Begin(engine, origin.Url(absl::StrCat("/", i))).get().body, "good");
  }
}

TEST(Transfer, LineBreaksInALocationSplitNothing) {
  TestOrigin origin;
  std::string head;
  origin.On("/a", Redirect("/b%0d%0aX-Injected:%20yes"));
  origin.OnOther([&](Exchange& x) {
    head = x.head();
    x.Answer(200, "x");
  });
  Fetch(origin, origin.Url("/a"));
  EXPECT_EQ(head.find("\nX-Injected"), std::string::npos) << head;
}

TEST(Transfer, AnEncodedBodyIsNoPicture) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) { x.Answer(200, "\x1f\x8b rest", "Content-Encoding: gzip\r\n"); });
  origin.On("/b", [](Exchange& x) { x.Answer(200, "x", "Content-Encoding: identity\r\n"); });
  const TransferResult result = Fetch(origin, origin.Url("/a"));
  EXPECT_EQ(Outcome(result), "FETCH_FAILURE_NOT_AN_IMAGE never");
  EXPECT_EQ(result.message, "Content-Encoding: gzip, though not asked for");
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/b"))), "");
}

TEST(Transfer, CookiesAreNotKept) {
  TestOrigin origin;
  std::string head;
  origin.OnOther([&](Exchange& x) {
    head = x.head();
    x.Answer(200, "x", "Set-Cookie: id=1\r\n");
  });
  const AddressFilter filter = Allowing(origin);
  TransferEngine engine(filter, {});
  Begin(engine, origin.Url("/a")).get();
  Begin(engine, origin.Url("/b")).get();
  EXPECT_EQ(head.find("Cookie"), std::string::npos) << head;
}

// --- conditional requests ----------------------------------------------------------------

TEST(Transfer, NotModifiedIsNoFailureWhenItWasAskedFor) {
  TestOrigin origin;
  std::string head;
  origin.On("/a", [&](Exchange& x) {
    head = x.head();
    x.Raw("HTTP/1.1 304 X\r\nETag: \"v1\"\r\n\r\n");
  });
  const AddressFilter filter = Allowing(origin);
  TransferEngine engine(filter, {});
  TransferRequest request;
  request.url = origin.Url("/a");
  request.etag = "\"v1\"";
  request.last_modified = "Tue, 01 Jul 2025 00:00:00 GMT";
  const TransferResult result = Begin(engine, std::move(request)).get();
  EXPECT_EQ(Outcome(result), "");
  EXPECT_TRUE(result.not_modified);
  EXPECT_TRUE(result.sent);
  EXPECT_EQ(result.etag, "\"v1\"");
  EXPECT_NE(head.find("If-None-Match: \"v1\"\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("If-Modified-Since: Tue, 01 Jul 2025 00:00:00 GMT"), std::string::npos) << head;
  // The same handle's next request is plain again.
  EXPECT_EQ(Outcome(Begin(engine, origin.Url("/a")).get()), "FETCH_FAILURE_HTTP_STATUS never");
  EXPECT_EQ(head.find("If-"), std::string::npos) << head;
}

TEST(Transfer, ValidatorsOfTheFinalAnswerAreHandedOn) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) { x.Answer(302, "", "Location: /b\r\nETag: \"redirect\"\r\n"); });
  origin.On("/b", [](Exchange& x) { x.Answer(200, "x", "eTag:  W/\"2\" \r\nLast-modified: today\r\n"); });
  const TransferResult result = Fetch(origin, origin.Url("/a"));
  EXPECT_EQ(result.etag, "W/\"2\"");
  EXPECT_EQ(result.last_modified, "today");
}

TEST(Transfer, ValidatorsThatAreTooLongOrNotAsciiAreDropped) {
  TestOrigin origin;
  origin.On("/a", [](Exchange& x) {
    x.Answer(200, "x", absl::StrCat("ETag: ", std::string(1025, 'x'), "\r\nLast-Modified: caf\xC3\xA9\r\n"));
  });
  const TransferResult result = Fetch(origin, origin.Url("/a"));
  EXPECT_EQ(Outcome(result), "");
  EXPECT_EQ(result.etag, "");
  EXPECT_EQ(result.last_modified, "");
}

TEST(Transfer, AValidatorWithALineBreakIsNotSent) {
  TestOrigin origin;
  std::string head;
  origin.On("/a", [&](Exchange& x) {
    head = x.head();
    x.Answer(200, "x");
  });
  const AddressFilter filter = Allowing(origin);
  TransferEngine engine(filter, {});
  TransferRequest request;
  request.url = origin.Url("/a");
  request.etag = "x\r\nX-Injected: yes";
  EXPECT_EQ(Outcome(Begin(engine, std::move(request)).get()), "");
  EXPECT_EQ(head.find("Injected"), std::string::npos) << head;
}

// --- robots.txt --------------------------------------------------------------------------

TEST(Transfer, RobotsIsAskedOnceAndForbids) {
  TestOrigin origin;
  origin.OnOther(Serve("x"));
  origin.On("/robots.txt", Serve("User-agent: Mannequin\nDisallow: /private\n"));
  const AddressFilter filter = Allowing(origin);
  TransferEngine engine(filter, {});
  std::vector<std::future<TransferResult>> allowed;
  for (int i = 0; i < 20; ++i) allowed.push_back(Begin(engine, origin.Url(absl::StrCat("/", i))));
  const TransferResult forbidden = Begin(engine, origin.Url("/private/a.jpg")).get();
  EXPECT_EQ(Outcome(forbidden), "FETCH_FAILURE_ROBOTS never");
  EXPECT_EQ(forbidden.message, "robots.txt: \"Disallow: /private\"");
  EXPECT_FALSE(forbidden.sent);
  for (auto& result : allowed) EXPECT_EQ(Outcome(result.get()), "");
  EXPECT_EQ(origin.Requests("/robots.txt"), 1);
  EXPECT_EQ(origin.Requests("/private/a.jpg"), 0);
}

TEST(Transfer, APersonsRequestDoesNotAskRobots) {
  TestOrigin origin;
  origin.OnOther(Serve("x"));
  origin.On("/robots.txt", Serve("User-agent: *\nDisallow: /\n"));
  const AddressFilter filter = Allowing(origin);
  TransferEngine engine(filter, {});
  TransferRequest request;
  request.url = origin.Url("/a");
  request.polite = false;
  EXPECT_EQ(Outcome(Begin(engine, std::move(request)).get()), "");
  EXPECT_EQ(origin.Requests("/robots.txt"), 0);
}

TEST(Transfer, ARuleMayIgnoreRobots) {
  TestOrigin origin;
  origin.OnOther(Serve("x"));
  origin.On("/robots.txt", Serve("User-agent: *\nDisallow: /\n"));
  TransferOptions options;
  options.host_rules.push_back({"127.0.0.1", 2, -1, true});
  EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/a"), options)), "");
  EXPECT_EQ(origin.Requests("/robots.txt"), 0);
}

TEST(Transfer, RobotsThatIsNotThereAllowsAll) {
  for (const int status : {401, 403, 404, 410}) {
    TestOrigin origin;
    origin.OnOther(Serve("x"));
    origin.On("/robots.txt", Status(status));
    EXPECT_EQ(Outcome(Fetch(origin, origin.Url("/a"))), "") << status;
  }
}

TEST(Transfer, RobotsThatCannotBeHadAllowsNothingForNow) {
  for (const int status : {429, 500, 503}) {
    TestOrigin origin;
    origin.OnOther(Serve("x"));
    origin.On("/robots.txt", Status(status));
    const AddressFilter filter = Allowing(origin);
    TransferEngine engine(filter, {});
    std::vector<std::future<TransferResult>> results;
    for (int i = 0; i < 5; ++i) results.push_back(Begin(engine, origin.Url(absl::StrCat("/", i))));
    for (auto& future : results) {
      const TransferResult result = future.get();
      EXPECT_EQ(Outcome(result), "FETCH_FAILURE_ROBOTS later");
      EXPECT_EQ(result.message, absl::StrCat("robots.txt: HTTP ", status));
      EXPECT_GT(result.retry_after, absl::ZeroDuration());
      EXPECT_FALSE(result.sent);
    }
    EXPECT_EQ(origin.Requests("/robots.txt"), 1);
    EXPECT_TRUE(origin.AllRequests().empty());
  }
}

TEST(Transfer, RobotsIsFollowedToAnotherHostButNotToAForbiddenOne) {
  TestOrigin origin;
  TestOrigin other;
  TestOrigin forbidden;
  origin.OnOther(Serve("x"));
  other.On("/rules", Serve("User-agent: *\nDisallow: /private\n"));
  const AddressFilter filter = *AddressFilter::Create({origin.AllowEntry(), other.AllowEntry()});
  {
    origin.On("/robots.txt", Redirect(other.Url("/rules")));
    TransferEngine engine(filter, {});
    EXPECT_EQ(Outcome(Begin(engine, origin.Url("/private")).get()), "FETCH_FAILURE_ROBOTS never");
    EXPECT_EQ(Outcome(Begin(engine, origin.Url("/a")).get()), "");
  }
  {
    origin.On("/robots.txt", Redirect(forbidden.Url("/rules")));
    TransferEngine engine(filter, {});
    EXPECT_EQ(Outcome(Begin(engine, origin.Url("/private")).get()), "");
  }
  EXPECT_EQ(forbidden.Connections(), 0);
}

TEST(Transfer, AnEndlessRobotsIsReadUpToItsLimit) {
  TestOrigin origin;
  origin.OnOther(Serve("x"));
  const std::string block = "disallow: /b\n" + std::string(10'000, '#') + "\n";
  origin.On("/robots.txt", [&](Exchange& x) {
    x.Write("HTTP/1.1 200 OK\r\n\r\nuser-agent: *\n");
    while (x.open() && x.Write(block)) {
    }
  });
  const AddressFilter filter = Allowing(origin);
  TransferEngine engine(filter, {});
  EXPECT_EQ(Outcome(Begin(engine, origin.Url("/b")).get()), "FETCH_FAILURE_ROBOTS never");
  EXPECT_EQ(Outcome(Begin(engine, origin.Url("/a")).get()), "");
  engine.Release(1);
  EXPECT_EQ(engine.held_bytes(), 0);
}

TEST(Transfer, ARedirectToAnotherHostAsksThatHostsRobots) {
  TestOrigin origin;
  TestOrigin other;
  origin.On("/a", Redirect(other.Url("/private")));
  other.OnOther(Serve("x"));
  other.On("/robots.txt", Serve("User-agent: *\nDisallow: /private\n"));
  const AddressFilter filter = *AddressFilter::Create({origin.AllowEntry(), other.AllowEntry()});
  for (const int threads : {1, 4}) {
    TransferOptions options;
    options.threads = threads;
    TransferEngine engine(filter, options);
    const TransferResult result = Begin(engine, origin.Url("/a")).get();
    EXPECT_EQ(Outcome(result), "FETCH_FAILURE_ROBOTS never");
    EXPECT_TRUE(result.sent);
  }
  EXPECT_EQ(other.Requests("/private"), 0);
}

// --- politeness --------------------------------------------------------------------------

TEST(Transfer, AHostThatAsksForAPauseGetsItAndIsNamed) {
  TestOrigin origin;
  origin.OnOther(Serve("x"));
  origin.On("/a", [](Exchange& x) { x.Answer(429, "", "Retry-After: 300\r\n"); });
  const AddressFilter filter = Allowing(origin);
  TransferEngine engine(filter, {});
  const TransferResult refused = Begin(engine, origin.Url("/a")).get();
  EXPECT_EQ(Outcome(refused), "FETCH_FAILURE_HTTP_STATUS uncounted");
  EXPECT_GE(refused.retry_after, absl::Seconds(299));
  std::future<TransferResult> waiting = Begin(engine, origin.Url("/b"));
  TroubleReport report;
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (report.count == 0 && absl::Now() < deadline) report = engine.Troubles();
  ASSERT_EQ(report.count, 1);
  EXPECT_EQ(report.hosts[0].origin, absl::StrCat("http://127.0.0.1:", origin.port()));
  EXPECT_EQ(report.hosts[0].reason, "HTTP 429, asked to wait 5m");
  // A person does not wait for it.
  TransferRequest request;
  request.url = origin.Url("/c");
  request.polite = false;
  EXPECT_EQ(Outcome(Begin(engine, std::move(request)).get()), "");
  EXPECT_EQ(origin.Requests("/b"), 0);
  engine.CancelAll();
  EXPECT_EQ(Outcome(waiting.get()), "FETCH_FAILURE_OTHER uncounted");
}

TEST(Transfer, ARulesLimitHoldsForAHostOfTheAllowListToo) {
  TestOrigin origin;
  origin.OnOther(Serve("x"));
  const AddressFilter filter = Allowing(origin);
  TransferOptions options;
  options.host_rules.push_back({"127.0.0.1", 2, -1, false});
  TransferEngine engine(filter, options);
  std::vector<std::future<TransferResult>> results;
  for (int i = 0; i < 100; ++i) results.push_back(Begin(engine, origin.Url(absl::StrCat("/", i))));
  for (auto& result : results) EXPECT_EQ(Outcome(result.get()), "");
  EXPECT_LE(origin.MostAtOnce(), 2);
}

TEST(Transfer, SeveralThreadsShareTheLimits) {
  std::vector<std::unique_ptr<TestOrigin>> origins;
  std::vector<std::string> allow;
  for (int i = 0; i < 6; ++i) {
    origins.push_back(std::make_unique<TestOrigin>());
    origins.back()->OnOther(Serve(std::string(1000, 'x')));
    allow.push_back(origins.back()->AllowEntry());
    allow.push_back(absl::StrCat("::1/128:", origins.back()->port()));
  }
  const AddressFilter filter = *AddressFilter::Create(allow);
  TransferOptions options;
  options.threads = 3;
  options.connections = 4;
  TransferEngine engine(filter, options);
  std::vector<std::future<TransferResult>> results;
  for (int i = 0; i < 600; ++i) {
    const char* host = i % 2 == 0 ? "127.0.0.1" : "localhost";
    results.push_back(Begin(engine, absl::StrCat("http://", host, ":", origins[i % 6]->port(), "/", i)));
  }
  for (auto& result : results) EXPECT_EQ(Outcome(result.get()), "");
  EXPECT_EQ(engine.held_bytes(), 600'000);
  EXPECT_EQ(engine.queued(), 0);
  EXPECT_EQ(engine.running(), 0);
}

TEST(Transfer, OptionsThatCannotBeAreRefused) {
  const auto code = [](auto change) {
    TransferOptions options;
    change(options);
    return TransferEngine::Validate(options).code();
  };
  EXPECT_EQ(code([](TransferOptions&) {}), absl::StatusCode::kOk);
  const absl::StatusCode bad = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(code([](TransferOptions& o) { o.connections = 0; }), bad);
  EXPECT_EQ(code([](TransferOptions& o) { o.connections = 10'001; }), bad);
  EXPECT_EQ(code([](TransferOptions& o) { o.threads = 65; }), bad);
  EXPECT_EQ(code([](TransferOptions& o) { o.requests_per_second_per_host = 0; }), bad);
  EXPECT_EQ(code([](TransferOptions& o) { o.contact = "a\r\nb"; }), bad);
  EXPECT_EQ(code([](TransferOptions& o) { o.host_rules.push_back({"a.*", 0, 0, false}); }), bad);
  EXPECT_EQ(code([](TransferOptions& o) { o.host_rules.push_back({"a", 0, -2, false}); }), bad);
  EXPECT_EQ(code([](TransferOptions& o) { o.certificate_authorities = "/nowhere/ca.pem"; }),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(code([](TransferOptions& o) { o.certificate_authorities = "/proc/self/cmdline"; }), bad);
}

}  // namespace
}  // namespace mannequin
