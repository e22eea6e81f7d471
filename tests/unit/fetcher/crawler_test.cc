#include "services/fetcher/crawler.h"

#include <atomic>
#include <thread>

#include "gtest/gtest.h"
#include "tests/unit/fetcher/crawl_fixture.h"

namespace mannequin {
namespace {

using Crawling = CrawlFixture;

TEST_F(Crawling, EveryEndHasItsStateAndReason) {
  const std::string jpeg = Jpeg();
  TestOrigin forbidden;
  forbidden.OnOther(Serve(jpeg));
  origin_.On("/good", Serve(jpeg));
  origin_.On("/gone", Status(404));
  origin_.On("/refused", Status(403));
  origin_.On("/moody", [&](Exchange& x) { x.attempt() < 3 ? x.Answer(500, "") : x.Answer(200, jpeg); });
  origin_.On("/broken", Status(500));
  origin_.On("/cut", [&](Exchange& x) {
    x.Raw(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", jpeg.size() + 9, "\r\n\r\n", jpeg));
  });
  origin_.On("/half", Serve(jpeg.substr(0, jpeg.size() / 2)));
  origin_.On("/endless", [](Exchange& x) {
    x.Write("HTTP/1.1 200 OK\r\n\r\n");
    while (x.open() && x.Write(std::string(10'000, 'x'))) {
    }
  });
  origin_.On("/loop", Redirect("/loop"));
  origin_.On("/inside", Redirect(forbidden.Url("/secret")));
  origin_.On("/page", Serve("<!DOCTYPE html><title>Sold out</title>"));
  origin_.On("/empty", Serve(""));
  for (const char* name :
       {"good", "gone", "refused", "moody", "broken", "cut", "half", "endless", "loop", "inside", "page", "empty"}) {
    AddProduct(name, origin_.Url(absl::StrCat("/", name)));
  }
  AddProduct("blocked", forbidden.Url("/"));
  AddProduct("dns", "http://nowhere.invalid/");

  CrawlOptions options = Options();
  options.transfer.max_body_bytes = options.check.limits.max_bytes = 1'000'000;
  ASSERT_EQ(Crawl(options), absl::OkStatus());

  EXPECT_EQ(State("good"), "STORED image/jpeg 40x30");
  EXPECT_EQ(State("gone"), "FAILED NOT_FOUND");
  EXPECT_EQ(State("refused"), "FAILED HTTP_STATUS");
  EXPECT_EQ(State("moody"), "STORED image/jpeg 40x30");
  EXPECT_EQ(State("broken"), "FAILED HTTP_STATUS");
  EXPECT_EQ(State("cut"), "FAILED TRUNCATED");
  EXPECT_EQ(State("half"), "FAILED NOT_AN_IMAGE");
  EXPECT_EQ(State("endless"), "FAILED TOO_LARGE");
  EXPECT_EQ(State("loop"), "FAILED REDIRECTS");
  EXPECT_EQ(State("inside"), "FAILED FORBIDDEN_ADDRESS");
  EXPECT_EQ(State("page"), "FAILED NOT_AN_IMAGE");
  EXPECT_EQ(State("empty"), "FAILED EMPTY_BODY");
  EXPECT_EQ(State("blocked"), "FAILED FORBIDDEN_ADDRESS");
  EXPECT_EQ(State("dns"), "FAILED DNS");
  EXPECT_EQ(Image("gone").failure_message(), "HTTP 404");
  EXPECT_EQ(Image("page").failure_message(), "an HTML page, not a picture");

  // What may get better is tried again, and nothing else is.
  EXPECT_EQ(origin_.Requests("/moody"), 3);
  EXPECT_EQ(origin_.Requests("/broken"), 3);
  EXPECT_EQ(origin_.Requests("/cut"), 3);
  for (const char* path : {"/good", "/gone", "/refused", "/half", "/endless", "/page", "/empty", "/inside"}) {
    EXPECT_EQ(origin_.Requests(path), 1) << path;
  }
  EXPECT_EQ(forbidden.Connections(), 0);

  const v1::CrawlProgress progress = Progress();
  EXPECT_EQ(progress.stored(), 2);
  EXPECT_EQ(progress.pending(), 0);
  EXPECT_EQ(progress.retried(), 2 + 2 + 2 + 2);  // moody, broken, cut, dns
  std::int64_t failed = 0;
  for (const auto& count : progress.failed()) failed += count.products();
  EXPECT_EQ(failed, 12);
}

TEST_F(Crawling, WithoutDecodingACutPictureWithASoundHeaderPasses) {
  const std::string jpeg = Jpeg();
  origin_.On("/half", Serve(jpeg.substr(0, jpeg.size() - 20)));
  AddProduct("half", origin_.Url("/half"));
  CrawlOptions options = Options();
  options.check.header_only = true;
  ASSERT_EQ(Crawl(options), absl::OkStatus());
  EXPECT_EQ(State("half"), "STORED image/jpeg 40x30");
}

TEST_F(Crawling, NothingPendingEndsAtOnce) {
  ASSERT_EQ(Crawl(Options()), absl::OkStatus());
  EXPECT_EQ(Progress().stored(), 0);
}

TEST_F(Crawling, CountsGoOnFromAnEarlierWorker) {
  origin_.OnOther(Serve(Jpeg()));
  AddProducts(3);
  before_.set_stored(100);
  auto& failed = *before_.add_failed();
  failed.set_failure(v1::FETCH_FAILURE_DNS);
  failed.set_products(7);
  ASSERT_EQ(Crawl(Options()), absl::OkStatus());
  EXPECT_EQ(Progress().stored(), 103);
  ASSERT_EQ(Progress().failed_size(), 1);
  EXPECT_EQ(Progress().failed(0).products(), 7);
}

TEST_F(Crawling, StoppingGivesEverythingBack) {
  std::atomic<bool> hang{true};
  const std::string jpeg = Jpeg();
  origin_.OnOther([&](Exchange& x) { hang ? x.Hang() : x.Answer(200, jpeg); });
  AddProducts(30);
  const auto begun = [this] { return origin_.MostAtOnce() >= 8; };
  EXPECT_EQ(Crawl(Options(), begun).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Count(v1::IMAGE_STATE_PENDING), 30);

  hang = false;
  ASSERT_EQ(Crawl(Options("another")), absl::OkStatus());
  EXPECT_EQ(Count(v1::IMAGE_STATE_STORED), 30);
}

TEST_F(Crawling, TwoCrawlersDivideTheWorkAndFetchNothingTwice) {
  const std::string jpeg = Jpeg();
  origin_.OnOther(Serve(jpeg));
  AddProducts(300);
  absl::Status other;
  std::thread second([&] { other = Crawl(Options("second")); });
  EXPECT_EQ(Crawl(Options("first")), absl::OkStatus());
  second.join();
  EXPECT_EQ(other, absl::OkStatus());
  EXPECT_EQ(Count(v1::IMAGE_STATE_STORED), 300);
  EXPECT_EQ(origin_.AllRequests().size(), 300u);
  for (const auto& [path, count] : origin_.AllRequests()) EXPECT_EQ(count, 1) << path;
}

TEST_F(Crawling, WhatADeadCrawlerHeldIsFetchedWhenItsLeaseEnds) {
  origin_.OnOther(Serve(Jpeg()));
  AddProducts(20);
  v1::LeaseFetchesRequest dead;
  dead.set_worker("dead");
  dead.set_max_products(5);
  dead.mutable_lease()->set_seconds(120);
  ASSERT_EQ(store_->LeaseFetches(dead)->tasks_size(), 5);

  std::atomic<bool> ended{false};
  std::thread crawl([&] {
    EXPECT_EQ(Crawl(Options()), absl::OkStatus());
    ended = true;
  });
  EXPECT_TRUE(Eventually([&] { return Count(v1::IMAGE_STATE_STORED) == 15; }));
  EXPECT_FALSE(ended);
  clock_.Advance(absl::Seconds(121));
  crawl.join();
  EXPECT_EQ(Count(v1::IMAGE_STATE_STORED), 20);
  for (const auto& [path, count] : origin_.AllRequests()) EXPECT_EQ(count, 1) << path;
}

TEST_F(Crawling, AnOriginOfTheAllowListHasAllConnections) {
  const std::string jpeg = Jpeg();
  origin_.OnOther([&](Exchange& x) {
    // Answers once all six are there, which one connection a host would never bring.
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (origin_.MostAtOnce() < 6 && x.attempt() == 1 && absl::Now() < deadline && origin_.AllRequests().size() > 4) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    x.Answer(200, jpeg);
  });
  AddProducts(40);
  CrawlOptions options = Options();
  options.transfer.connections = 6;
  options.transfer.connections_per_host = 2;
  ASSERT_EQ(Crawl(options), absl::OkStatus());
  EXPECT_EQ(origin_.MostAtOnce(), 6);
  EXPECT_EQ(Count(v1::IMAGE_STATE_STORED), 40);
}

}  // namespace
}  // namespace mannequin
