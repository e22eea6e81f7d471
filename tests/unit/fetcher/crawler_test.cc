#include "services/fetcher/crawler.h"

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "common/base/sha256.h"
#include "gmock/gmock.h"
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

  EXPECT_EQ(Image("p0").failure(), v1::FETCH_FAILURE_UNSPECIFIED) << "the origin has not failed";
  EXPECT_EQ(Image("p0").attempts(), 0);

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

TEST_F(Crawling, APictureIsStoredWithoutMetadataAndWithItsRenditionAndHashes) {
  const std::string jpeg = Jpeg();
  // A comment segment behind the start of image.
  const std::string commented = jpeg.substr(0, 2) + std::string("\xff\xfe\x00\x0asecret: x", 12) + jpeg.substr(2);
  origin_.On("/a", Serve(commented));
  AddProduct("a", origin_.Url("/a"));
  CrawlOptions options = Options();
  options.check.rendition_sides = {16, 32};
  ASSERT_EQ(Crawl(options), absl::OkStatus());
  const v1::ImageInfo image = Image("a");
  EXPECT_EQ(image.source_sha256(), Sha256Hex(commented));
  EXPECT_EQ(image.sha256(), Sha256Hex(Kept(jpeg))) << "pixels bit for bit, the comment gone";
  EXPECT_THAT(Kept(jpeg), testing::Not(testing::HasSubstr("Exif")));
  EXPECT_NE(image.perceptual_hash(), 0u);
  EXPECT_EQ(image.attempts(), 1);
  v1::GetImageRequest get;
  get.set_product_id("a");
  get.set_at_least_side(20);
  const absl::StatusOr<v1::GetImageResponse> got = store_->GetImage(get);
  ASSERT_TRUE(got.ok()) << got.status();
  const v1::Image& rendition = got->image();
  EXPECT_EQ(rendition.width(), 32);
  EXPECT_EQ(rendition.height(), 24);
  const absl::StatusOr<Pixels> pixels = DecodeImage(rendition.data());
  ASSERT_TRUE(pixels.ok()) << pixels.status();
  EXPECT_EQ(pixels->width, 32);
  EXPECT_EQ(pixels->height, 24);
}

TEST_F(Crawling, WhatIsAskedForIsKeptAsItCame) {
  const std::string with_trailer = Jpeg() + "a trailer";
  origin_.On("/a", Serve(with_trailer));
  AddProduct("a", origin_.Url("/a"));
  CrawlOptions options = Options();
  options.check.keep_original = true;
  ASSERT_EQ(Crawl(options), absl::OkStatus());
  EXPECT_EQ(Image("a").sha256(), Sha256Hex(with_trailer));
}

TEST_F(Crawling, AKnownNotAvailablePictureMakesTheListingMissing) {
  const std::string none = Jpeg(1);
  origin_.On("/none", Serve(none));
  origin_.On("/good", Serve(Jpeg(2)));
  AddProduct("none", origin_.Url("/none"));
  AddProduct("good", origin_.Url("/good"));
  CrawlOptions options = Options();
  options.check.not_available_sha256.insert(Sha256Hex(none));
  ASSERT_EQ(Crawl(options), absl::OkStatus());
  EXPECT_EQ(State("none"), "MISSING");
  EXPECT_EQ(Image("none").failure(), v1::FETCH_FAILURE_NOT_AVAILABLE);
  EXPECT_EQ(State("good"), "STORED image/jpeg 40x30");
}

TEST_F(Crawling, ARefreshAsksWhetherAPictureHasChangedAndWritesOnlyWhatHas) {
  const std::string old_jpeg = Jpeg(1), new_jpeg = Jpeg(2);
  std::atomic<bool> changed{false};
  const auto versioned = [&](Exchange& x) {
    const std::string etag = changed ? "\"2\"" : "\"1\"";
    if (absl::StrContains(x.head(), absl::StrCat("If-None-Match: ", etag))) {
      return x.Answer(304, "", absl::StrCat("ETag: ", etag, "\r\n"));
    }
    x.Answer(200, changed ? new_jpeg : old_jpeg, absl::StrCat("ETag: ", etag, "\r\n"));
  };
  origin_.On("/versioned", versioned);
  origin_.On("/plain", Serve(old_jpeg));
  AddProduct("versioned", origin_.Url("/versioned"));
  AddProduct("plain", origin_.Url("/plain"));
  ASSERT_EQ(Crawl(Options()), absl::OkStatus());

  ASSERT_EQ(MarkForRefresh(), 2);
  ASSERT_EQ(Crawl(Options()), absl::OkStatus());
  EXPECT_EQ(Progress().not_modified(), 2) << "the plain one sent the same bytes again";
  EXPECT_EQ(Progress().stored(), 0);
  EXPECT_EQ(Image("versioned").sha256(), Sha256Hex(Kept(old_jpeg)));

  changed = true;
  MarkForRefresh();
  ASSERT_EQ(Crawl(Options()), absl::OkStatus());
  EXPECT_EQ(Progress().stored(), 1);
  EXPECT_EQ(Progress().not_modified(), 1);
  EXPECT_EQ(Image("versioned").sha256(), Sha256Hex(Kept(new_jpeg)));
  EXPECT_EQ(Image("versioned").etag(), "\"2\"");
}

TEST_F(Crawling, ARefreshOfWhatIsGoneKeepsThePictureAndSaysSo) {
  origin_.On("/a", Serve(Jpeg()));
  AddProduct("a", origin_.Url("/a"));
  ASSERT_EQ(Crawl(Options()), absl::OkStatus());
  origin_.On("/a", Status(404));
  MarkForRefresh();
  ASSERT_EQ(Crawl(Options()), absl::OkStatus());
  EXPECT_EQ(State("a"), "STORED image/jpeg 40x30");
  EXPECT_EQ(Image("a").failure(), v1::FETCH_FAILURE_NOT_FOUND);
}

TEST_F(Crawling, EachFailureIsCountedOnceAndTheLastReasonIsKept) {
  const std::string jpeg = Jpeg();
  origin_.On("/twice", [&](Exchange& x) { x.attempt() < 3 ? x.Answer(500, "") : x.Answer(200, jpeg); });
  origin_.On("/never", Status(500));
  AddProduct("twice", origin_.Url("/twice"));
  AddProduct("never", origin_.Url("/never"));
  ASSERT_EQ(Crawl(Options()), absl::OkStatus());
  std::int64_t counted = 0;
  const v1::CrawlProgress progress = Progress();
  for (const auto& count : progress.failed_attempts()) counted += count.products();
  for (const auto& count : progress.failed()) counted += count.products();
  EXPECT_EQ(counted, 2 + 3) << "as many as the origin dealt";
  EXPECT_EQ(Image("twice").attempts(), 3);
  EXPECT_EQ(Image("never").attempts(), 3);
  EXPECT_EQ(Image("never").failure_message(), "HTTP 500");
}

TEST_F(Crawling, ACrawlThatHardlyGetsAnythingEndsWithAWarning) {
  AddProducts(10);
  ASSERT_EQ(Crawl(Options()), absl::OkStatus());
  EXPECT_EQ(Progress().success_share(), 0);
  EXPECT_THAT(Progress().warning(), testing::HasSubstr("only 0 % of the pictures could be had. not_found (10)"));
}

TEST_F(Crawling, AHostThatIsDownDoesNotHoldUpTheOthers) {
  // 300 products of a host that refuses connections stand before those of a good one.
  for (int i = 0; i < 300; ++i) AddProduct(absl::StrCat("a", i), "http://127.0.0.1:1/x");
  origin_.OnOther(Serve(Jpeg()));
  AddProducts(50);
  filter_ = *AddressFilter::Create({origin_.AllowEntry(), "127.0.0.1/32:1"});
  const auto good_are_stored = [this] { return Count(v1::IMAGE_STATE_STORED) == 50; };
  const absl::Time begun = absl::Now();
  EXPECT_EQ(Crawl(Options(), good_are_stored).code(), absl::StatusCode::kCancelled);
  EXPECT_LT(absl::Now() - begun, absl::Seconds(10));
  EXPECT_EQ(Count(v1::IMAGE_STATE_STORED), 50);
  EXPECT_EQ(Count(v1::IMAGE_STATE_STORED) + Count(v1::IMAGE_STATE_PENDING) + Count(v1::IMAGE_STATE_FAILED), 350);
}

}  // namespace
}  // namespace mannequin
