#include "services/fetcher/host_schedule.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using Signal = HostSchedule::Signal;

// A schedule with a time of its own, and hosts that answer as told.
class HostScheduleTest : public testing::Test {
 protected:
  void Make(HostSchedule::Options options, int connections) {
    slots_ = std::make_unique<HostSchedule::Slots>(connections);
    schedule_ = std::make_unique<HostSchedule>(std::move(options), *slots_);
  }
  void Push(const std::string& host, int count = 1, absl::Time start_by = absl::InfiniteFuture(), bool polite = true) {
    for (int i = 0; i < count; ++i) {
      PendingFetch fetch;
      fetch.url = *ParseUrl(absl::StrCat("http://", host, "/", pushed_++));
      fetch.request.start_by = start_by;
      fetch.request.polite = polite;
      ++slots_->queued;
      schedule_->Push(std::move(fetch), now_);
    }
  }
  // All that may begin now; their names are resolved at once.
  std::vector<HostSchedule::Turn> Begin() {
    std::vector<HostSchedule::Turn> turns;
    while (std::optional<HostSchedule::Turn> turn = schedule_->Next(now_)) {
      if (turn->resolves) schedule_->Resolved(*turn->host, true, now_);
      turns.push_back(*std::move(turn));
    }
    return turns;
  }
  HostSchedule::News Is(Signal signal, absl::Duration took = absl::Milliseconds(10)) {
    HostSchedule::News news;
    news.signal = signal;
    news.begun = now_ - took;
    news.elapsed = took;
    if (signal == Signal::kBusy) {
      news.failure = v1::FETCH_FAILURE_HTTP_STATUS;
      news.message = "HTTP 429";
    }
    if (signal == Signal::kUnreachable) {
      news.failure = v1::FETCH_FAILURE_CONNECT;
      news.message = "connection refused";
    }
    return news;
  }
  // Each that may begin, begins now and ends so after `took`. How many.
  int Step(Signal signal, absl::Duration took = absl::Milliseconds(10), absl::Duration retry_after = {}) {
    std::vector<HostSchedule::Turn> turns = Begin();
    now_ += took;
    for (HostSchedule::Turn& turn : turns) {
      HostSchedule::News news = Is(signal, took);
      news.retry_after = retry_after;
      schedule_->End(*turn.host, news, now_);
    }
    return static_cast<int>(turns.size());
  }
  // The host has answered once and is fast.
  void Prove(const std::string& host) {
    Push(host);
    EXPECT_EQ(Step(Signal::kAnswered), 1);
    now_ += absl::Seconds(1);
  }
  std::string Hosts(const std::vector<HostSchedule::Turn>& turns) {
    return absl::StrJoin(turns, " ", [](std::string* out, const HostSchedule::Turn& turn) {
      absl::StrAppend(out, turn.fetch.url.host);
    });
  }
  std::string Trouble() {
    return absl::StrJoin(schedule_->Sweep(now_, 20).hosts, ", ", [](std::string* out, const TroubledHost& host) {
      absl::StrAppend(out, host.origin, " ", host.reason, " q", host.queued, host.given_up ? " given up" : "");
    });
  }
  // How long until something may begin.
  absl::Duration Wait() { return schedule_->NextTime() - now_; }

  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  int pushed_ = 0;
  std::unique_ptr<HostSchedule::Slots> slots_;
  std::unique_ptr<HostSchedule> schedule_;
};

HostSchedule::Options Unbounded() {
  HostSchedule::Options options;
  options.rules.push_back({"*", 0, -1, false});
  return options;
}

TEST_F(HostScheduleTest, AHostGetsOneUntilItHasAnswered) {
  Make(Unbounded(), 100);
  Push("a", 20);
  EXPECT_EQ(Begin().size(), 1u);
}

TEST_F(HostScheduleTest, ThenAsManyAsItsLimit) {
  Make(Unbounded(), 100);
  Prove("a");
  Push("a", 20);
  EXPECT_EQ(Begin().size(), 8u);
}

TEST_F(HostScheduleTest, HostsTakeTurns) {
  Make(Unbounded(), 6);
  for (const char* host : {"a", "b", "c"}) Prove(host);
  Push("a", 9);
  Push("b", 9);
  Push("c", 9);
  EXPECT_EQ(Hosts(Begin()), "a b c a b c");
}

TEST_F(HostScheduleTest, OrderIsKeptWithinAHost) {
  Make(Unbounded(), 100);
  Prove("a");
  Push("a", 3);
  const std::vector<HostSchedule::Turn> turns = Begin();
  ASSERT_EQ(turns.size(), 3u);
  EXPECT_EQ(turns[0].fetch.url.path, "/1");
  EXPECT_EQ(turns[2].fetch.url.path, "/3");
}

TEST_F(HostScheduleTest, TheRateIsKeptWithASmallBurst) {
  HostSchedule::Options options;
  options.requests_per_second = 20;
  Make(options, 100);
  Prove("a");
  Push("a", 1000);
  int begun = 0;
  const absl::Time end = now_ + absl::Seconds(10);
  while (now_ < end) begun += Step(Signal::kAnswered, absl::Milliseconds(1));
  EXPECT_GE(begun, 200);
  EXPECT_LE(begun, 200 + 6);
}

TEST_F(HostScheduleTest, NextTimeSaysWhenARateLetsMoreThrough) {
  HostSchedule::Options options;
  options.requests_per_second = 1;
  Make(options, 100);
  Push("a", 2);
  EXPECT_EQ(Step(Signal::kAnswered), 1);
  EXPECT_EQ(Step(Signal::kAnswered), 0);
  EXPECT_NEAR(absl::ToDoubleSeconds(Wait()), 0.98, 0.001);
  now_ = schedule_->NextTime();
  EXPECT_EQ(Step(Signal::kAnswered), 1);
}

TEST_F(HostScheduleTest, TheFirstRuleThatMatchesCounts) {
  HostSchedule::Options options;
  options.rules = {{"a.example", 3, -1, true}, {"*.example", 5, -1, false}, {"*", 2, -1, false}};
  Make(options, 100);
  const std::map<std::string, std::size_t> expected = {{"A.EXAMPLE", 3}, {"b.example", 5},     {"c.b.example", 5},
                                                       {"example", 2},   {"a.example.org", 2}, {"xa.example", 5}};
  for (const auto& [host, limit] : expected) {
    Prove(host);
    Push(host, 20);
    const std::vector<HostSchedule::Turn> turns = Begin();
    ASSERT_EQ(turns.size(), limit) << host;
    EXPECT_EQ(turns[0].host->ignores_robots(), limit == 3) << host;
    for (const HostSchedule::Turn& turn : turns) schedule_->End(*turn.host, Is(Signal::kAnswered), now_);
    schedule_->Clear();
  }
}

TEST_F(HostScheduleTest, AHostOfTheAllowListIsNotLimitedButByARule) {
  HostSchedule::Options options;
  options.rules = {{"ruled", 2, 1000, false}};
  Make(options, 50);
  for (const char* host : {"free", "ruled"}) {
    Push(host);
    std::vector<HostSchedule::Turn> first = Begin();
    schedule_->SetAllowed(*first[0].host);
    schedule_->End(*first[0].host, Is(Signal::kAnswered), now_);
    now_ += absl::Seconds(1);
    Push(host, 60);
    const std::vector<HostSchedule::Turn> turns = Begin();
    EXPECT_EQ(turns.size(), host[0] == 'f' ? 50u : 2u);
    for (const HostSchedule::Turn& turn : turns) schedule_->End(*turn.host, Is(Signal::kAnswered), now_);
    schedule_->Clear();
  }
}

TEST_F(HostScheduleTest, StreamsFitOneConnection) {
  HostSchedule::Options options;
  options.rules.push_back({"*", 500, -1, false});
  Make(options, 1000);
  Push("a");
  const std::optional<HostSchedule::Turn> first = schedule_->Next(now_);
  ASSERT_TRUE(first.has_value());
  schedule_->SetMultiplexed(*first->host);
  schedule_->Resolved(*first->host, true, now_);
  schedule_->End(*first->host, Is(Signal::kAnswered), now_);
  Push("a", 1000);
  EXPECT_EQ(Begin().size(), 100u);
}

TEST_F(HostScheduleTest, ACrawlDelayIsTheLeastBetweenTwoRequests) {
  Make(Unbounded(), 100);
  Prove("a");
  Push("a", 5);
  // The first is begun, then its robots.txt is read.
  const std::optional<HostSchedule::Turn> first = schedule_->Next(now_);
  ASSERT_TRUE(first.has_value());
  schedule_->SetCrawlDelay(*first->host, absl::Seconds(5));
  EXPECT_EQ(Begin().size(), 0u);
  EXPECT_EQ(Wait(), absl::Seconds(5));
  now_ += absl::Seconds(5);
  EXPECT_EQ(Begin().size(), 1u);
  EXPECT_EQ(Wait(), absl::Seconds(5));
}

TEST_F(HostScheduleTest, ABusyHostPausesForWhatItAsks) {
  Make(Unbounded(), 100);
  Prove("a");
  Push("a", 20);
  EXPECT_EQ(Step(Signal::kBusy, absl::Milliseconds(10), absl::Seconds(30)), 8);
  EXPECT_EQ(Trouble(), "http://a:80 HTTP 429, asked to wait 30s q12");
  EXPECT_EQ(Begin().size(), 0u);
  EXPECT_EQ(Wait(), absl::Seconds(30));
  now_ = schedule_->NextTime();
  EXPECT_EQ(Step(Signal::kAnswered), 1) << "one tries first";
  EXPECT_EQ(Step(Signal::kAnswered), 8);
  EXPECT_EQ(Trouble(), "");
}

TEST_F(HostScheduleTest, ALone503IsThatUrlsAndManyAreTheHosts) {
  Make(Unbounded(), 100);
  Prove("a");
  Push("a", 400);
  Step(Signal::kAnswered);
  for (int round = 0; round < 20; ++round) {
    bool first = true;
    std::vector<HostSchedule::Turn> turns = Begin();
    ASSERT_EQ(turns.size(), 8u) << "round " << round;
    now_ += absl::Milliseconds(10);
    for (HostSchedule::Turn& turn : turns) {
      schedule_->End(*turn.host, Is(std::exchange(first, false) ? Signal::kOverloaded : Signal::kAnswered), now_);
    }
    EXPECT_EQ(Trouble(), "");
  }
  EXPECT_EQ(Step(Signal::kOverloaded), 8);
  EXPECT_EQ(Begin().size(), 0u) << "the host pauses";
}

TEST_F(HostScheduleTest, AHostWhoseFirstAnswerIs503Pauses) {
  Make(Unbounded(), 100);
  Push("a", 10);
  EXPECT_EQ(Step(Signal::kOverloaded), 1);
  EXPECT_EQ(Begin().size(), 0u);
  EXPECT_GT(Wait(), absl::ZeroDuration());
}

TEST_F(HostScheduleTest, PausesDoubleWithJitter) {
  Make(Unbounded(), 100);
  Push("a", 100);
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(Step(Signal::kBusy), 1);
    const double expected = std::min(300, 1 << i);
    EXPECT_GE(absl::ToDoubleSeconds(Wait()), 0.5 * expected);
    EXPECT_LE(absl::ToDoubleSeconds(Wait()), 1.5 * expected);
    now_ = schedule_->NextTime();
  }
}

TEST_F(HostScheduleTest, ABusyHostsRateIsHalvedAndComesBackWithAnswers) {
  HostSchedule::Options options;
  options.requests_per_second = 4;
  Make(options, 100);
  Prove("a");
  Push("a", 1000);
  EXPECT_EQ(Step(Signal::kBusy), 1);
  now_ = schedule_->NextTime() + absl::Seconds(1);
  EXPECT_EQ(Step(Signal::kAnswered), 1);
  now_ = schedule_->NextTime();
  EXPECT_EQ(Step(Signal::kAnswered), 1);
  EXPECT_NEAR(absl::ToDoubleSeconds(Wait()), 1 / (4 * 0.52) - 0.01, 0.02);
  for (int i = 0; i < 60; ++i) {
    now_ = schedule_->NextTime();
    Step(Signal::kAnswered);
  }
  EXPECT_NEAR(absl::ToDoubleSeconds(Wait()), 0.25 - 0.01, 0.001);
}

TEST_F(HostScheduleTest, AHostThatOnlyRefusesIsGivenUpAfterEightPauses) {
  Make(Unbounded(), 100);
  Push("a", 20);
  for (int i = 0; i < 9; ++i) {
    ASSERT_EQ(Step(Signal::kBusy), 1) << i;
    if (i < 8) now_ = schedule_->NextTime();
  }
  const std::vector<HostSchedule::Ended> ended = schedule_->TakeEnded();
  ASSERT_EQ(ended.size(), 11u);
  EXPECT_EQ(ended[0].result.failure, v1::FETCH_FAILURE_HTTP_STATUS);
  EXPECT_EQ(ended[0].result.retry, Retry::kNever);
  EXPECT_EQ(ended[0].result.message,
            "host given up: nothing but refusals through 8 pauses (last: HTTP 429); `mannequin crawl --retry-failed "
            "http_status` tries again");
}

TEST_F(HostScheduleTest, AHostThatAsksForMoreThanTenMinutesIsGivenUpForSoLong) {
  Make(Unbounded(), 100);
  Push("a", 2);
  EXPECT_EQ(Step(Signal::kBusy, absl::Milliseconds(10), absl::Hours(2)), 1);
  EXPECT_EQ(schedule_->TakeEnded().size(), 1u);
  now_ += absl::Hours(1);
  Push("a");
  EXPECT_EQ(schedule_->TakeEnded().size(), 1u);
  now_ += absl::Hours(1);
  Push("a");
  EXPECT_EQ(Step(Signal::kAnswered), 1);
}

TEST_F(HostScheduleTest, OneAnswerBetweenRefusalsStartsTheCountAnew) {
  Make(Unbounded(), 100);
  Push("a", 100);
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(Step(i % 4 == 3 ? Signal::kAnswered : Signal::kBusy) > 0, true);
    now_ = std::min(now_ + absl::Minutes(10), std::max(now_, schedule_->NextTime()));
  }
  EXPECT_TRUE(schedule_->TakeEnded().empty());
}

TEST_F(HostScheduleTest, ADeadHostPausesAfterEightFailuresAndIsGivenUpAfterThreeProbes) {
  Make(Unbounded(), 100);
  Push("a", 50);
  for (int i = 0; i < 8; ++i) ASSERT_EQ(Step(Signal::kUnreachable), 1);
  EXPECT_EQ(Trouble(), "http://a:80 8 connects failed in a row (last: connection refused) q42");
  for (int i = 0; i < 3; ++i) {
    const double expected = 5 << i;
    EXPECT_GE(absl::ToDoubleSeconds(Wait()), 0.5 * expected);
    EXPECT_LE(absl::ToDoubleSeconds(Wait()), 1.5 * expected);
    now_ = schedule_->NextTime();
    ASSERT_EQ(Step(Signal::kUnreachable), 1);
  }
  const std::vector<HostSchedule::Ended> ended = schedule_->TakeEnded();
  ASSERT_EQ(ended.size(), 39u);
  EXPECT_EQ(ended[0].result.failure, v1::FETCH_FAILURE_CONNECT);
  EXPECT_EQ(ended[0].result.retry, Retry::kNever);
  EXPECT_EQ(ended[0].result.message,
            "host given up: 11 connects failed in a row (last: connection refused); `mannequin crawl --retry-failed "
            "connect` tries again");
  EXPECT_EQ(slots_->queued, 0);
  // For ten minutes all that comes ends at once; then it is tried again.
  Push("a");
  EXPECT_EQ(schedule_->TakeEnded().size(), 1u);
  EXPECT_EQ(Trouble(), "http://a:80 11 connects failed in a row (last: connection refused) q0 given up");
  now_ += absl::Minutes(10);
  Push("a");
  EXPECT_EQ(Step(Signal::kAnswered), 1);
  EXPECT_EQ(Trouble(), "");
}

TEST_F(HostScheduleTest, AProbeThatSucceedsOpensTheHost) {
  Make(Unbounded(), 100);
  Push("a", 50);
  for (int i = 0; i < 8; ++i) Step(Signal::kUnreachable);
  now_ = schedule_->NextTime();
  EXPECT_EQ(Step(Signal::kAnswered), 1);
  EXPECT_EQ(Step(Signal::kAnswered), 8);
}

TEST_F(HostScheduleTest, FailuresOfOneMomentAreOnePause) {
  Make(Unbounded(), 100);
  Prove("a");
  Push("a", 100);
  EXPECT_EQ(Step(Signal::kUnreachable), 8);
  EXPECT_LE(Wait(), absl::Seconds(7.5));
  // Sixteen more that were begun before would not be probes either.
  EXPECT_TRUE(schedule_->TakeEnded().empty());
}

TEST_F(HostScheduleTest, WhatWaitsTooLongForAPauseIsGivenBack) {
  Make(Unbounded(), 100);
  Push("a", 3, now_ + absl::Seconds(20));
  EXPECT_EQ(Step(Signal::kBusy, absl::Milliseconds(10), absl::Seconds(60)), 1);
  now_ += absl::Seconds(21);
  schedule_->Sweep(now_, 20);
  const std::vector<HostSchedule::Ended> ended = schedule_->TakeEnded();
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(ended[0].result.retry, Retry::kUncounted);
  EXPECT_EQ(ended[0].result.message, "not begun in time: its host pauses: HTTP 429, asked to wait 1m");
}

TEST_F(HostScheduleTest, APersonsRequestDoesNotWaitForPausesAndRates) {
  HostSchedule::Options options;
  options.requests_per_second = 0.01;
  Make(options, 100);
  Push("a", 3);
  EXPECT_EQ(Step(Signal::kBusy, absl::Milliseconds(10), absl::Minutes(5)), 1);
  Push("a", 2, absl::InfiniteFuture(), false);
  const std::vector<HostSchedule::Turn> turns = Begin();
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_FALSE(turns[0].fetch.request.polite);
}

TEST_F(HostScheduleTest, LookupsInFlightAreLimited) {
  HostSchedule::Options options = Unbounded();
  options.max_lookups = 2;
  Make(options, 100);
  for (const char* host : {"a", "b", "c", "d", "192.0.2.1"}) Push(host, 3);
  std::vector<HostSchedule::Turn> turns;
  while (std::optional<HostSchedule::Turn> turn = schedule_->Next(now_)) turns.push_back(*std::move(turn));
  EXPECT_EQ(Hosts(turns), "a b 192.0.2.1");
  schedule_->Resolved(*turns[0].host, true, now_);
  const std::optional<HostSchedule::Turn> next = schedule_->Next(now_);
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->fetch.url.host, "c");
  EXPECT_FALSE(schedule_->Next(now_).has_value());
}

TEST_F(HostScheduleTest, OneLookupAHost) {
  Make(Unbounded(), 100);
  Prove("a");
  now_ += absl::Hours(1);  // its address is forgotten
  Push("a", 8);
  const std::optional<HostSchedule::Turn> first = schedule_->Next(now_);
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->resolves);
  EXPECT_FALSE(schedule_->Next(now_).has_value());
  schedule_->Resolved(*first->host, true, now_);
  EXPECT_EQ(Begin().size(), 7u);
}

// More hosts that hang than slots: the good one gets nine tenths as soon as they are known.
TEST_F(HostScheduleTest, HostsThatHangLeaveTheGoodOneItsSlots) {
  HostSchedule::Options options;
  options.rules = {{"good", 100, -1, false}, {"*", 0, -1, false}};
  Make(options, 100);
  Prove("good");
  for (int i = 0; i < 300; ++i) Push(absl::StrCat("slow", i), 3);
  struct Running {
    HostSchedule::Turn turn;
    absl::Time begun;
    bool aged = false;
  };
  std::vector<Running> hanging;
  int good = 0;
  int good_late = 0;
  const absl::Time begun = now_;
  // A good answer takes 100 ms and a bad one never comes; evicted as the loop does.
  while (now_ < begun + absl::Seconds(60)) {
    std::vector<HostSchedule::Turn> answering;
    Push("good", 200);
    for (HostSchedule::Turn& turn : Begin()) {
      if (turn.fetch.url.host == "good") {
        answering.push_back(std::move(turn));
      } else {
        hanging.push_back({std::move(turn), now_});
      }
    }
    now_ += absl::Milliseconds(100);
    for (const HostSchedule::Turn& turn : answering) schedule_->End(*turn.host, Is(Signal::kAnswered), now_);
    good += static_cast<int>(answering.size());
    if (now_ > begun + absl::Seconds(40)) good_late += static_cast<int>(answering.size());
    for (Running& running : hanging) {
      if (running.aged || now_ - running.begun < HostSchedule::kSlow) continue;
      running.aged = true;
      schedule_->Aged(*running.turn.host, now_);
    }
    while (!hanging.empty() && slots_->slow > 10) {
      auto last = std::find_if(hanging.rbegin(), hanging.rend(), [](const Running& r) { return r.aged; });
      if (last == hanging.rend()) break;
      HostSchedule::News news;
      news.aged = true;
      schedule_->PushBack(*last->turn.host, std::move(last->turn.fetch), false, now_);
      schedule_->End(*last->turn.host, news, now_);
      hanging.erase(std::next(last).base());
    }
  }
  // Alone it would have 1,000 a second.
  EXPECT_GE(good, 60 * 650);
  EXPECT_GE(good_late, 20 * 890);
  EXPECT_LE(slots_->slow, 10);
}

TEST_F(HostScheduleTest, ASlowHostAloneMayUseWhatIsThere) {
  Make(Unbounded(), 100);
  Push("a", 50);
  EXPECT_EQ(Step(Signal::kAnswered, absl::Seconds(5)), 1);
  EXPECT_EQ(Begin().size(), 8u);
}

TEST_F(HostScheduleTest, HostsOfOldAreForgotten) {
  Make(Unbounded(), 100);
  Prove("a");
  schedule_->Sweep(now_, 20);
  EXPECT_EQ(schedule_->hosts(), 1u);
  now_ += absl::Minutes(11);
  schedule_->Sweep(now_, 20);
  EXPECT_EQ(schedule_->hosts(), 0u);
}

}  // namespace
}  // namespace mannequin
