#include "services/fetcher/host_schedule.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace mannequin {
namespace {

constexpr absl::Duration kFirstBusyPause = absl::Seconds(1);
constexpr absl::Duration kMaxBusyPause = absl::Minutes(5);
constexpr int kMaxBusyPauses = 8;
constexpr absl::Duration kFirstDeadPause = absl::Seconds(5);
constexpr absl::Duration kMaxDeadPause = absl::Minutes(2);
constexpr int kMaxFailures = 8;
constexpr int kMaxProbes = 3;
constexpr absl::Duration kGivenUpFor = absl::Minutes(10);
constexpr absl::Duration kMaxGivenUpFor = absl::Hours(24);
// libcurl's own limit, and what RFC 9113 asks servers for at least. While one connection is
// full and the next is not up yet, each further request would open one of its own.
constexpr int kMaxStreams = 100;
constexpr double kMinRateShare = 1.0 / 64;
// A hundred answers bring a rate back.
constexpr double kRateStep = 0.01;
constexpr double kMaxBurst = 8;
constexpr double kAnswersRemembered = 16;
// Less than the engine's DNS cache.
constexpr absl::Duration kResolvedFor = absl::Seconds(290);
constexpr absl::Duration kForgetAfter = absl::Minutes(10);
constexpr std::size_t kManyHosts = 20'000;

bool Matches(absl::string_view rule, absl::string_view host) {
  if (rule == "*") return true;
  if (absl::ConsumePrefix(&rule, "*")) return absl::EndsWithIgnoreCase(host, rule) && host.size() > rule.size();
  return absl::EqualsIgnoreCase(rule, host);
}

absl::string_view What(v1::FetchFailure failure) {
  switch (failure) {
    case v1::FETCH_FAILURE_DNS:
      return "lookups";
    case v1::FETCH_FAILURE_TLS:
      return "TLS handshakes";
    case v1::FETCH_FAILURE_TIMEOUT:
      return "requests without an answer";
    default:
      return "connects";
  }
}

std::string RetryName(v1::FetchFailure failure) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::FetchFailure_Name(failure), "FETCH_FAILURE_"));
}

}  // namespace

HostSchedule::HostSchedule(Options options, Slots& slots)
    : options_(std::move(options)), slots_(slots), random_(options_.seed) {}

HostSchedule::~HostSchedule() = default;

// --- hosts -----------------------------------------------------------------------------

HostSchedule::Host& HostSchedule::Find(const Url& url) {
  const auto [found, is_new] = hosts_.try_emplace(url.origin);
  Host& host = found->second;
  if (is_new) {
    host.origin_ = url.origin;
    host.is_address_ = url.is_address;
    ApplyRule(url, host);
  }
  return host;
}

void HostSchedule::ApplyRule(const Url& url, Host& host) const {
  host.connections_ = options_.connections_per_host;
  host.rate_ = options_.requests_per_second;
  for (const HostRule& rule : options_.rules) {
    if (!Matches(rule.host, url.host)) continue;
    host.ruled_ = true;
    host.ignore_robots_ = rule.ignore_robots;
    if (rule.connections > 0) host.connections_ = rule.connections;
    if (rule.requests_per_second != 0) host.rate_ = rule.requests_per_second;
    return;
  }
}

int HostSchedule::Limit(const Host& host) const {
  if (host.probing_ || host.speed_ == Speed::kFresh) return 1;
  int limit = host.unlimited_ ? slots_.most : std::min(host.connections_, slots_.most);
  if (host.multiplexed_) limit = std::min(limit, kMaxStreams);
  if (host.speed_ == Speed::kSlow) limit = std::min(limit, slots_.most / std::max(1, busy_hosts_));
  return std::max(1, limit);
}

absl::Duration HostSchedule::Interval(const Host& host) const {
  if (host.unlimited_ || host.rate_ <= 0) return host.crawl_delay_;
  return std::max(host.crawl_delay_, absl::Seconds(1 / (host.rate_ * host.rate_share_)));
}

// `next_at_` moves on by an interval with each request and may run ahead of the clock by
// the burst (GCRA: a token bucket in one number).
absl::Time HostSchedule::EarliestTime(const Host& host) const {
  const absl::Duration interval = Interval(host);
  const double burst =
      host.crawl_delay_ > absl::ZeroDuration() ? 1 : std::clamp(host.rate_ * host.rate_share_ / 4, 1.0, kMaxBurst);
  return std::max(host.paused_until_, host.next_at_ - (burst - 1) * interval);
}

// One lookup a host: others would each start a thread that asks for the same name.
bool HostSchedule::MayLookUp(const Host& host, absl::Time now) const {
  return host.is_address_ || now < host.resolved_until_ || (!host.resolving_ && lookups_ < options_.max_lookups);
}

int HostSchedule::FreshPart() const { return std::max(1, slots_.most / 4); }
int HostSchedule::SlowPart() const { return std::max(1, slots_.most / 10); }

std::atomic<int>* HostSchedule::SlotsOf(Speed speed) {
  if (speed == Speed::kFresh) return &slots_.fresh;
  return speed == Speed::kSlow ? &slots_.slow : nullptr;
}

void HostSchedule::SetSpeed(Host& host, Speed speed) {
  if (host.speed_ == speed) return;
  if (std::atomic<int>* slots = SlotsOf(host.speed_)) *slots -= host.running_;
  host.speed_ = speed;
  if (std::atomic<int>* slots = SlotsOf(host.speed_)) *slots += host.running_;
}

// --- lists -----------------------------------------------------------------------------

// An entry of a list that the host is no longer on is passed over when it comes up.
void HostSchedule::List(Host& host, Host::Listing listing) {
  if (host.listing_ == listing && listing != Host::Listing::kTimed) return;
  if (host.listing_ == Host::Listing::kTimed) timed_.erase({host.timed_at_, &host});
  host.listing_ = listing;
  switch (listing) {
    case Host::Listing::kNone:
      return;
    case Host::Listing::kTimed:
      timed_.insert({host.timed_at_, &host});
      return;
    case Host::Listing::kLookup:
      lookups_wait_.push_back(&host);
      break;
    default:
      ready_[static_cast<int>(listing) - static_cast<int>(Host::Listing::kAsked)].push_back(&host);
  }
  ++host.entries_;
}

void HostSchedule::Place(Host& host, absl::Time now) {
  const bool may_ask = !host.asked_.empty() && host.running_ < std::max(host.connections_, Limit(host));
  const bool may_crawl = !host.queue_.empty() && !host.held_ && host.running_ < Limit(host);
  if (!may_ask && !may_crawl) return List(host, Host::Listing::kNone);
  if (!may_ask) {
    const absl::Time at = EarliestTime(host);
    if (at > now) {
      if (host.listing_ == Host::Listing::kTimed) timed_.erase({host.timed_at_, &host});
      host.listing_ = Host::Listing::kNone;
      host.timed_at_ = at;
      return List(host, Host::Listing::kTimed);
    }
  }
  if (!MayLookUp(host, now)) {
    return List(host, host.resolving_ ? Host::Listing::kNone : Host::Listing::kLookup);
  }
  if (may_ask) return List(host, Host::Listing::kAsked);
  switch (host.speed_) {
    case Speed::kFast:
      return List(host, Host::Listing::kFast);
    case Speed::kFresh:
      return List(host, Host::Listing::kFresh);
    case Speed::kSlow:
      return List(host, Host::Listing::kSlow);
  }
}

void HostSchedule::WakeTimed(absl::Time now) {
  while (!timed_.empty() && timed_.begin()->first <= now) Place(*timed_.begin()->second, now);
}

// As many as may look up; one that does not after all leaves its place to the next.
void HostSchedule::WakeLookups(absl::Time now) {
  for (int free = options_.max_lookups - lookups_; free > 0 && !lookups_wait_.empty();) {
    Host& host = *lookups_wait_.front();
    lookups_wait_.pop_front();
    --host.entries_;
    if (host.listing_ != Host::Listing::kLookup) continue;
    host.listing_ = Host::Listing::kNone;
    Place(host, now);
    --free;
  }
}

HostSchedule::Host* HostSchedule::PopFrom(Host::Listing listing) {
  std::deque<Host*>& list = ready_[static_cast<int>(listing) - static_cast<int>(Host::Listing::kAsked)];
  while (!list.empty()) {
    Host* host = list.front();
    list.pop_front();
    --host->entries_;
    if (host->listing_ != listing) continue;
    host->listing_ = Host::Listing::kNone;
    return host;
  }
  return nullptr;
}

bool HostSchedule::OthersWait() const {
  return std::any_of(ready_.begin(), ready_.begin() + 3, [](const auto& list) { return !list.empty(); });
}

// What a person asked for, then the three kinds of hosts in turn, each within its part;
// beyond it when the others want nothing.
HostSchedule::Host* HostSchedule::Pick() {
  if (Host* host = PopFrom(Host::Listing::kAsked)) return host;
  for (int i = 0; i < 3; ++i) {
    turn_ = (turn_ + 1) % 3;
    Host* host = nullptr;
    if (turn_ == 0) host = PopFrom(Host::Listing::kFast);
    if (turn_ == 1 && slots_.fresh < FreshPart()) host = PopFrom(Host::Listing::kFresh);
    if (turn_ == 2 && slots_.slow < SlowPart()) host = PopFrom(Host::Listing::kSlow);
    if (host != nullptr) return host;
  }
  if (Host* host = PopFrom(Host::Listing::kFresh)) return host;
  if (slots_.most - slots_.running > slots_.most / 10) return PopFrom(Host::Listing::kSlow);
  return nullptr;
}

bool HostSchedule::Crowded() const {
  return slots_.running >= slots_.most && slots_.slow > SlowPart() && (OthersWait() || slots_.pressed);
}

// --- turns -----------------------------------------------------------------------------

void HostSchedule::Push(PendingFetch fetch, absl::Time now) {
  Host& host = Find(fetch.url);
  host.used_ = now;
  if (fetch.request.polite && host.given_up_) {
    if (now < host.paused_until_) return EndUnbegun(std::move(fetch), *IfGivenUp(host, now));
    // Its time is over: it starts with a clean sheet, one request at a time.
    host.given_up_ = false;
    host.failures_ = host.failed_probes_ = host.busy_pauses_ = 0;
    host.probing_ = true;
  }
  Enqueue(host, std::move(fetch), false, now);
}

void HostSchedule::PushBack(Host& host, PendingFetch fetch, bool front, absl::Time now) {
  ++slots_.queued;
  if (fetch.request.polite && host.given_up_) return EndUnbegun(std::move(fetch), *IfGivenUp(host, now));
  Enqueue(host, std::move(fetch), front, now);
}

void HostSchedule::Enqueue(Host& host, PendingFetch fetch, bool front, absl::Time now) {
  if (host.queue_.empty() && host.asked_.empty()) ++busy_hosts_;
  std::deque<PendingFetch>& queue = fetch.request.polite ? host.queue_ : host.asked_;
  if (front) {
    queue.push_front(std::move(fetch));
  } else {
    queue.push_back(std::move(fetch));
  }
  Place(host, now);
}

std::optional<PendingFetch> HostSchedule::Take(Host& host, absl::Time now) {
  for (std::deque<PendingFetch>* queue : {&host.asked_, &host.queue_}) {
    const bool polite = queue == &host.queue_;
    if (polite && (host.held_ || host.running_ >= Limit(host) || EarliestTime(host) > now)) return std::nullopt;
    while (!queue->empty()) {
      PendingFetch fetch = std::move(queue->front());
      queue->pop_front();
      if (host.queue_.empty() && host.asked_.empty()) --busy_hosts_;
      if (now > fetch.request.start_by) {
        TransferResult late;
        late.failure = v1::FETCH_FAILURE_OTHER;
        late.message = "not begun in time: its origin is busy";
        late.retry = Retry::kUncounted;
        EndUnbegun(std::move(fetch), std::move(late));
        continue;
      }
      if (polite) host.next_at_ = std::max(host.next_at_, now) + Interval(host);
      return fetch;
    }
  }
  return std::nullopt;
}

std::optional<HostSchedule::Turn> HostSchedule::Next(absl::Time now) {
  WakeTimed(now);
  WakeLookups(now);
  // Counted first, so that two threads cannot take the last slot both.
  if (slots_.running.fetch_add(1) >= slots_.most) {
    --slots_.running;
    if (OthersWait()) slots_.pressed = true;
    if (OthersWait() || !ready_[3].empty()) slots_.wanted |= std::uint64_t{1} << options_.index;
    return std::nullopt;
  }
  while (Host* host = Pick()) {
    if (!MayLookUp(*host, now)) {
      Place(*host, now);
      continue;
    }
    std::optional<PendingFetch> fetch = Take(*host, now);
    if (!fetch) {
      Place(*host, now);
      continue;
    }
    --slots_.queued;
    ++host->running_;
    host->used_ = now;
    if (std::atomic<int>* slots = SlotsOf(host->speed_)) ++*slots;
    Turn turn{host, *std::move(fetch), !host->is_address_ && now >= host->resolved_until_};
    if (turn.resolves) {
      host->resolving_ = true;
      ++lookups_;
    }
    Place(*host, now);
    return turn;
  }
  --slots_.running;
  return std::nullopt;
}

absl::Time HostSchedule::NextTime() const { return timed_.empty() ? absl::InfiniteFuture() : timed_.begin()->first; }

void HostSchedule::FreeSlot(Host& host) {
  --host.running_;
  --slots_.running;
  if (std::atomic<int>* slots = SlotsOf(host.speed_)) --*slots;
}

void HostSchedule::Abandon(Host& host, absl::Time now) {
  FreeSlot(host);
  host.next_at_ -= Interval(host);
  Place(host, now);
}

void HostSchedule::End(Host& host, const News& news, absl::Time now) {
  FreeSlot(host);
  host.used_ = now;
  if (news.aged) --host.aged_;
  Rate(host, news);
  if (news.signal == Signal::kAnswered || news.signal == Signal::kOverloaded) {
    const double refused = news.signal == Signal::kOverloaded ? 1 : 0;
    host.refused_share_ += (refused - host.refused_share_) / kAnswersRemembered;
  }
  switch (news.signal) {
    case Signal::kOverloaded:
      if (host.refused_share_ >= kRefusingShare) {
        OnBusy(host, news, now);
        break;
      }
      [[fallthrough]];
    case Signal::kAnswered:
      // What was begun before a pause says nothing about the time after it.
      if (news.begun < host.paused_since_) break;
      host.failures_ = host.failed_probes_ = host.busy_pauses_ = 0;
      host.probing_ = false;
      host.rate_share_ = std::min(1.0, host.rate_share_ + kRateStep);
      break;
    case Signal::kBusy:
      OnBusy(host, news, now);
      break;
    case Signal::kUnreachable:
      OnUnreachable(host, news, now);
      break;
    case Signal::kNeutral:
      break;
  }
  Place(host, now);
}

void HostSchedule::Rate(Host& host, const News& news) {
  if (news.signal == Signal::kNeutral) return;
  host.pace_ = host.speed_ == Speed::kFresh ? news.elapsed : host.pace_ * 0.8 + news.elapsed * 0.2;
  if (host.pace_ > kSlow) {
    SetSpeed(host, Speed::kSlow);
  } else if (2 * host.aged_ < std::max(1, host.running_) &&
             (host.speed_ == Speed::kSlow || news.signal == Signal::kAnswered)) {
    SetSpeed(host, Speed::kFast);
  }
}

void HostSchedule::Aged(Host& host, absl::Time now) {
  ++host.aged_;
  if (2 * host.aged_ < host.running_) return;
  SetSpeed(host, Speed::kSlow);
  host.pace_ = std::max(host.pace_, 2 * kSlow);
  Place(host, now);
}

void HostSchedule::Resolved(Host& host, bool looked_up, absl::Time now) {
  host.resolving_ = false;
  --lookups_;
  if (looked_up) host.resolved_until_ = now + kResolvedFor;
  Place(host, now);
}

void HostSchedule::SetAllowed(Host& host) {
  if (host.ruled_ || host.unlimited_) return;
  host.unlimited_ = true;
  host.next_at_ = absl::InfinitePast();
}

void HostSchedule::Hold(Host& host) {
  host.held_ = true;
  if (host.asked_.empty()) List(host, Host::Listing::kNone);
}

void HostSchedule::Unhold(Host& host, absl::Time now) {
  host.held_ = false;
  Place(host, now);
}

void HostSchedule::SetCrawlDelay(Host& host, absl::Duration delay) {
  if (delay == host.crawl_delay_) return;
  host.crawl_delay_ = delay;
  // The request that is being begun was counted by the pace of before.
  host.next_at_ = std::max(host.next_at_, host.used_ + delay);
}

// --- pauses ----------------------------------------------------------------------------

double HostSchedule::Jitter() { return std::uniform_real_distribution<double>(0.5, 1.5)(random_); }

void HostSchedule::Pause(Host& host, absl::Duration length, absl::Time now) {
  host.paused_since_ = now;
  host.paused_until_ = now + length;
  host.probing_ = true;
}

void HostSchedule::OnBusy(Host& host, const News& news, absl::Time now) {
  host.failure_ = news.failure;
  if (news.retry_after > kGivenUpFor) {
    return GiveUp(host, std::min(news.retry_after, kMaxGivenUpFor),
                  absl::StrCat(news.message, ", asked to wait ", absl::FormatDuration(news.retry_after)), now);
  }
  if (news.begun < host.paused_since_) {
    host.paused_until_ = std::max(host.paused_until_, now + news.retry_after);
    return;
  }
  if (++host.busy_pauses_ > kMaxBusyPauses) {
    return GiveUp(host, kGivenUpFor,
                  absl::StrCat("nothing but refusals through ", kMaxBusyPauses, " pauses (last: ", news.message, ")"),
                  now);
  }
  host.failures_ = host.failed_probes_ = 0;
  host.rate_share_ = std::max(kMinRateShare, host.rate_share_ / 2);
  const absl::Duration back_off = std::min(kMaxBusyPause, kFirstBusyPause * (1 << (host.busy_pauses_ - 1))) * Jitter();
  host.reason_ = news.message;
  if (news.retry_after > absl::ZeroDuration()) {
    absl::StrAppend(&host.reason_, ", asked to wait ", absl::FormatDuration(news.retry_after));
  }
  Pause(host, std::max(back_off, news.retry_after), now);
}

void HostSchedule::OnUnreachable(Host& host, const News& news, absl::Time now) {
  ++host.failures_;
  host.failure_ = news.failure;
  if (news.begun < host.paused_since_ || host.failures_ < kMaxFailures) return;
  host.reason_ = absl::StrCat(host.failures_, " ", What(news.failure), " failed in a row (last: ", news.message, ")");
  if (host.failures_ > kMaxFailures && host.probing_ && ++host.failed_probes_ >= kMaxProbes) {
    return GiveUp(host, kGivenUpFor, host.reason_, now);
  }
  Pause(host, std::min(kMaxDeadPause, kFirstDeadPause * (1 << host.failed_probes_)) * Jitter(), now);
}

void HostSchedule::GiveUp(Host& host, absl::Duration length, std::string why, absl::Time now) {
  host.given_up_ = true;
  host.reason_ = std::move(why);
  Pause(host, length, now);
  EndQueue(host, *IfGivenUp(host, now));
}

std::optional<TransferResult> HostSchedule::IfGivenUp(const Host& host, absl::Time now) const {
  if (!host.given_up_) return std::nullopt;
  TransferResult result;
  result.failure = host.failure_;
  result.message = absl::StrCat("host given up: ", host.reason_, "; `mannequin crawl --retry-failed ",
                                RetryName(host.failure_), "` tries again");
  result.retry = Retry::kNever;
  result.retry_after = PauseLeft(host, now);
  return result;
}

absl::Duration HostSchedule::PauseLeft(const Host& host, absl::Time now) const {
  return std::max(absl::ZeroDuration(), host.paused_until_ - now);
}

void HostSchedule::EndUnbegun(PendingFetch fetch, TransferResult result) {
  --slots_.queued;
  result.sent = fetch.sent;
  ended_.push_back({std::move(fetch), std::move(result)});
}

void HostSchedule::EndQueue(Host& host, const TransferResult& result) {
  std::deque<PendingFetch> waiting;
  waiting.swap(host.queue_);
  if (!waiting.empty() && host.asked_.empty()) --busy_hosts_;
  for (PendingFetch& fetch : waiting) EndUnbegun(std::move(fetch), result);
}

// --- once a second ---------------------------------------------------------------------

void HostSchedule::Expire(Host& host, absl::Time now) {
  while (!host.queue_.empty() && now > host.queue_.front().request.start_by) {
    TransferResult late;
    late.failure = v1::FETCH_FAILURE_OTHER;
    late.message = now < host.paused_until_ ? absl::StrCat("not begun in time: its host pauses: ", host.reason_)
                                            : "not begun in time: its origin is busy";
    late.retry = Retry::kUncounted;
    late.retry_after = PauseLeft(host, now);
    PendingFetch fetch = std::move(host.queue_.front());
    host.queue_.pop_front();
    if (host.queue_.empty() && host.asked_.empty()) --busy_hosts_;
    EndUnbegun(std::move(fetch), std::move(late));
  }
}

TroubleReport HostSchedule::Sweep(absl::Time now, std::size_t most_hosts) {
  TroubleReport report;
  const absl::Duration patience = hosts_.size() > kManyHosts ? absl::Minutes(1) : kForgetAfter;
  for (auto it = hosts_.begin(); it != hosts_.end();) {
    Host& host = it->second;
    Expire(host, now);
    if (now < host.paused_until_) {
      report.hosts.push_back({host.origin_, host.reason_, absl::ToDoubleSeconds(host.paused_until_ - now),
                              static_cast<std::int64_t>(host.queue_.size()), host.given_up_});
    } else if (host.running_ == 0 && host.queue_.empty() && host.asked_.empty() && host.entries_ == 0 && !host.held_ &&
               now - host.used_ > patience) {
      List(host, Host::Listing::kNone);
      it = hosts_.erase(it);
      continue;
    }
    ++it;
  }
  report.count = static_cast<std::int64_t>(report.hosts.size());
  const auto end = report.hosts.begin() + static_cast<std::ptrdiff_t>(std::min(most_hosts, report.hosts.size()));
  std::partial_sort(report.hosts.begin(), end, report.hosts.end(), [](const TroubledHost& a, const TroubledHost& b) {
    return a.queued != b.queued ? a.queued > b.queued : a.origin < b.origin;
  });
  report.hosts.erase(end, report.hosts.end());
  return report;
}

std::vector<PendingFetch> HostSchedule::Clear() {
  std::vector<PendingFetch> all;
  for (auto& [origin, host] : hosts_) {
    for (std::deque<PendingFetch>* queue : {&host.asked_, &host.queue_}) {
      for (PendingFetch& fetch : *queue) all.push_back(std::move(fetch));
      slots_.queued -= static_cast<std::int64_t>(queue->size());
      queue->clear();
    }
    List(host, Host::Listing::kNone);
  }
  busy_hosts_ = 0;
  return all;
}

}  // namespace mannequin
