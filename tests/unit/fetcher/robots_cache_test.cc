#include "services/fetcher/robots_cache.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(RobotsCache, KeepsForADay) {
  RobotsCache cache(10, 1 << 20);
  EXPECT_EQ(cache.Find("http://a:80", kNow), nullptr);
  cache.Put("http://a:80", Robots::Parse("user-agent: *\ndisallow: /x\n", "mannequin"), kNow);
  const RobotsCache::Entry* entry = cache.Find("http://a:80", kNow + absl::Hours(23));
  ASSERT_NE(entry, nullptr);
  EXPECT_FALSE(entry->robots.Check("/x").allowed);
  EXPECT_EQ(cache.Find("http://a:80", kNow + absl::Hours(24)), nullptr);
}

TEST(RobotsCache, WhatCannotBeHadIsAskedForAgainAfterABackOff) {
  RobotsCache cache(10, 1 << 20);
  absl::Time now = kNow;
  for (const int seconds : {5, 10, 20, 40, 80, 160, 300, 300}) {
    EXPECT_EQ(cache.PutUnavailable("http://a:80", "HTTP 503", absl::ZeroDuration(), now).unavailable, "HTTP 503");
    EXPECT_NE(cache.Find("http://a:80", now + absl::Seconds(seconds - 1)), nullptr);
    now += absl::Seconds(seconds);
    EXPECT_EQ(cache.Find("http://a:80", now), nullptr);
  }
  cache.PutUnavailable("http://b:80", "HTTP 429", absl::Minutes(10), now);
  EXPECT_NE(cache.Find("http://b:80", now + absl::Minutes(9)), nullptr);
}

TEST(RobotsCache, TheLeastRecentlyUsedGoFirst) {
  RobotsCache cache(3, 1 << 20);
  for (const char* origin : {"a", "b", "c"}) cache.Put(origin, Robots(), kNow);
  cache.Find("a", kNow);
  cache.Put("d", Robots(), kNow);
  EXPECT_NE(cache.Find("a", kNow), nullptr);
  EXPECT_EQ(cache.Find("b", kNow), nullptr);
  EXPECT_EQ(cache.origins(), 3u);
}

TEST(RobotsCache, ItsBytesAreBounded) {
  RobotsCache cache(1000, 100'000);
  std::string text = "user-agent: *\n";
  while (text.size() < 20'000) absl::StrAppend(&text, "disallow: /", std::string(50, 'x'), text.size(), "\n");
  for (int i = 0; i < 100; ++i) cache.Put(absl::StrCat(i), Robots::Parse(text, "mannequin"), kNow);
  EXPECT_LE(cache.bytes(), 100'000u);
  EXPECT_GE(cache.origins(), 2u);
  EXPECT_NE(cache.Find("99", kNow), nullptr);
}

}  // namespace
}  // namespace mannequin
