// Whose turn it is: which host may get its next request, and when. All politeness is
// here; it owns no sockets and no clock, so that a test owns both.
//
//   HostSchedule::Slots slots(200);
//   HostSchedule schedule(options, slots);
//   schedule.Push(std::move(fetch), now);
//   while (std::optional<HostSchedule::Turn> turn = schedule.Next(now)) ...  // begin it
//   schedule.End(*turn.host, {.signal = Signal::kAnswered, ...}, later);
//   for (HostSchedule::Ended& ended : schedule.TakeEnded()) ...  // never begun
//
// A host is one "scheme://host:port". It has a limit of transfers and of requests a second
// (evenly, with a burst of a quarter of a second's); before its first answer it gets one.
//
// 429, and 503 when a quarter of the answers are that, pause the whole host for what it asks,
// or 1 s doubling to 5 min; its rate is halved and comes back with each answer. Eight failures to reach it in a row
// pause it for 5 s doubling to 2 min; after each pause one request tries. It is given up for ten minutes after the
// third that failed, after eight pauses with nothing but 429 and 503 between, or when it asks for more than ten
// minutes: all that waits for it ends.
//
// Slow hosts hold up only themselves. Hosts are fast, fresh (no answer yet) or slow (their
// transfers take over 3 s, or the first one over 1 s when all slots are taken). While others wait, fresh ones together
// hold a quarter of the slots and slow ones a tenth; a tenth stays free of slow ones always. What slow ones hold beyond
// that may be broken off for the others (Crowded).
//
// Not thread-safe but for Slots, which the schedules of several threads share.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/fetcher/transfer.h"
#include "services/fetcher/url.h"

namespace mannequin {

// A request on its way through the engine.
struct PendingFetch {
  TransferRequest request;
  // Where it is now, after redirects.
  Url url;
  int redirects = 0;
  // Of the request's timeout.
  absl::Duration spent;
  bool sent = false;
};

class HostSchedule {
 public:
  struct Options {
    int connections_per_host = 8;
    double requests_per_second = 20;
    std::vector<HostRule> rules;
    int max_lookups = 16;
    std::uint64_t seed = 1;
    // Among those that share Slots, 0 to 63.
    int index = 0;
  };

  // What all schedules of an engine may hold together. Thread-safe.
  struct Slots {
    explicit Slots(int slots) : most(slots) {}
    const int most;
    std::atomic<int> running{0};
    // Of them, by what their hosts are.
    std::atomic<int> fresh{0};
    std::atomic<int> slow{0};
    // Bits of schedules that found none free: whoever frees one tells them.
    std::atomic<std::uint64_t> wanted{0};
    // And it was not for a slow host.
    std::atomic<bool> pressed{false};
    std::atomic<std::int64_t> queued{0};
  };

  enum class Speed { kFresh, kFast, kSlow };

  static constexpr double kRefusingShare = 0.25;

  class Host {
   public:
    const std::string& origin() const { return origin_; }
    bool ignores_robots() const { return ignore_robots_; }
    int running() const { return running_; }
    Speed speed() const { return speed_; }

   private:
    friend class HostSchedule;
    enum class Listing { kNone, kAsked, kFast, kFresh, kSlow, kTimed, kLookup };

    std::string origin_;
    // From the rule that matched.
    bool ruled_ = false;
    bool ignore_robots_ = false;
    int connections_ = 0;
    double rate_ = 0;  // <= 0: no bound

    std::deque<PendingFetch> asked_;  // by a person: no politeness
    std::deque<PendingFetch> queue_;
    int running_ = 0;
    Speed speed_ = Speed::kFresh;
    int aged_ = 0;
    absl::Duration pace_;
    bool unlimited_ = false;
    bool multiplexed_ = false;
    bool held_ = false;
    bool is_address_ = false;
    bool resolving_ = false;
    absl::Time resolved_until_ = absl::InfinitePast();

    absl::Duration crawl_delay_;
    double rate_share_ = 1;
    absl::Time next_at_ = absl::InfinitePast();

    absl::Time paused_since_ = absl::InfinitePast();
    absl::Time paused_until_ = absl::InfinitePast();
    bool given_up_ = false;
    bool probing_ = false;
    int busy_pauses_ = 0;
    // Of its last 16 answers or so, those that were 503; not known, it counts as refusing.
    double refused_share_ = kRefusingShare;
    int failures_ = 0;
    int failed_probes_ = 0;
    v1::FetchFailure failure_ = v1::FETCH_FAILURE_UNSPECIFIED;
    std::string reason_;

    Listing listing_ = Listing::kNone;
    int entries_ = 0;  // in lists; such a host is not forgotten
    absl::Time timed_at_;
    absl::Time used_;
  };

  struct Turn {
    Host* host = nullptr;
    PendingFetch fetch;
    // Its name is not known to be resolved: Resolved() is owed.
    bool resolves = false;
  };

  struct Ended {
    PendingFetch fetch;
    TransferResult result;
  };

  enum class Signal {
    // With any other status.
    kAnswered,
    // 429: this client is to wait.
    kBusy,
    // 503: the host is overloaded when many of its answers say so, else only what was asked
    // for is.
    kOverloaded,
    // No DNS answer, no connection, no TLS, or not one byte in time.
    kUnreachable,
    // Says nothing about the host.
    kNeutral,
  };

  struct News {
    Signal signal = Signal::kNeutral;
    v1::FetchFailure failure = v1::FETCH_FAILURE_UNSPECIFIED;
    // E.g. "HTTP 429".
    std::string message;
    absl::Duration retry_after;
    absl::Time begun;
    // Less what its bytes may take.
    absl::Duration elapsed;
    // Aged() was called for it.
    bool aged = false;
  };

  // `slots` must outlive it.
  HostSchedule(Options options, Slots& slots);
  ~HostSchedule();
  HostSchedule(const HostSchedule&) = delete;
  HostSchedule& operator=(const HostSchedule&) = delete;

  // The fetch is counted in Slots::queued already.
  void Push(PendingFetch fetch, absl::Time now);
  // One that may begin now, counted as running; none now, or no slot is free.
  std::optional<Turn> Next(absl::Time now);
  // Next() has more then, without anything else happening.
  absl::Time NextTime() const;
  // What a Turn began has ended.
  void End(Host& host, const News& news, absl::Time now);
  // A Turn that asks nothing of the host after all: as if it had not been.
  void Abandon(Host& host, absl::Time now);
  // Pushes back what Next() handed out, to the front or to the end of its host's queue.
  void PushBack(Host& host, PendingFetch fetch, bool front, absl::Time now);

  // The name's address is in use (`looked_up`), or none was needed.
  void Resolved(Host& host, bool looked_up, absl::Time now);
  // Reached on an address of the allow list.
  void SetAllowed(Host& host);
  // It speaks HTTP/2: not more streams than fit one connection.
  void SetMultiplexed(Host& host) { host.multiplexed_ = true; }
  // Running for over kSlow, or kSlowWhenFull.
  void Aged(Host& host, absl::Time now);
  // Nothing polite begins until Unhold().
  void Hold(Host& host);
  void Unhold(Host& host, absl::Time now);
  // The least between two of its requests; zero: none.
  void SetCrawlDelay(Host& host, absl::Duration delay);
  // Ends all polite requests that wait for the host; retry_after and all else as in `result`.
  void EndQueue(Host& host, const TransferResult& result);
  // How long the host's pause lasts still.
  absl::Duration PauseLeft(const Host& host, absl::Time now) const;
  // What a request to a host that is given up ends with; none when it is not.
  std::optional<TransferResult> IfGivenUp(const Host& host, absl::Time now) const;

  // Others wait while slow hosts hold more than their part of the slots.
  bool Crowded() const;
  // Once a second: what is not begun in time ends, hosts of old are forgotten.
  TroubleReport Sweep(absl::Time now, std::size_t most_hosts);
  // Ends nothing: hands everything out.
  std::vector<PendingFetch> Clear();
  std::vector<Ended> TakeEnded() { return std::exchange(ended_, {}); }
  std::size_t hosts() const { return hosts_.size(); }

  static constexpr absl::Duration kSlow = absl::Seconds(3);
  // Of a fresh host's first transfer, while all slots are taken.
  static constexpr absl::Duration kSlowWhenFull = absl::Seconds(1);

 private:
  Host& Find(const Url& url);
  void Enqueue(Host& host, PendingFetch fetch, bool front, absl::Time now);
  void ApplyRule(const Url& url, Host& host) const;
  int Limit(const Host& host) const;
  absl::Duration Interval(const Host& host) const;
  absl::Time EarliestTime(const Host& host) const;
  bool MayLookUp(const Host& host, absl::Time now) const;
  void Place(Host& host, absl::Time now);
  void List(Host& host, Host::Listing listing);
  void WakeTimed(absl::Time now);
  void WakeLookups(absl::Time now);
  Host* Pick();
  Host* PopFrom(Host::Listing listing);
  bool OthersWait() const;
  std::optional<PendingFetch> Take(Host& host, absl::Time now);
  void FreeSlot(Host& host);
  void SetSpeed(Host& host, Speed speed);
  std::atomic<int>* SlotsOf(Speed speed);
  void Rate(Host& host, const News& news);
  void OnBusy(Host& host, const News& news, absl::Time now);
  void OnUnreachable(Host& host, const News& news, absl::Time now);
  void Pause(Host& host, absl::Duration length, absl::Time now);
  void GiveUp(Host& host, absl::Duration length, std::string why, absl::Time now);
  void EndUnbegun(PendingFetch fetch, TransferResult result);
  void Expire(Host& host, absl::Time now);
  double Jitter();
  int FreshPart() const;
  int SlowPart() const;

  const Options options_;
  Slots& slots_;
  std::mt19937_64 random_;
  std::unordered_map<std::string, Host> hosts_;  // addresses of its values are stable
  std::array<std::deque<Host*>, 4> ready_;       // asked, fast, fresh, slow
  int turn_ = 0;
  std::set<std::pair<absl::Time, Host*>> timed_;
  std::deque<Host*> lookups_wait_;
  int lookups_ = 0;
  int busy_hosts_ = 0;  // with work
  std::vector<Ended> ended_;
};

}  // namespace mannequin
