#include "services/fetcher/crawl_tally.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class CrawlTallyTest : public testing::Test {
 protected:
  static v1::FetchResult Stored(const std::string& sha256 = "", const std::string& url = "") {
    v1::FetchResult result;
    result.mutable_image();
    result.set_source_sha256(sha256);
    result.set_url(url);
    return result;
  }
  static v1::FetchResult Failed(v1::FetchFailure reason, bool retry = false) {
    v1::FetchResult result;
    result.mutable_failure()->set_reason(reason);
    result.mutable_failure()->set_retry(retry);
    return result;
  }
  void Write(const v1::FetchResult& result, int times = 1) {
    for (int i = 0; i < times; ++i) tally_.AddWritten(result);
  }

  absl::Time begun_ = absl::FromUnixSeconds(1'700'000'000);
  CrawlTally tally_{{}, begun_};
};

TEST_F(CrawlTallyTest, EachOutcomeIsCountedOnce) {
  Write(Stored(), 3);
  v1::FetchResult unchanged;
  unchanged.mutable_not_modified();
  Write(unchanged, 2);
  Write(Failed(v1::FETCH_FAILURE_NOT_FOUND), 4);
  Write(Failed(v1::FETCH_FAILURE_TIMEOUT, /*retry=*/true), 5);
  tally_.AddFailedAttempt(v1::FETCH_FAILURE_TIMEOUT);
  tally_.AddUnfetched();
  const v1::CrawlProgress progress = tally_.Progress(7, 1000, begun_ + absl::Seconds(1));
  EXPECT_EQ(progress.stored(), 3);
  EXPECT_EQ(progress.not_modified(), 2);
  ASSERT_THAT(progress.failed(), SizeIs(1));
  EXPECT_EQ(progress.failed(0).products(), 4);
  ASSERT_THAT(progress.failed_attempts(), SizeIs(1));
  EXPECT_EQ(progress.failed_attempts(0).products(), 1);
  EXPECT_EQ(progress.retried(), 2);
  EXPECT_EQ(progress.pending(), 7);
  EXPECT_DOUBLE_EQ(progress.images_per_second(), 5);
  EXPECT_DOUBLE_EQ(progress.bytes_per_second(), 1000);
  EXPECT_DOUBLE_EQ(progress.success_share(), 5.0 / 9);
  EXPECT_EQ(tally_.finished(), 9);
}

TEST_F(CrawlTallyTest, TimeLeftIsByTheRateOfTheLastHalfMinute) {
  Write(Stored(), 6000);
  tally_.Progress(0, 0, begun_ + absl::Seconds(1));
  for (int second = 2; second <= 60; ++second) {
    Write(Stored(), 10);
    tally_.Progress(0, 0, begun_ + absl::Seconds(second));
  }
  const v1::CrawlProgress progress = tally_.Progress(1000, 0, begun_ + absl::Seconds(60));
  EXPECT_NEAR(progress.seconds_left(), 100, 5) << "10 a second, whatever it was at first";
}

TEST_F(CrawlTallyTest, CountsGoOnFromEarlierWorkers) {
  Write(Stored(), 3);
  tally_.AddFailedAttempt(v1::FETCH_FAILURE_DNS);
  Write(Failed(v1::FETCH_FAILURE_DNS));
  CrawlTally next(tally_.Progress(0, 500, begun_ + absl::Seconds(1)), begun_);
  const v1::CrawlProgress progress = next.Progress(0, 100, begun_ + absl::Seconds(1));
  EXPECT_EQ(progress.stored(), 3);
  EXPECT_EQ(progress.received_bytes(), 600);
  EXPECT_EQ(progress.failed(0).products(), 1);
  EXPECT_EQ(progress.failed_attempts(0).products(), 1);
  EXPECT_EQ(progress.retried(), 1);
}

TEST_F(CrawlTallyTest, OnePictureUnderManyUrlsIsNamed) {
  for (int i = 0; i < 5000; ++i) {
    Write(Stored(absl::StrCat("picture ", i), absl::StrCat("http://x/", i)));
    if (i % 50 == 0) Write(Stored("none", absl::StrCat("http://x/none", i)));
    if (i % 50 == 1) Write(Stored("shared", "http://x/shared"));
  }
  const v1::CrawlProgress progress = tally_.Progress(0, 0, begun_ + absl::Seconds(1));
  ASSERT_THAT(progress.repeated_pictures(), SizeIs(1)) << "one URL of many products is a variant's picture";
  EXPECT_EQ(progress.repeated_pictures(0).sha256(), "none");
  EXPECT_GT(progress.repeated_pictures(0).fetches(), 60);
  EXPECT_LE(progress.repeated_pictures(0).fetches(), 100);
}

TEST_F(CrawlTallyTest, ALowShareIsSaidLoudlyWithItsReasonsAndWhatToDo) {
  Write(Stored(), 50);
  Write(Failed(v1::FETCH_FAILURE_ROBOTS), 30);
  Write(Failed(v1::FETCH_FAILURE_NOT_FOUND), 20);
  const std::string warning = CrawlWarning(tally_.Progress(0, 0, begun_ + absl::Seconds(1)));
  EXPECT_THAT(warning, HasSubstr("only 50 % of the pictures could be had. robots (30): robots.txt forbids it"));
  EXPECT_THAT(warning, HasSubstr("not_found (20): the pictures are gone"));
}

TEST_F(CrawlTallyTest, AGoodShareAndAnEmptyCrawlAreNoWarning) {
  EXPECT_THAT(CrawlWarning(tally_.Progress(0, 0, begun_)), IsEmpty());
  Write(Stored(), 95);
  Write(Failed(v1::FETCH_FAILURE_NOT_FOUND), 5);
  EXPECT_THAT(CrawlWarning(tally_.Progress(0, 0, begun_ + absl::Seconds(1))), IsEmpty());
}

}  // namespace
}  // namespace mannequin
