#include "services/fetcher/transfer.h"

#include <curl/curl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "services/fetcher/transfer_error.h"
#include "services/fetcher/url.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr long kMaxRedirects = 5;
constexpr std::int64_t kMaxHeaderBytes = 64 << 10;
// Of an answer that is not 200; it is read only to keep the connection.
constexpr std::int64_t kMaxErrorBodyBytes = 64 << 10;
// Reserved at most for what a Content-Length announces, which may be a lie.
constexpr std::int64_t kMaxReserveBytes = 256 << 10;
constexpr absl::Duration kConnectTimeout = absl::Seconds(10);
constexpr long kLowSpeedBytesPerSecond = 256;
constexpr long kLowSpeedSeconds = 10;
constexpr char kUserAgent[] = "mannequin-fetcher/0.1 (+product images of a catalogue)";
constexpr char kAccept[] = "Accept: image/jpeg,image/png,image/webp,image/gif;q=0.9,*/*;q=0.1";

// What one origin has running and waiting.
struct Host {
  std::string origin;
  std::deque<TransferRequest> queue;
  int running = 0;
  // Reached on an address of the allow list: not limited.
  bool unlimited = false;
  // In the list of hosts that may begin one.
  bool ready = false;
};

// An easy handle and the fetch that it is running; used again and again.
struct Transfer {
  CURL* easy = nullptr;
  const AddressFilter* filter = nullptr;
  std::atomic<std::int64_t>* held = nullptr;
  std::atomic<std::int64_t>* received = nullptr;
  std::int64_t max_body_bytes = 0;
  std::int64_t max_held_bytes = 0;

  TransferRequest request;
  Host* host = nullptr;
  absl::Time begun;
  std::string body;
  std::int64_t body_bytes = 0;
  std::int64_t header_bytes = 0;
  Stopped stopped = Stopped::kNot;
  std::string forbidden_address;
  std::array<char, CURL_ERROR_SIZE> words{};

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    if (easy != nullptr) curl_easy_cleanup(easy);
  }
};

// An option that cannot be set would leave a hole in what the engine promises.
template <typename Value>
void Set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code == CURLE_OK) return;
  spdlog::critical("libcurl refuses option {}: {}", static_cast<int>(option), curl_easy_strerror(code));
  std::abort();
}

std::size_t OnHeader(char* /*bytes*/, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.header_bytes += static_cast<std::int64_t>(size * count);
  if (transfer.header_bytes <= kMaxHeaderBytes) return size * count;
  transfer.stopped = Stopped::kHeaderTooLarge;
  return 0;
}

std::size_t OnBody(char* bytes, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const auto length = static_cast<std::int64_t>(size * count);
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  transfer.body_bytes += length;
  transfer.received->fetch_add(length, std::memory_order_relaxed);
  if (transfer.body_bytes > (status == 200 ? transfer.max_body_bytes : kMaxErrorBodyBytes)) {
    transfer.stopped = Stopped::kBodyTooLarge;
    return 0;
  }
  if (status != 200) return size * count;
  if (transfer.held->fetch_add(length) + length > transfer.max_held_bytes) {
    transfer.held->fetch_sub(length);
    transfer.stopped = Stopped::kMemoryShort;
    return 0;
  }
  if (transfer.body.empty()) {
    curl_off_t announced = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    if (announced > 0) transfer.body.reserve(std::min<std::int64_t>(announced, kMaxReserveBytes));
  }
  transfer.body.append(bytes, size * count);
  return size * count;
}

curl_socket_t OnOpenSocket(void* user, curlsocktype purpose, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(user);
  const AddressFilter::Verdict verdict = transfer.filter->Check(address->addr);
  if (purpose != CURLSOCKTYPE_IPCXN || verdict == AddressFilter::Verdict::kForbidden) {
    transfer.forbidden_address = AddressText(address->addr);
    return CURL_SOCKET_BAD;
  }
  if (verdict == AddressFilter::Verdict::kAllowed && transfer.host != nullptr) {
    // Only for the origin that was asked: a redirect says nothing about who sent it.
    long redirects = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_REDIRECT_COUNT, &redirects);
    if (redirects == 0) transfer.host->unlimited = true;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // namespace

struct TransferEngine::Impl {
  Impl(const AddressFilter& address_filter, TransferOptions transfer_options)
      : filter(address_filter), options(transfer_options) {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_ALL);
    if (global != CURLE_OK) std::abort();
    options.max_held_bytes = std::max(options.max_held_bytes, 2 * options.max_body_bytes);
    multi = curl_multi_init();
    accept = curl_slist_append(nullptr, kAccept);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (multi == nullptr || accept == nullptr || epoll < 0 || wake < 0) {
      spdlog::critical("transfer engine: no file descriptors or memory left; raise `ulimit -n`");
      std::abort();
    }
    Watch(wake, EPOLLIN);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Impl::OnSocket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Impl::OnTimer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(options.connections));
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    thread = std::thread([this] {
      pthread_setname_np(pthread_self(), "fetch-transfer");
      Loop();
    });
  }

  ~Impl() {
    Stop();
    idle.clear();
    curl_multi_cleanup(multi);
    curl_slist_free_all(accept);
    close(wake);
    close(epoll);
  }

  void Stop() {
    {
      absl::MutexLock lock(&mutex);
      stop = cancel = true;
    }
    Wake();
    if (thread.joinable()) thread.join();
  }

  void Wake() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, which wakes just as well.
    [[maybe_unused]] const ssize_t written = write(wake, &one, sizeof one);
  }

  void Watch(int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0 && errno == ENOENT) {
      epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
  }

  static int OnSocket(CURL* /*easy*/, curl_socket_t fd, int what, void* user, void* /*socket*/) {
    auto& self = *static_cast<Impl*>(user);
    if (what == CURL_POLL_REMOVE) {
      epoll_ctl(self.epoll, EPOLL_CTL_DEL, fd, nullptr);
    } else {
      self.Watch(fd, (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u));
    }
    return 0;
  }

  static int OnTimer(CURLM* /*multi*/, long timeout_ms, void* user) {
    auto& self = *static_cast<Impl*>(user);
    self.timer = timeout_ms < 0 ? absl::InfiniteFuture() : absl::Now() + absl::Milliseconds(timeout_ms);
    return 0;
  }

  // An easy handle with everything set that is the same for every fetch.
  std::unique_ptr<Transfer> NewTransfer() {
    auto transfer = std::make_unique<Transfer>();
    transfer->filter = &filter;
    transfer->held = &held;
    transfer->received = &received;
    transfer->max_body_bytes = options.max_body_bytes;
    transfer->max_held_bytes = options.max_held_bytes;
    CURL* easy = transfer->easy = curl_easy_init();
    if (easy == nullptr) std::abort();
    Set(easy, CURLOPT_PRIVATE, transfer.get());
    Set(easy, CURLOPT_ERRORBUFFER, transfer->words.data());
    Set(easy, CURLOPT_NOSIGNAL, 1L);
    Set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    Set(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    Set(easy, CURLOPT_FOLLOWLOCATION, 1L);
    Set(easy, CURLOPT_MAXREDIRS, kMaxRedirects);
    Set(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    Set(easy, CURLOPT_PROXY, "");
    Set(easy, CURLOPT_NOPROXY, "*");
    Set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    Set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    Set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    Set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    Set(easy, CURLOPT_USERAGENT, kUserAgent);
    Set(easy, CURLOPT_HTTPHEADER, accept);
    Set(easy, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(options.max_body_bytes));
    Set(easy, CURLOPT_LOW_SPEED_LIMIT, kLowSpeedBytesPerSecond);
    Set(easy, CURLOPT_LOW_SPEED_TIME, kLowSpeedSeconds);
    Set(easy, CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(easy, CURLOPT_HEADERDATA, transfer.get());
    Set(easy, CURLOPT_WRITEFUNCTION, &OnBody);
    Set(easy, CURLOPT_WRITEDATA, transfer.get());
    Set(easy, CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
    Set(easy, CURLOPT_OPENSOCKETDATA, transfer.get());
    return transfer;
  }

  static void Finish(TransferRequest request, TransferResult result) { request.done(std::move(result)); }

  static void FinishUnbegun(TransferRequest request, v1::FetchFailure failure, absl::string_view message, Retry retry) {
    TransferResult result;
    result.failure = failure;
    result.message = std::string(message);
    result.retry = retry;
    Finish(std::move(request), std::move(result));
  }

  int Limit(const Host& host) const {
    return host.unlimited ? options.connections : std::min(options.connections_per_host, options.connections);
  }

  void MakeReady(Host& host) {
    if (host.ready || host.queue.empty() || host.running >= Limit(host)) return;
    host.ready = true;
    ready_hosts.push_back(&host);
  }

  void Enqueue(TransferRequest request) {
    absl::StatusOr<Url> url = ParseUrl(request.url);
    if (!url.ok()) {
      --queued;
      FinishUnbegun(std::move(request), v1::FETCH_FAILURE_INVALID_URL, url.status().message(), Retry::kNever);
      return;
    }
    request.url = std::move(url->text);
    Host& host = hosts[url->origin];
    host.origin = url->origin;
    host.queue.push_back(std::move(request));
    MakeReady(host);
  }

  // Round robin over the origins, so that a slow one holds up only itself.
  void BeginMore() {
    while (!ready_hosts.empty() && running < options.connections && held < options.max_held_bytes / 2) {
      Host& host = *ready_hosts.front();
      ready_hosts.pop_front();
      host.ready = false;
      if (host.queue.empty()) {
        ForgetIdle(host);
        continue;
      }
      TransferRequest request = std::move(host.queue.front());
      host.queue.pop_front();
      --queued;
      if (absl::Now() > request.start_by) {
        FinishUnbegun(std::move(request), v1::FETCH_FAILURE_OTHER, "not begun in time: its origin is busy",
                      Retry::kUncounted);
      } else {
        Begin(host, std::move(request));
      }
      MakeReady(host);
      ForgetIdle(host);
    }
  }

  void Begin(Host& host, TransferRequest request) {
    std::unique_ptr<Transfer> owned;
    if (idle.empty()) {
      owned = NewTransfer();
    } else {
      owned = std::move(idle.back());
      idle.pop_back();
    }
    Transfer& transfer = *owned.release();  // Owned by `active` until End().
    active.insert(&transfer);
    transfer.request = std::move(request);
    transfer.host = &host;
    transfer.begun = absl::Now();
    transfer.body.clear();
    transfer.body_bytes = transfer.header_bytes = 0;
    transfer.stopped = Stopped::kNot;
    transfer.forbidden_address.clear();
    transfer.words[0] = '\0';
    const absl::Duration timeout = transfer.request.timeout;
    Set(transfer.easy, CURLOPT_URL, transfer.request.url.c_str());
    Set(transfer.easy, CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(timeout)));
    Set(transfer.easy, CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(absl::ToInt64Milliseconds(std::min(timeout, kConnectTimeout))));
    ++host.running;
    ++running;
    curl_multi_add_handle(multi, transfer.easy);
  }

  void End(Transfer& transfer, TransferResult result) {
    curl_multi_remove_handle(multi, transfer.easy);
    active.erase(&transfer);
    Host& host = *transfer.host;
    transfer.host = nullptr;
    --host.running;
    --running;
    MakeReady(host);
    ForgetIdle(host);
    const auto body_bytes = static_cast<std::int64_t>(transfer.body.size());
    if (result.failure == v1::FETCH_FAILURE_UNSPECIFIED) {
      result.body = std::move(transfer.body);
    } else {
      held -= body_bytes;
    }
    transfer.body = std::string();
    result.elapsed = absl::Now() - transfer.begun;
    TransferRequest request = std::move(transfer.request);
    transfer.request = TransferRequest();
    idle.emplace_back(&transfer);
    Finish(std::move(request), std::move(result));
  }

  void EndCompleted() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      TransferEnd end;
      end.code = message->data.result;
      Transfer* transfer = nullptr;
      curl_off_t retry_after_s = 0;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &end.http_status);
      curl_easy_getinfo(easy, CURLINFO_REDIRECT_COUNT, &end.redirects);
      curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
      end.body_bytes = transfer->body_bytes;
      end.stopped = transfer->stopped;
      end.forbidden_address = transfer->forbidden_address;
      end.detail = transfer->words.data();
      TransferResult result = Explain(end);
      result.retry_after = absl::Seconds(retry_after_s);
      End(*transfer, std::move(result));
    }
  }

  void EndAll() {
    for (auto& [origin, host] : hosts) {
      std::deque<TransferRequest> waiting = std::move(host.queue);
      host.queue.clear();
      for (TransferRequest& request : waiting) {
        --queued;
        FinishUnbegun(std::move(request), v1::FETCH_FAILURE_OTHER, "cancelled", Retry::kUncounted);
      }
    }
    const std::vector<Transfer*> begun(active.begin(), active.end());
    for (Transfer* transfer : begun) {
      TransferResult result;
      result.failure = v1::FETCH_FAILURE_OTHER;
      result.message = "cancelled";
      result.retry = Retry::kUncounted;
      End(*transfer, std::move(result));
    }
  }

  // A host of the allow list is remembered: its connections are open and will not ask
  // the filter again.
  void ForgetIdle(Host& host) {
    if (host.running > 0 || !host.queue.empty() || host.unlimited || host.ready) return;
    const std::string origin = host.origin;
    hosts.erase(origin);
  }

  void Loop() {
    std::array<epoll_event, 256> events;
    for (;;) {
      std::deque<TransferRequest> arrived;
      bool cancel_now = false;
      bool stop_now = false;
      {
        absl::MutexLock lock(&mutex);
        arrived.swap(inbox);
        std::swap(cancel_now, cancel);
        stop_now = stop;
      }
      for (TransferRequest& request : arrived) Enqueue(std::move(request));
      if (cancel_now) EndAll();
      if (stop_now) return;
      BeginMore();

      const absl::Duration wait = std::clamp(timer - absl::Now(), absl::ZeroDuration(), absl::Seconds(1));
      const int wait_ms = static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1))));
      const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), wait_ms);
      int unused = 0;
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[i];
        if (event.data.fd == wake) {
          std::uint64_t drained = 0;
          [[maybe_unused]] const ssize_t got = read(wake, &drained, sizeof drained);
          continue;
        }
        const int what = (event.events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                         (event.events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                         (event.events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(multi, event.data.fd, what, &unused);
      }
      if (absl::Now() >= timer) {
        timer = absl::InfiniteFuture();
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &unused);
      }
      EndCompleted();
    }
  }

  const AddressFilter& filter;
  TransferOptions options;
  CURLM* multi = nullptr;
  curl_slist* accept = nullptr;
  int epoll = -1;
  int wake = -1;

  std::atomic<std::int64_t> queued{0};
  std::atomic<std::int64_t> running{0};
  std::atomic<std::int64_t> held{0};
  std::atomic<std::int64_t> received{0};

  absl::Mutex mutex;
  std::deque<TransferRequest> inbox ABSL_GUARDED_BY(mutex);
  bool cancel ABSL_GUARDED_BY(mutex) = false;
  bool stop ABSL_GUARDED_BY(mutex) = false;

  // The engine's thread alone.
  absl::Time timer = absl::InfiniteFuture();
  std::unordered_map<std::string, Host> hosts;  // Addresses of its values are stable.
  std::deque<Host*> ready_hosts;
  std::unordered_set<Transfer*> active;
  std::vector<std::unique_ptr<Transfer>> idle;

  std::thread thread;
};

TransferEngine::TransferEngine(const AddressFilter& filter, TransferOptions options)
    : impl_(std::make_unique<Impl>(filter, options)) {}

TransferEngine::~TransferEngine() = default;

void TransferEngine::Submit(std::vector<TransferRequest> requests) {
  if (requests.empty()) return;
  impl_->queued += static_cast<std::int64_t>(requests.size());
  bool stopped = false;
  {
    absl::MutexLock lock(&impl_->mutex);
    stopped = impl_->stop;
    for (TransferRequest& request : requests) {
      if (!stopped) impl_->inbox.push_back(std::move(request));
    }
  }
  if (!stopped) return impl_->Wake();
  for (TransferRequest& request : requests) {
    --impl_->queued;
    Impl::FinishUnbegun(std::move(request), v1::FETCH_FAILURE_OTHER, "cancelled", Retry::kUncounted);
  }
}

absl::Status TransferEngine::Validate(const TransferOptions& /*options*/) { return absl::OkStatus(); }
TroubleReport TransferEngine::Troubles(std::size_t /*most*/) const { return {}; }
int TransferEngine::connections() const { return impl_->options.connections; }

void TransferEngine::Stop() { impl_->Stop(); }

void TransferEngine::CancelAll() {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->cancel = true;
  }
  impl_->Wake();
}

void TransferEngine::Release(std::int64_t bytes) {
  const std::int64_t half = impl_->options.max_held_bytes / 2;
  const std::int64_t before = impl_->held.fetch_sub(bytes);
  if (before >= half && before - bytes < half) impl_->Wake();
}

std::int64_t TransferEngine::queued() const { return impl_->queued; }
std::int64_t TransferEngine::running() const { return impl_->running; }
std::int64_t TransferEngine::held_bytes() const { return impl_->held; }
std::int64_t TransferEngine::received_bytes() const { return impl_->received; }

}  // namespace mannequin
