#include "services/fetcher/transfer_handle.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/fetcher/robots.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr long kMaxRedirects = 5;
constexpr std::int64_t kMaxHeaderBytes = 64 << 10;
// Of an answer that is not 200; it is read only to keep the connection.
constexpr std::int64_t kMaxErrorBodyBytes = 64 << 10;
// Reserved at most for what a Content-Length announces, which may be a lie.
constexpr std::int64_t kMaxReserveBytes = 256 << 10;
constexpr std::size_t kMaxValidatorBytes = 1024;
constexpr absl::Duration kConnectTimeout = absl::Seconds(10);
constexpr long kLowSpeedBytesPerSecond = 256;
constexpr long kLowSpeedSeconds = 10;
// More than HostSchedule counts on.
constexpr long kDnsCacheSeconds = 300;
// Read at once, per running transfer: ten thousand of them fit into memory.
constexpr long kBufferBytes = 16 << 10;
constexpr char kAccept[] = "Accept: image/jpeg,image/png,image/webp,image/gif;q=0.9,*/*;q=0.1";
// Without it an origin may send what it likes.
constexpr char kAcceptEncoding[] = "Accept-Encoding: identity";

// An option that cannot be set would leave a hole in what the engine promises.
template <typename Value>
void Set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code == CURLE_OK) return;
  spdlog::critical("libcurl refuses option {}: {}", static_cast<int>(option), curl_easy_strerror(code));
  std::abort();
}

curl_slist* Append(curl_slist* list, const std::string& line) {
  list = curl_slist_append(list, line.c_str());
  if (list == nullptr) std::abort();
  return list;
}

bool IsValidator(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxValidatorBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isprint(static_cast<unsigned char>(c));
  });
}

// The value when the line is that header.
bool Header(absl::string_view line, absl::string_view name, std::string& value) {
  if (line.size() <= name.size() || line[name.size()] != ':' ||
      !absl::EqualsIgnoreCase(line.substr(0, name.size()), name)) {
    return false;
  }
  value = std::string(absl::StripAsciiWhitespace(line.substr(name.size() + 1)));
  return true;
}

}  // namespace

TransferHandle::TransferHandle(TransferCommon& transfer_common, TransferEvents& transfer_events)
    : common(transfer_common), events(transfer_events), easy(curl_easy_init()) {
  if (easy == nullptr) std::abort();
  plain_headers_ = Append(Append(nullptr, kAccept), kAcceptEncoding);
  Set(easy, CURLOPT_PRIVATE, this);
  Set(easy, CURLOPT_ERRORBUFFER, words_.data());
  Set(easy, CURLOPT_NOSIGNAL, 1L);
  // A lookup that hangs is left to its thread instead of waited for: it would hold up all.
  Set(easy, CURLOPT_QUICK_EXIT, 1L);
  Set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  Set(easy, CURLOPT_MAXREDIRS, kMaxRedirects);
  Set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  Set(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  Set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  Set(easy, CURLOPT_HTTP09_ALLOWED, 0L);
  Set(easy, CURLOPT_PROXY, "");
  Set(easy, CURLOPT_NOPROXY, "*");
  Set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  Set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  Set(easy, CURLOPT_CAINFO, common.authorities.c_str());
  // With a folder besides the file libcurl parses both at each handshake instead of once.
  Set(easy, CURLOPT_CAPATH, static_cast<char*>(nullptr));
  Set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  // Wait for a connection that may be shared rather than open one more.
  Set(easy, CURLOPT_PIPEWAIT, 1L);
  Set(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  Set(easy, CURLOPT_USERAGENT, common.user_agent.c_str());
  Set(easy, CURLOPT_HTTPHEADER, plain_headers_);
  Set(easy, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(common.max_body_bytes));
  Set(easy, CURLOPT_BUFFERSIZE, kBufferBytes);
  Set(easy, CURLOPT_DNS_CACHE_TIMEOUT, kDnsCacheSeconds);
  Set(easy, CURLOPT_LOW_SPEED_LIMIT, kLowSpeedBytesPerSecond);
  Set(easy, CURLOPT_LOW_SPEED_TIME, kLowSpeedSeconds);
  Set(easy, CURLOPT_HEADERFUNCTION, &OnHeader);
  Set(easy, CURLOPT_HEADERDATA, this);
  Set(easy, CURLOPT_WRITEFUNCTION, &OnBody);
  Set(easy, CURLOPT_WRITEDATA, this);
  Set(easy, CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
  Set(easy, CURLOPT_OPENSOCKETDATA, this);
  Set(easy, CURLOPT_PREREQFUNCTION, &OnPrereq);
  Set(easy, CURLOPT_PREREQDATA, this);
}

TransferHandle::~TransferHandle() {
  curl_easy_cleanup(easy);
  curl_slist_free_all(plain_headers_);
  curl_slist_free_all(conditional_headers_);
}

void TransferHandle::Prepare(bool is_robots, absl::Duration timeout) {
  robots = is_robots;
  if (is_robots) {
    Set(easy, CURLOPT_URL, absl::StrCat(fetch.url.text.substr(0, fetch.url.text.find('/', 8)), "/robots.txt").c_str());
  } else {
    Set(easy, CURLOPT_URL, fetch.url.text.c_str());
  }
  if (timeout != timeout_) {
    timeout_ = timeout;
    const auto milliseconds = [](absl::Duration d) {
      return static_cast<long>(std::max<std::int64_t>(1, absl::ToInt64Milliseconds(d)));
    };
    Set(easy, CURLOPT_TIMEOUT_MS, milliseconds(timeout));
    Set(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(std::min(timeout, kConnectTimeout)));
  }
  // Redirects of a fetch go through the schedule: the next host has its own limits and its
  // own robots.txt. A robots.txt counts for the host that was asked, wherever it lies.
  if (follows_ != is_robots) {
    follows_ = is_robots;
    Set(easy, CURLOPT_FOLLOWLOCATION, follows_ ? 1L : 0L);
  }
  // Without TLS nothing is multiplexed, and nothing needs to wait to find that out.
  const bool may_multiplex = is_robots || absl::StartsWith(fetch.url.text, "https");
  if (multiplexes_ != may_multiplex) {
    multiplexes_ = may_multiplex;
    Set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(may_multiplex ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  }
  const bool with_etag = !is_robots && IsValidator(fetch.request.etag);
  const bool with_date = !is_robots && IsValidator(fetch.request.last_modified);
  if (conditional_headers_ != nullptr) {
    Set(easy, CURLOPT_HTTPHEADER, plain_headers_);
    curl_slist_free_all(std::exchange(conditional_headers_, nullptr));
  }
  if (with_etag || with_date) {
    curl_slist* list = Append(Append(nullptr, kAccept), kAcceptEncoding);
    if (with_etag) list = Append(list, absl::StrCat("If-None-Match: ", fetch.request.etag));
    if (with_date) list = Append(list, absl::StrCat("If-Modified-Since: ", fetch.request.last_modified));
    conditional_headers_ = list;
    Set(easy, CURLOPT_HTTPHEADER, list);
  }
}

TransferEnd TransferHandle::End(CURLcode code) const {
  TransferEnd end;
  end.code = code;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &end.http_status);
  curl_easy_getinfo(easy, CURLINFO_REDIRECT_COUNT, &end.redirects);
  end.body_bytes = body_bytes;
  end.stopped = stopped;
  end.forbidden_address = forbidden_address;
  end.detail = words_.data();
  end.conditional = conditional_headers_ != nullptr;
  end.content_encoding = content_encoding;
  return end;
}

void TransferHandle::Clear() {
  fetch = PendingFetch();
  host = nullptr;
  robots = resolves = aged = is_old = sent = false;
  // Not clear(): what it holds goes.
  body = std::string();
  body_bytes = header_bytes = status = 0;
  stopped = Stopped::kNot;
  forbidden_address.clear();
  etag.clear();
  last_modified.clear();
  content_encoding.clear();
  words_[0] = '\0';
}

std::size_t TransferHandle::OnHeader(char* bytes, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<TransferHandle*>(user);
  const absl::string_view line(bytes, size * count);
  transfer.header_bytes += static_cast<std::int64_t>(line.size());
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.stopped = Stopped::kHeaderTooLarge;
    return 0;
  }
  if (line.empty()) return 0;
  switch (absl::ascii_tolower(static_cast<unsigned char>(line[0]))) {
    case 'h':
      // Another answer begins: after a 1xx, or after a redirect of robots.txt.
      if (!absl::StartsWith(line, "HTTP/")) break;
      transfer.etag.clear();
      transfer.last_modified.clear();
      transfer.content_encoding.clear();
      transfer.status = 0;
      break;
    case 'e':
      if (Header(line, "etag", transfer.etag) && !IsValidator(transfer.etag)) transfer.etag.clear();
      break;
    case 'l':
      if (Header(line, "last-modified", transfer.last_modified) && !IsValidator(transfer.last_modified)) {
        transfer.last_modified.clear();
      }
      break;
    case 'c':
      Header(line, "content-encoding", transfer.content_encoding);
      break;
    default:
      break;
  }
  return line.size();
}

std::size_t TransferHandle::OnBody(char* bytes, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<TransferHandle*>(user);
  TransferCommon& common = transfer.common;
  const auto length = static_cast<std::int64_t>(size * count);
  if (transfer.status == 0) curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &transfer.status);
  transfer.body_bytes += length;
  common.received.fetch_add(length, std::memory_order_relaxed);
  const bool wanted = transfer.status == 200 || (transfer.robots && transfer.status / 100 == 2);
  const std::int64_t most = !wanted           ? kMaxErrorBodyBytes
                            : transfer.robots ? static_cast<std::int64_t>(Robots::kMaxBytes)
                                              : common.max_body_bytes;
  if (transfer.body_bytes > most) {
    transfer.stopped = Stopped::kBodyTooLarge;
    return 0;
  }
  if (!wanted) return size * count;
  if (!transfer.content_encoding.empty() && !absl::EqualsIgnoreCase(transfer.content_encoding, "identity")) {
    transfer.stopped = Stopped::kEncoded;
    return 0;
  }
  if (common.held.fetch_add(length) + length > common.max_held_bytes) {
    common.held.fetch_sub(length);
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

curl_socket_t TransferHandle::OnOpenSocket(void* user, curlsocktype purpose, curl_sockaddr* address) {
  auto& transfer = *static_cast<TransferHandle*>(user);
  const AddressFilter::Verdict verdict = transfer.common.filter->Check(address->addr);
  if (purpose != CURLSOCKTYPE_IPCXN || verdict == AddressFilter::Verdict::kForbidden) {
    transfer.forbidden_address = AddressText(address->addr);
    return CURL_SOCKET_BAD;
  }
  transfer.events.OnConnecting(transfer, verdict);
  // libcurl connects to this very address: the one that is used is the one checked.
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int TransferHandle::OnPrereq(void* user, char* /*primary*/, char* /*local*/, int /*primary_port*/, int /*local_port*/) {
  auto& transfer = *static_cast<TransferHandle*>(user);
  transfer.sent = true;
  transfer.events.OnSending(transfer);
  return CURL_PREREQFUNC_OK;
}

}  // namespace mannequin
