#include "services/fetcher/transfer.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/fetcher/transfer_loop.h"
#include "services/fetcher/transfer_setup.h"
#include "services/fetcher/url.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr int kMaxConnections = 10'000;
constexpr int kMaxThreads = 64;
constexpr std::size_t kMaxContactBytes = 200;
constexpr std::size_t kRobotsOrigins = 10'000;
constexpr std::size_t kRobotsBytes = 64 << 20;

// It becomes a part of a header, in parentheses.
bool IsContact(const std::string& text) {
  return text.size() <= kMaxContactBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isprint(static_cast<unsigned char>(c)) && c != '(' && c != ')' && c != '\\';
         });
}

std::string UserAgent(const std::string& contact) {
  return contact.empty() || !IsContact(contact) ? "mannequin/0.1" : absl::StrCat("mannequin/0.1 (+", contact, ")");
}

absl::Status InRange(absl::string_view field, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", value, "; expected ", least, " to ", most));
}

void InitCurl() {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_ALL);
  if (global != CURLE_OK) std::abort();
}

}  // namespace

struct TransferEngine::Impl {
  Impl(const AddressFilter& filter, const TransferOptions& options)
      : slots(Fitting(options)), authorities(Trusted(options)) {
    InitCurl();
    common.filter = &filter;
    common.max_body_bytes = options.max_body_bytes;
    common.max_held_bytes = std::max(options.max_held_bytes, 2 * options.max_body_bytes);
    common.user_agent = UserAgent(options.contact);
    common.authorities = authorities.path();
    const int threads = std::clamp(options.threads, 1, std::min(kMaxThreads, slots.most));
    for (int i = 0; i < threads; ++i) {
      loops.push_back(std::make_unique<TransferLoop>(LoopOptions(options, threads, i), common, slots, MakeHooks()));
    }
    // Routes and wake-ups go to all loops: none may run before all are there.
    for (auto& loop : loops) loop->Start();
  }

  ~Impl() { Stop(); }

  static int Fitting(const TransferOptions& options) {
    const int wanted = std::clamp(options.connections, 1, kMaxConnections);
    // Other loops' idle connections are open too.
    const int kept = options.threads > 1 ? 2 : 1;
    absl::StatusOr<int> fitting = ConnectionsThatFit(wanted * kept);
    if (fitting.ok()) fitting = *fitting / kept;
    if (!fitting.ok()) spdlog::error("transfer engine: {}", std::string(fitting.status().message()));
    if (fitting.ok() && *fitting < wanted) {
      spdlog::warn("transfer engine: {} connections, not {}: more descriptors are not allowed; raise `ulimit -Hn`",
                   *fitting, wanted);
    }
    return std::max(1, fitting.value_or(1));
  }

  static Authorities Trusted(const TransferOptions& options) {
    InitCurl();
    absl::StatusOr<Authorities> trusted = Authorities::With(options.certificate_authorities);
    if (trusted.ok()) return *std::move(trusted);
    spdlog::error("transfer engine: {}; only the system's are trusted", std::string(trusted.status().message()));
    return *Authorities::With("");
  }

  TransferLoop::Options LoopOptions(const TransferOptions& options, int threads, int index) const {
    TransferLoop::Options loop;
    loop.schedule.connections_per_host = options.connections_per_host;
    loop.schedule.requests_per_second = options.requests_per_second_per_host;
    loop.schedule.rules = options.host_rules;
    loop.schedule.max_lookups = std::max(1, options.max_lookups / threads);
    loop.schedule.index = index;
    loop.schedule.seed = options.seed + static_cast<std::uint64_t>(index);
    // More than its share: hosts do not fall evenly, and one that is cut off here connects
    // for each request anew.
    loop.connections = std::max(1, threads == 1 ? slots.most : 2 * slots.most / threads);
    loop.robots_origins = std::max<std::size_t>(1, kRobotsOrigins / threads);
    loop.robots_bytes = kRobotsBytes / threads;
    return loop;
  }

  TransferLoop::Hooks MakeHooks() {
    TransferLoop::Hooks hooks;
    hooks.route = [this](PendingFetch fetch) {
      ++slots.queued;
      const std::size_t loop = LoopOf(fetch.url);
      std::vector<PendingFetch> one;
      one.push_back(std::move(fetch));
      Hand(loop, std::move(one));
    };
    hooks.wake = [this](std::uint64_t wanted) {
      for (std::size_t i = 0; i < loops.size(); ++i) {
        if (wanted >> i & 1) loops[i]->Wake();
      }
    };
    return hooks;
  }

  std::size_t LoopOf(const Url& url) const {
    return loops.size() == 1 ? 0 : std::hash<std::string>()(url.host) % loops.size();
  }

  void Hand(std::size_t loop, std::vector<PendingFetch> fetches) {
    if (fetches.empty() || loops[loop]->Submit(fetches)) return;
    for (PendingFetch& fetch : fetches) {
      --slots.queued;
      TransferResult result;
      result.failure = v1::FETCH_FAILURE_OTHER;
      result.message = "cancelled";
      result.retry = Retry::kUncounted;
      result.sent = fetch.sent;
      fetch.request.done(std::move(result));
    }
  }

  void Submit(std::vector<TransferRequest> requests) {
    slots.queued += static_cast<std::int64_t>(requests.size());
    std::vector<std::vector<PendingFetch>> shards(loops.size());
    for (TransferRequest& request : requests) {
      PendingFetch fetch;
      absl::StatusOr<Url> url = ParseUrl(request.url);
      if (url.ok()) {
        fetch.url = *std::move(url);
        request.url = std::string();
      }
      fetch.request = std::move(request);
      shards[LoopOf(fetch.url)].push_back(std::move(fetch));
    }
    for (std::size_t i = 0; i < shards.size(); ++i) Hand(i, std::move(shards[i]));
  }

  void Stop() {
    for (auto& loop : loops) loop->RequestStop();
    for (auto& loop : loops) loop->Join();
  }

  TransferCommon common;
  HostSchedule::Slots slots;
  const Authorities authorities;
  std::vector<std::unique_ptr<TransferLoop>> loops;
};

absl::Status TransferEngine::Validate(const TransferOptions& options) {
  RETURN_IF_ERROR(InRange("connections", options.connections, 1, kMaxConnections));
  RETURN_IF_ERROR(InRange("connections_per_host", options.connections_per_host, 1, kMaxConnections));
  RETURN_IF_ERROR(InRange("transfer_threads", options.threads, 1, kMaxThreads));
  RETURN_IF_ERROR(InRange("max_lookups", options.max_lookups, 1, kMaxConnections));
  if (!(options.requests_per_second_per_host > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("requests_per_second_per_host: ", options.requests_per_second_per_host,
                     "; expected more than 0; a host rule with -1 lifts the bound"));
  }
  for (const HostRule& rule : options.host_rules) {
    const std::string field = absl::StrCat("host_rules: \"", rule.host, "\": ");
    const bool is_pattern = rule.host == "*" || (rule.host.rfind('*') == 0 && rule.host.substr(1, 1) == ".");
    if (rule.host.empty() || (rule.host.find('*') != std::string::npos && !is_pattern)) {
      return absl::InvalidArgumentError(absl::StrCat(field, "expected a name, \"*.example.com\" or \"*\""));
    }
    if (rule.connections < 0 || rule.connections > kMaxConnections) {
      return absl::InvalidArgumentError(absl::StrCat(field, "connections: expected 0 to ", kMaxConnections));
    }
    if (!(rule.requests_per_second >= 0) && rule.requests_per_second != -1) {
      return absl::InvalidArgumentError(absl::StrCat(field, "requests_per_second: expected 0 or more, or -1 for none"));
    }
  }
  if (!IsContact(options.contact)) {
    return absl::InvalidArgumentError(
        absl::StrCat("contact: expected up to ", kMaxContactBytes, " printable ASCII characters without parentheses"));
  }
  InitCurl();
  RETURN_IF_ERROR(Authorities::With(options.certificate_authorities).status());
  return ConnectionsThatFit(options.connections).status();
}

TransferEngine::TransferEngine(const AddressFilter& filter, TransferOptions options)
    : impl_(std::make_unique<Impl>(filter, options)) {}

TransferEngine::~TransferEngine() = default;

void TransferEngine::Submit(std::vector<TransferRequest> requests) { impl_->Submit(std::move(requests)); }

void TransferEngine::Stop() { impl_->Stop(); }

void TransferEngine::CancelAll() {
  for (auto& loop : impl_->loops) loop->CancelAll();
}

void TransferEngine::Release(std::int64_t bytes) {
  const std::int64_t half = impl_->common.max_held_bytes / 2;
  const std::int64_t before = impl_->common.held.fetch_sub(bytes);
  if (before < half || before - bytes >= half) return;
  for (auto& loop : impl_->loops) loop->Wake();
}

TroubleReport TransferEngine::Troubles(std::size_t most) const {
  TroubleReport all;
  for (const auto& loop : impl_->loops) {
    TroubleReport report = loop->Troubles();
    all.count += report.count;
    for (TroubledHost& host : report.hosts) all.hosts.push_back(std::move(host));
  }
  std::stable_sort(all.hosts.begin(), all.hosts.end(),
                   [](const TroubledHost& a, const TroubledHost& b) { return a.queued > b.queued; });
  if (all.hosts.size() > most) all.hosts.resize(most);
  return all;
}

int TransferEngine::connections() const { return impl_->slots.most; }
std::int64_t TransferEngine::queued() const { return impl_->slots.queued; }
std::int64_t TransferEngine::running() const { return impl_->slots.running; }
std::int64_t TransferEngine::held_bytes() const { return impl_->common.held; }
std::int64_t TransferEngine::received_bytes() const { return impl_->common.received; }

}  // namespace mannequin
