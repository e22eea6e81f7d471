#include "services/fetcher/transfer_error.h"

#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

TransferResult Failed(v1::FetchFailure failure, std::string message, Retry retry) {
  TransferResult result;
  result.failure = failure;
  result.message = std::move(message);
  result.retry = retry;
  return result;
}

TransferResult ExplainStatus(const TransferEnd& end) {
  const std::string message = absl::StrCat("HTTP ", end.http_status);
  switch (end.http_status) {
    case 200:
      if (end.body_bytes > 0) return TransferResult();
      return Failed(v1::FETCH_FAILURE_EMPTY_BODY, "HTTP 200 with an empty body", Retry::kNever);
    case 304: {
      if (!end.conditional) return Failed(v1::FETCH_FAILURE_HTTP_STATUS, "HTTP 304 unasked", Retry::kNever);
      TransferResult result;
      result.not_modified = true;
      return result;
    }
    case 404:
    case 410:
      return Failed(v1::FETCH_FAILURE_NOT_FOUND, message, Retry::kNever);
    case 408:
    case 425:
    case 429:
      return Failed(v1::FETCH_FAILURE_HTTP_STATUS, message, Retry::kLater);
    default:
      return Failed(v1::FETCH_FAILURE_HTTP_STATUS, message, end.http_status >= 500 ? Retry::kLater : Retry::kNever);
  }
}

}  // namespace

bool IsUnreachable(v1::FetchFailure failure) {
  return failure == v1::FETCH_FAILURE_DNS || failure == v1::FETCH_FAILURE_CONNECT || failure == v1::FETCH_FAILURE_TLS ||
         failure == v1::FETCH_FAILURE_TIMEOUT;
}

TransferResult Explain(const TransferEnd& end) {
  const std::string words = end.detail.empty() ? curl_easy_strerror(end.code) : end.detail;
  switch (end.stopped) {
    case Stopped::kNot:
      break;
    case Stopped::kBodyTooLarge:
      // An error page may be as large as it likes: the status is what counts.
      if (end.http_status != 200) return ExplainStatus(end);
      return Failed(v1::FETCH_FAILURE_TOO_LARGE, absl::StrCat("body over the limit after ", end.body_bytes, " bytes"),
                    Retry::kNever);
    case Stopped::kHeaderTooLarge:
      return Failed(v1::FETCH_FAILURE_TOO_LARGE, "header over 64 KiB", Retry::kNever);
    case Stopped::kMemoryShort:
      return Failed(v1::FETCH_FAILURE_OTHER, "broken off: max_held_bytes reached", Retry::kUncounted);
    case Stopped::kEncoded:
      // The bytes are no picture, and to unpack them is what a bomb waits for.
      return Failed(v1::FETCH_FAILURE_NOT_AN_IMAGE,
                    absl::StrCat("Content-Encoding: ", end.content_encoding.substr(0, 40), ", though not asked for"),
                    Retry::kNever);
  }
  switch (end.code) {
    case CURLE_OK:
      return ExplainStatus(end);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_LOGIN_DENIED:
      if (end.redirects > 0) return Failed(v1::FETCH_FAILURE_REDIRECTS, "redirect: " + words, Retry::kNever);
      return Failed(v1::FETCH_FAILURE_INVALID_URL, words, Retry::kNever);
    case CURLE_TOO_MANY_REDIRECTS:
      return Failed(v1::FETCH_FAILURE_REDIRECTS, words, Retry::kNever);
    case CURLE_COULDNT_RESOLVE_HOST:
      return Failed(v1::FETCH_FAILURE_DNS, words, Retry::kLater);
    case CURLE_COULDNT_CONNECT:
      if (!end.forbidden_address.empty()) {
        return Failed(v1::FETCH_FAILURE_FORBIDDEN_ADDRESS,
                      absl::StrCat(end.forbidden_address, " is not a public address; allow_addresses can except it"),
                      Retry::kNever);
      }
      return Failed(v1::FETCH_FAILURE_CONNECT, words, Retry::kLater);
    case CURLE_SSL_CONNECT_ERROR:
      return Failed(v1::FETCH_FAILURE_TLS, words, Retry::kLater);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Failed(v1::FETCH_FAILURE_TLS, words, Retry::kNever);
    case CURLE_OPERATION_TIMEDOUT:
      return Failed(v1::FETCH_FAILURE_TIMEOUT, words, Retry::kLater);
    case CURLE_PARTIAL_FILE:
      return Failed(v1::FETCH_FAILURE_TRUNCATED, words, Retry::kLater);
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      if (end.body_bytes > 0) return Failed(v1::FETCH_FAILURE_TRUNCATED, words, Retry::kLater);
      return Failed(v1::FETCH_FAILURE_CONNECT, words, Retry::kLater);
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
      return Failed(v1::FETCH_FAILURE_CONNECT, words, Retry::kLater);
    case CURLE_FILESIZE_EXCEEDED:
      if (end.http_status != 200) return ExplainStatus(end);
      return Failed(v1::FETCH_FAILURE_TOO_LARGE, "Content-Length over the limit", Retry::kNever);
    case CURLE_WEIRD_SERVER_REPLY:
      return Failed(v1::FETCH_FAILURE_OTHER, "not HTTP: " + words, Retry::kNever);
    default:
      return Failed(v1::FETCH_FAILURE_OTHER, words, Retry::kLater);
  }
}

}  // namespace mannequin
