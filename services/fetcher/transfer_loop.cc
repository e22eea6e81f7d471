#include "services/fetcher/transfer_loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/steady.h"
#include "services/fetcher/robots.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr char kProductToken[] = "mannequin";
constexpr int kMaxRedirects = 5;
constexpr absl::Duration kSweepEvery = absl::Seconds(1);
constexpr absl::Duration kAgeEvery = absl::Milliseconds(100);
constexpr absl::Duration kMaxWait = absl::Milliseconds(100);
constexpr absl::Duration kMaxIdleWait = absl::Seconds(1);
// What a body may take without its host being slow.
constexpr double kFairBytesPerSecond = 16 << 10;
constexpr std::size_t kTroublesKept = 100;
constexpr std::size_t kMinIdleHandles = 64;

TransferResult Cancelled() {
  TransferResult result;
  result.failure = v1::FETCH_FAILURE_OTHER;
  result.message = "cancelled";
  result.retry = Retry::kUncounted;
  return result;
}

TransferResult RobotsUnavailable(const RobotsCache::Entry& entry, absl::Time now) {
  TransferResult result;
  result.failure = v1::FETCH_FAILURE_ROBOTS;
  result.message = absl::StrCat("robots.txt: ", entry.unavailable);
  result.retry = Retry::kLater;
  result.retry_after = entry.until - now;
  return result;
}

absl::Duration RetryAfter(CURL* easy) {
  curl_off_t seconds = 0;
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
  return absl::Seconds(std::max<curl_off_t>(0, seconds));
}

}  // namespace

TransferLoop::TransferLoop(Options options, TransferCommon& common, HostSchedule::Slots& slots, Hooks hooks)
    : options_(std::move(options)),
      common_(common),
      slots_(slots),
      hooks_(std::move(hooks)),
      multi_(curl_multi_init()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      schedule_(options_.schedule, slots),
      robots_(options_.robots_origins, options_.robots_bytes) {
  if (multi_ == nullptr || epoll_ < 0 || wake_ < 0) {
    spdlog::critical("transfer engine: no file descriptors or memory left; raise `ulimit -n`");
    std::abort();
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &OnSocket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &OnTimer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.connections));
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
}

void TransferLoop::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "fetch-transfer");
    Run();
  });
}

TransferLoop::~TransferLoop() {
  RequestStop();
  Join();
  idle_.clear();
  curl_multi_cleanup(multi_);
  close(wake_);
  close(epoll_);
}

void TransferLoop::RequestStop() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = cancel_ = true;
  }
  Wake();
}

void TransferLoop::Join() {
  if (thread_.joinable()) thread_.join();
}

bool TransferLoop::Submit(std::vector<PendingFetch>& fetches) {
  {
    absl::MutexLock lock(&mutex_);
    if (stop_) return false;
    for (PendingFetch& fetch : fetches) inbox_.push_back(std::move(fetch));
  }
  Wake();
  return true;
}

void TransferLoop::CancelAll() {
  {
    absl::MutexLock lock(&mutex_);
    cancel_ = true;
  }
  Wake();
}

void TransferLoop::Wake() {
  if (woken_.exchange(true)) return;
  const std::uint64_t one = 1;
  // Fails only when the counter is full, which wakes just as well.
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
}

TroubleReport TransferLoop::Troubles() const {
  absl::MutexLock lock(&mutex_);
  return troubles_;
}

// --- libcurl's callbacks ---------------------------------------------------------------

int TransferLoop::OnSocket(CURL* /*easy*/, curl_socket_t fd, int what, void* user, void* known) {
  auto& self = *static_cast<TransferLoop*>(user);
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(self.epoll_, EPOLL_CTL_DEL, fd, nullptr);
    return 0;
  }
  epoll_event event{};
  event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  event.data.fd = fd;
  epoll_ctl(self.epoll_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
  if (known == nullptr) curl_multi_assign(self.multi_, fd, &self);
  return 0;
}

int TransferLoop::OnTimer(CURLM* /*multi*/, long timeout_ms, void* user) {
  auto& self = *static_cast<TransferLoop*>(user);
  self.timer_ = timeout_ms < 0    ? absl::InfiniteFuture()
                : timeout_ms == 0 ? absl::InfinitePast()
                                  : SteadyNow() + absl::Milliseconds(timeout_ms);
  return 0;
}

void TransferLoop::OnConnecting(TransferHandle& transfer, AddressFilter::Verdict verdict) {
  if (transfer.host == nullptr) return;
  // Only of the origin that was asked: a redirect says nothing about who sent it.
  long redirects = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_REDIRECT_COUNT, &redirects);
  if (redirects > 0) return;
  if (verdict == AddressFilter::Verdict::kAllowed) schedule_.SetAllowed(*transfer.host);
  if (std::exchange(transfer.resolves, false)) schedule_.Resolved(*transfer.host, true, now_);
}

void TransferLoop::OnSending(TransferHandle& transfer) {
  if (transfer.host != nullptr && std::exchange(transfer.resolves, false)) {
    schedule_.Resolved(*transfer.host, false, now_);
  }
}

// --- the loop --------------------------------------------------------------------------

void TransferLoop::Run() {
  do {
    now_ = SteadyNow();
    if (!TakeInbox()) return;
    BeginMore();
    if (now_ >= age_at_) {
      Age();
      age_at_ = now_ + kAgeEvery;
    }
    if (schedule_.Crowded()) Evict();
    if (now_ >= sweep_at_) {
      TroubleReport report = schedule_.Sweep(now_, kTroublesKept);
      sweep_at_ = now_ + kSweepEvery;
      slots_.pressed = false;  // those that still are say so again
      absl::MutexLock lock(&mutex_);
      troubles_ = std::move(report);
    }
    FlushEnded();
    WaitAndWork();
  } while (true);
}

bool TransferLoop::TakeInbox() {
  std::vector<PendingFetch> arrived;
  bool cancel = false;
  bool stop = false;
  {
    absl::MutexLock lock(&mutex_);
    arrived.swap(inbox_);
    std::swap(cancel, cancel_);
    stop = stop_;
  }
  for (PendingFetch& fetch : arrived) {
    if (!fetch.url.text.empty()) {
      schedule_.Push(std::move(fetch), now_);
      continue;
    }
    --slots_.queued;
    TransferResult result;
    result.failure = v1::FETCH_FAILURE_INVALID_URL;
    result.message = std::string(ParseUrl(fetch.request.url).status().message());
    Finish(std::move(fetch), std::move(result));
  }
  if (cancel) EndAll();
  return !stop;
}

void TransferLoop::WaitAndWork() {
  std::array<epoll_event, 256> events;
  const bool is_idle = young_.empty() && old_.empty() && slots_.queued == 0;
  // While memory is short nothing begins, whoever's turn it is; Release() wakes the loop.
  const absl::Time next = MemoryIsShort() ? absl::InfiniteFuture() : schedule_.NextTime();
  const absl::Duration wait =
      std::clamp(std::min(timer_, next) - now_, absl::ZeroDuration(), is_idle ? kMaxIdleWait : kMaxWait);
  const int wait_ms = static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1))));
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms);
  now_ = SteadyNow();
  int unused = 0;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[i];
    if (event.data.fd == wake_) {
      std::uint64_t drained = 0;
      [[maybe_unused]] const ssize_t got = read(wake_, &drained, sizeof drained);
      woken_ = false;
      continue;
    }
    const int what = (event.events & EPOLLIN ? CURL_CSELECT_IN : 0) | (event.events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                     (event.events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(multi_, event.data.fd, what, &unused);
  }
  if (now_ >= timer_) {
    timer_ = absl::InfiniteFuture();
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &unused);
  }
  EndCompleted();
}

// --- beginning -------------------------------------------------------------------------

void TransferLoop::BeginMore() {
  while (!MemoryIsShort()) {
    std::optional<HostSchedule::Turn> turn = schedule_.Next(now_);
    if (!turn) return;
    Begin(*std::move(turn));
  }
}

void TransferLoop::Begin(HostSchedule::Turn turn) {
  const bool asks = turn.fetch.request.polite && !turn.host->ignores_robots() && turn.fetch.url.path != "/robots.txt";
  if (!asks || AskRobots(turn)) Start(std::move(turn), false);
}

bool TransferLoop::AskRobots(HostSchedule::Turn& turn) {
  HostSchedule::Host& host = *turn.host;
  const RobotsCache::Entry* entry = robots_.Find(host.origin(), now_);
  if (entry == nullptr) {
    schedule_.Hold(host);
    Start(std::move(turn), true);
    return false;
  }
  TransferResult result;
  if (!entry->unavailable.empty()) {
    result = RobotsUnavailable(*entry, now_);
  } else {
    schedule_.SetCrawlDelay(host, entry->robots.crawl_delay());
    const Robots::Verdict verdict = entry->robots.Check(turn.fetch.url.path);
    if (verdict.allowed) return true;
    result.failure = v1::FETCH_FAILURE_ROBOTS;
    result.message = absl::StrCat("robots.txt: \"", verdict.rule.substr(0, 100), "\"");
    result.retry = Retry::kNever;
  }
  if (turn.resolves) schedule_.Resolved(host, false, now_);
  schedule_.Abandon(host, now_);
  result.sent = turn.fetch.sent;
  Finish(std::move(turn.fetch), std::move(result));
  return false;
}

void TransferLoop::Start(HostSchedule::Turn turn, bool robots) {
  std::unique_ptr<TransferHandle> owned;
  if (idle_.empty()) {
    owned = std::make_unique<TransferHandle>(common_, *this);
  } else {
    owned = std::move(idle_.back());
    idle_.pop_back();
  }
  TransferHandle& transfer = *owned.release();  // owned by young_ or old_ until Recycle()
  transfer.host = turn.host;
  transfer.resolves = turn.resolves;
  transfer.fetch = std::move(turn.fetch);
  transfer.begun = now_;
  transfer.Prepare(robots, transfer.fetch.request.timeout - transfer.fetch.spent);
  transfer.place = young_.insert(young_.end(), &transfer);
  curl_multi_add_handle(multi_, transfer.easy);
}

// --- ending ----------------------------------------------------------------------------

void TransferLoop::EndCompleted() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    TransferHandle* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    const CURLcode code = message->data.result;
    if (transfer->robots) {
      EndRobots(*transfer, code);
    } else {
      EndFetch(*transfer, code);
    }
  }
  // The last slots may have been what others waited for.
  if (slots_.wanted == 0 || slots_.running >= slots_.most) return;
  const std::uint64_t others = slots_.wanted.exchange(0) & ~(std::uint64_t{1} << options_.schedule.index);
  if (others != 0) hooks_.wake(others);
}

void TransferLoop::Detach(TransferHandle& transfer) {
  long version = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_HTTP_VERSION, &version);
  if (version == CURL_HTTP_VERSION_2) schedule_.SetMultiplexed(*transfer.host);
  curl_multi_remove_handle(multi_, transfer.easy);
  (transfer.is_old ? old_ : young_).erase(transfer.place);
  if (std::exchange(transfer.resolves, false)) schedule_.Resolved(*transfer.host, false, now_);
}

void TransferLoop::DropBody(TransferHandle& transfer) {
  common_.held -= static_cast<std::int64_t>(transfer.body.size());
  transfer.body = std::string();
}

void TransferLoop::Recycle(TransferHandle& transfer) {
  std::unique_ptr<TransferHandle> owned(&transfer);
  transfer.Clear();
  // As many as may be of use soon; each holds some KiB.
  if (idle_.size() < std::max(kMinIdleHandles, young_.size() + old_.size())) idle_.push_back(std::move(owned));
}

HostSchedule::News TransferLoop::NewsOf(const TransferHandle& transfer, const TransferEnd& end,
                                        const TransferResult& result) {
  HostSchedule::News news;
  news.begun = transfer.begun;
  news.aged = transfer.aged;
  news.failure = result.failure;
  news.message = result.message;
  news.elapsed =
      std::max(absl::ZeroDuration(),
               now_ - transfer.begun - absl::Seconds(static_cast<double>(transfer.body_bytes) / kFairBytesPerSecond));
  if (!transfer.fetch.request.polite || result.failure == v1::FETCH_FAILURE_FORBIDDEN_ADDRESS ||
      end.stopped == Stopped::kMemoryShort) {
    return news;
  }
  if (end.http_status == 429 || end.http_status == 503) {
    news.signal = end.http_status == 429 ? HostSchedule::Signal::kBusy : HostSchedule::Signal::kOverloaded;
    news.message = absl::StrCat("HTTP ", end.http_status);
    news.failure = v1::FETCH_FAILURE_HTTP_STATUS;
    news.retry_after = RetryAfter(transfer.easy);
  } else if (transfer.header_bytes == 0 && IsUnreachable(result.failure)) {
    news.signal = HostSchedule::Signal::kUnreachable;
  } else if (transfer.header_bytes > 0) {
    news.signal = HostSchedule::Signal::kAnswered;
  }
  return news;
}

void TransferLoop::EndFetch(TransferHandle& transfer, CURLcode code) {
  const TransferEnd end = transfer.End(code);
  TransferResult result = Explain(end);
  result.retry_after = RetryAfter(transfer.easy);
  const HostSchedule::News news = NewsOf(transfer, end, result);
  const bool goes_on = Redirect(transfer, end, result);
  Detach(transfer);
  HostSchedule::Host& host = *transfer.host;
  schedule_.End(host, news, now_);
  if (result.failure != v1::FETCH_FAILURE_UNSPECIFIED && transfer.fetch.request.polite) {
    const bool waits = schedule_.PauseLeft(host, now_) > absl::ZeroDuration();
    const bool refused =
        news.signal == HostSchedule::Signal::kBusy || (news.signal == HostSchedule::Signal::kOverloaded && waits);
    const bool about_host = refused || news.signal == HostSchedule::Signal::kUnreachable;
    std::optional<TransferResult> given_up = about_host ? schedule_.IfGivenUp(host, now_) : std::nullopt;
    if (given_up) {
      result = *std::move(given_up);
    } else if (about_host) {
      // The whole host is asked to wait: no attempt of this product's.
      if (refused) result.retry = Retry::kUncounted;
      result.retry_after = std::max(result.retry_after, schedule_.PauseLeft(host, now_));
    }
  }
  if (result.failure == v1::FETCH_FAILURE_UNSPECIFIED) {
    result.body = std::move(transfer.body);
    transfer.body = std::string();
    result.etag = std::move(transfer.etag);
    result.last_modified = std::move(transfer.last_modified);
  } else {
    DropBody(transfer);
  }
  PendingFetch fetch = std::move(transfer.fetch);
  fetch.spent += now_ - transfer.begun;
  fetch.sent = fetch.sent || transfer.sent;
  result.elapsed = fetch.spent;
  result.sent = fetch.sent;
  Recycle(transfer);
  if (!goes_on) return Finish(std::move(fetch), std::move(result));
  if (fetch.url.origin == host.origin()) return schedule_.PushBack(host, std::move(fetch), true, now_);
  hooks_.route(std::move(fetch));
}

bool TransferLoop::Redirect(TransferHandle& transfer, const TransferEnd& end, TransferResult& result) {
  char* location = nullptr;
  if (end.code != CURLE_OK || end.http_status < 300 || end.http_status > 399 || end.http_status == 304) return false;
  if (curl_easy_getinfo(transfer.easy, CURLINFO_REDIRECT_URL, &location) != CURLE_OK || location == nullptr) {
    return false;
  }
  PendingFetch& fetch = transfer.fetch;
  result.failure = v1::FETCH_FAILURE_REDIRECTS;
  result.retry = Retry::kNever;
  absl::StatusOr<Url> url = ParseUrl(location);
  if (!url.ok()) {
    result.message = absl::StrCat("redirect: ", url.status().message());
    return false;
  }
  if (++fetch.redirects > kMaxRedirects) {
    result.message = absl::StrCat("more than ", kMaxRedirects, " redirects");
    return false;
  }
  if (fetch.spent + (now_ - transfer.begun) >= fetch.request.timeout) {
    result.failure = v1::FETCH_FAILURE_TIMEOUT;
    result.message = "redirected when its time was over";
    result.retry = Retry::kLater;
    return false;
  }
  fetch.url = *std::move(url);
  return true;
}

// The fetch that waits for it goes on, or ends as the host's own failure would end it.
void TransferLoop::EndRobots(TransferHandle& transfer, CURLcode code) {
  TransferEnd end = transfer.End(code);
  // What came before the limit counts.
  const bool is_cut = end.stopped == Stopped::kBodyTooLarge;
  TransferResult result = Explain(end);
  HostSchedule::News news = NewsOf(transfer, end, result);
  HostSchedule::Host& host = *transfer.host;
  const int status_class = static_cast<int>(end.http_status / 100);
  const bool answered = code == CURLE_OK || is_cut || code == CURLE_TOO_MANY_REDIRECTS;
  bool goes_on = true;
  bool all_end = false;
  if (answered && status_class == 2) {
    robots_.Put(host.origin(), Robots::Parse(transfer.body, kProductToken), now_);
  } else if (answered && status_class != 5 && end.http_status != 429) {
    robots_.Put(host.origin(), Robots(), now_);
  } else if (end.redirects > 0 && result.failure == v1::FETCH_FAILURE_FORBIDDEN_ADDRESS) {
    // It will never be had: the same as none.
    robots_.Put(host.origin(), Robots(), now_);
    news.signal = HostSchedule::Signal::kAnswered;
  } else if (result.retry == Retry::kUncounted) {
    goes_on = true;  // memory was short: it is asked for again
  } else if (answered || end.redirects > 0 || transfer.header_bytes > 0) {
    const std::string why = answered ? absl::StrCat("HTTP ", end.http_status) : result.message;
    result = RobotsUnavailable(robots_.PutUnavailable(host.origin(), why, RetryAfter(transfer.easy), now_), now_);
    if (news.signal == HostSchedule::Signal::kUnreachable) news.signal = HostSchedule::Signal::kNeutral;
    goes_on = false;
    all_end = true;
  } else {
    result.message = absl::StrCat("robots.txt: ", result.message);
    goes_on = false;
  }
  Detach(transfer);
  DropBody(transfer);
  PendingFetch fetch = std::move(transfer.fetch);
  const absl::Duration elapsed = now_ - transfer.begun;
  Recycle(transfer);
  if (goes_on) schedule_.PushBack(host, std::move(fetch), true, now_);
  schedule_.End(host, news, now_);
  schedule_.Unhold(host, now_);
  if (all_end) schedule_.EndQueue(host, result);
  if (goes_on) return;
  if (std::optional<TransferResult> given_up = schedule_.IfGivenUp(host, now_)) {
    result = *std::move(given_up);
  } else {
    result.retry_after = std::max(result.retry_after, schedule_.PauseLeft(host, now_));
  }
  result.elapsed = elapsed;
  result.sent = fetch.sent;
  Finish(std::move(fetch), std::move(result));
}

void TransferLoop::FlushEnded() {
  for (HostSchedule::Ended& ended : schedule_.TakeEnded()) Finish(std::move(ended.fetch), std::move(ended.result));
}

void TransferLoop::EndAll() {
  for (PendingFetch& fetch : schedule_.Clear()) {
    TransferResult result = Cancelled();
    result.sent = fetch.sent;
    Finish(std::move(fetch), std::move(result));
  }
  for (std::list<TransferHandle*>* list : {&young_, &old_}) {
    while (!list->empty()) {
      TransferHandle& transfer = *list->front();
      Detach(transfer);
      DropBody(transfer);
      HostSchedule::News news;
      news.aged = transfer.aged;
      HostSchedule::Host& host = *transfer.host;
      schedule_.End(host, news, now_);
      if (transfer.robots) schedule_.Unhold(host, now_);
      PendingFetch fetch = std::move(transfer.fetch);
      TransferResult result = Cancelled();
      result.sent = fetch.sent || (transfer.sent && !transfer.robots);
      result.elapsed = now_ - transfer.begun;
      Recycle(transfer);
      Finish(std::move(fetch), std::move(result));
    }
  }
  FlushEnded();
}

// --- slow hosts ------------------------------------------------------------------------

void TransferLoop::Age() {
  // Where hosts that never answered hold the last slots, others that would answer wait.
  const bool full = slots_.running >= slots_.most;
  auto next = young_.begin();
  while (next != young_.end() && (*next)->begun + HostSchedule::kSlowWhenFull <= now_) {
    TransferHandle& transfer = **next++;
    const bool may_stay = !full || transfer.host->speed() != HostSchedule::Speed::kFresh;
    if (may_stay && transfer.begun + HostSchedule::kSlow > now_) continue;
    old_.splice(old_.end(), young_, transfer.place);
    transfer.is_old = true;
    const absl::Duration fair = absl::Seconds(static_cast<double>(transfer.body_bytes) / kFairBytesPerSecond);
    if (fair >= HostSchedule::kSlow) continue;
    transfer.aged = true;
    schedule_.Aged(*transfer.host, now_);
  }
}

// Those that have waited longest are nearest to their end: the latest go.
void TransferLoop::Evict() {
  std::vector<TransferHandle*> candidates;
  for (auto it = old_.rbegin(); it != old_.rend(); ++it) {
    if ((*it)->host->speed() == HostSchedule::Speed::kSlow && (*it)->fetch.request.polite) candidates.push_back(*it);
  }
  for (TransferHandle* transfer : candidates) {
    if (!schedule_.Crowded()) return;
    EvictOne(*transfer);
    BeginMore();
  }
}

void TransferLoop::EvictOne(TransferHandle& transfer) {
  Detach(transfer);
  DropBody(transfer);
  HostSchedule::Host& host = *transfer.host;
  HostSchedule::News news;
  news.aged = transfer.aged;
  const bool was_robots = transfer.robots;
  PendingFetch fetch = std::move(transfer.fetch);
  fetch.sent = fetch.sent || (transfer.sent && !was_robots);
  Recycle(transfer);
  schedule_.PushBack(host, std::move(fetch), was_robots, now_);
  schedule_.End(host, news, now_);
  if (was_robots) schedule_.Unhold(host, now_);
}

}  // namespace mannequin
