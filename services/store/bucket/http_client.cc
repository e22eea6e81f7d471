#include "services/store/bucket/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace mannequin::store {
namespace {

constexpr long kConnectTimeoutMs = 5000;
// A name may come to mean another machine.
constexpr long kConnectionSeconds = 600;
constexpr long kBufferBytes = 64 << 10;
// Of an answer that says why not.
constexpr std::size_t kMaxErrorBytes = 256 << 10;
// Reserved at once for what a Content-Length announces.
constexpr std::int64_t kMaxReserveBytes = std::int64_t{1} << 30;

// An option that cannot be set would leave a hole in what Send() promises.
template <typename Value>
void Set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code == CURLE_OK) return;
  spdlog::critical("libcurl refuses option {}: {}", static_cast<int>(option), curl_easy_strerror(code));
  std::abort();
}

void TakeHeader(absl::string_view line, absl::string_view name, std::string& value) {
  if (line.size() > name.size() && line[name.size()] == ':' && absl::StartsWithIgnoreCase(line, name)) {
    value = std::string(absl::StripAsciiWhitespace(line.substr(name.size() + 1)));
  }
}

}  // namespace

// A libcurl handle; used again and again, only what differs is set anew.
class HttpClient::Connection {
 public:
  explicit Connection(const Options& options) : origin_(options.origin), easy_(curl_easy_init()) {
    if (easy_ == nullptr) std::abort();
    Set(easy_, CURLOPT_ERRORBUFFER, words_.data());
    Set(easy_, CURLOPT_NOSIGNAL, 1L);
    Set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    Set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(easy_, CURLOPT_HTTP09_ALLOWED, 0L);
    Set(easy_, CURLOPT_FOLLOWLOCATION, 0L);
    Set(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    Set(easy_, CURLOPT_PROXY, "");
    // What was signed is what is sent.
    Set(easy_, CURLOPT_PATH_AS_IS, 1L);
    Set(easy_, CURLOPT_USERAGENT, "mannequin-store");
    Set(easy_, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    Set(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    Set(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
    Set(easy_, CURLOPT_MAXCONNECTS, 1L);
    Set(easy_, CURLOPT_MAXLIFETIME_CONN, kConnectionSeconds);
    Set(easy_, CURLOPT_BUFFERSIZE, kBufferBytes);
    Set(easy_, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
    if (!options.ca_file.empty()) {
      Set(easy_, CURLOPT_CAINFO, options.ca_file.c_str());
      Set(easy_, CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
    Set(easy_, CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(easy_, CURLOPT_HEADERDATA, this);
    Set(easy_, CURLOPT_WRITEFUNCTION, &OnBody);
    Set(easy_, CURLOPT_WRITEDATA, this);
  }
  ~Connection() { curl_easy_cleanup(easy_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  absl::StatusOr<HttpAnswer> Send(const HttpRequest& request) {
    curl_slist* lines = nullptr;
    const absl::Cleanup free = [&lines] { curl_slist_free_all(lines); };
    const auto add = [&lines](const char* line) {
      lines = curl_slist_append(lines, line);
      if (lines == nullptr) std::abort();
    };
    // libcurl would wait for a "100 Continue" that many servers never say.
    add("Expect:");
    for (const std::string& line : request.headers) add(line.c_str());

    Set(easy_, CURLOPT_URL, absl::StrCat(origin_, request.target).c_str());
    SetMethod(request);
    Set(easy_, CURLOPT_HTTPHEADER, lines);
    Set(easy_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(absl::ToInt64Seconds(request.stall)));
    answer_ = HttpAnswer();
    words_[0] = '\0';
    const CURLcode code = curl_easy_perform(easy_);
    Set(easy_, CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
    if (code != CURLE_OK) return Failure(code);
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &answer_.status);
    return std::move(answer_);
  }

 private:
  // Each begins with a plain GET: libcurl keeps what an earlier method set.
  void SetMethod(const HttpRequest& request) {
    Set(easy_, CURLOPT_POSTFIELDS, static_cast<char*>(nullptr));
    Set(easy_, CURLOPT_HTTPGET, 1L);
    Set(easy_, CURLOPT_CUSTOMREQUEST, static_cast<char*>(nullptr));
    if (request.method == "HEAD") {
      Set(easy_, CURLOPT_NOBODY, 1L);
    } else if (request.method == "PUT" || request.method == "POST") {
      // libcurl sends the bytes from where they are, a small body in one piece with its head.
      Set(easy_, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
      Set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      Set(easy_, CURLOPT_CUSTOMREQUEST, std::string(request.method).c_str());
    } else if (request.method != "GET") {
      Set(easy_, CURLOPT_CUSTOMREQUEST, std::string(request.method).c_str());
    }
  }

  absl::Status Failure(CURLcode code) const {
    const std::string text = absl::StrCat(origin_, ": ", words_[0] == '\0' ? curl_easy_strerror(code) : words_.data());
    switch (code) {
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
        return absl::FailedPreconditionError(absl::StrCat("bucket.ca_file: ", text));
      case CURLE_OUT_OF_MEMORY:
        return absl::ResourceExhaustedError(text);
      default:
        return absl::UnavailableError(text);
    }
  }

  static std::size_t OnHeader(char* bytes, std::size_t size, std::size_t count, void* user) {
    HttpAnswer& answer = static_cast<Connection*>(user)->answer_;
    const absl::string_view line(bytes, size * count);
    if (line.empty()) return 0;
    switch (absl::ascii_tolower(static_cast<unsigned char>(line[0]))) {
      case 'h':
        // Another answer begins: after a 1xx.
        if (absl::StartsWith(line, "HTTP/")) answer = HttpAnswer();
        break;
      case 'e':
        TakeHeader(line, "etag", answer.etag);
        break;
      case 'd':
        TakeHeader(line, "date", answer.date);
        break;
      case 'r':
        TakeHeader(line, "retry-after", answer.retry_after);
        break;
      case 'x':
        TakeHeader(line, "x-amz-meta-sha256", answer.sha256);
        TakeHeader(line, "x-amz-bucket-region", answer.bucket_region);
        break;
      case 'c': {
        std::string length;
        TakeHeader(line, "content-length", length);
        if (!length.empty() && !absl::SimpleAtoi(length, &answer.content_length)) answer.content_length = -1;
        break;
      }
      case '\r':
        curl_easy_getinfo(static_cast<Connection*>(user)->easy_, CURLINFO_RESPONSE_CODE, &answer.status);
        break;
      default:
        break;
    }
    return line.size();
  }

  static std::size_t OnBody(char* bytes, std::size_t size, std::size_t count, void* user) {
    HttpAnswer& answer = static_cast<Connection*>(user)->answer_;
    const std::size_t length = size * count;
    // What is too long for an error's text is read all the same, to keep the connection.
    if (answer.status / 100 != 2 && answer.body.size() + length > kMaxErrorBytes) return length;
    if (answer.body.empty() && answer.content_length > 0) {
      answer.body.reserve(static_cast<std::size_t>(std::min(answer.content_length, kMaxReserveBytes)));
    }
    answer.body.append(bytes, length);
    return length;
  }

  const std::string origin_;
  CURL* const easy_;
  HttpAnswer answer_;
  std::array<char, CURL_ERROR_SIZE> words_{};
};

HttpClient::HttpClient(Options options) : options_(std::move(options)), free_(options_.connections) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_ALL);
  if (global != CURLE_OK) std::abort();
}

HttpClient::~HttpClient() = default;

absl::StatusOr<HttpAnswer> HttpClient::Send(const HttpRequest& request) {
  std::unique_ptr<Connection> connection;
  {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](int* free) { return *free > 0; }, &free_));
    --free_;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (connection == nullptr) connection = std::make_unique<Connection>(options_);
  absl::StatusOr<HttpAnswer> answer = connection->Send(request);
  absl::MutexLock lock(&mutex_);
  ++free_;
  idle_.push_back(std::move(connection));
  return answer;
}

}  // namespace mannequin::store
