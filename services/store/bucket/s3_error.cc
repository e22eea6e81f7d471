#include "services/store/bucket/s3_error.h"

#include <curl/curl.h>

#include <algorithm>
#include <initializer_list>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"

namespace mannequin::store {
namespace {

constexpr char kCodePayload[] = "mannequin/s3-code";
constexpr std::size_t kMaxWords = 300;

bool IsOneOf(absl::string_view code, std::initializer_list<absl::string_view> codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// A server's text, for a message.
std::string Words(absl::string_view text) {
  std::string words(text.substr(0, FindInvalidUtf8(text.substr(0, kMaxWords))));
  for (char& c : words) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';
  }
  return words;
}

// What the server says, or at least the status.
std::string Said(const HttpAnswer& answer, const S3Error& error) {
  if (error.code.empty()) return absl::StrCat("the server answers ", answer.status);
  std::string said = absl::StrCat("the server answers ", answer.status, " ", Words(error.code));
  if (!error.message.empty()) absl::StrAppend(&said, ": ", Words(error.message));
  return said;
}

std::string ClockWords(const HttpAnswer& answer, absl::Time now) {
  const time_t server = curl_getdate(answer.date.c_str(), nullptr);
  if (server < 0) return "; this machine's clock is not the server's: set it";
  const absl::Duration ahead = absl::Trunc(now - absl::FromTimeT(server), absl::Seconds(1));
  return absl::StrCat("; this machine's clock is ", absl::FormatDuration(absl::AbsDuration(ahead)),
                      ahead < absl::ZeroDuration() ? " behind" : " ahead of", " the server's: set it");
}

Refusal Classify(const HttpAnswer& answer, const S3Error& error, absl::string_view what, absl::Time now) {
  using Then = Refusal::Then;
  const absl::string_view code = error.code;
  const std::string message = absl::StrCat(what, ": ", Said(answer, error));
  if (code == "RequestTimeTooSkewed") return {absl::FailedPreconditionError(message + ClockWords(answer, now))};
  if (IsOneOf(code,
              {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId",
               "TokenRefreshRequired", "InvalidSecurity", "ExpiredTokenException", "UnrecognizedClientException"})) {
    return {absl::PermissionDeniedError(message), Then::kNewCredentials};
  }
  if (code == "AuthorizationHeaderMalformed" && !error.region.empty()) {
    return {absl::FailedPreconditionError(
        absl::StrCat("bucket.region: ", message, "; the server's is \"", Words(error.region), "\""))};
  }
  if (answer.status / 100 == 3 || code == "PermanentRedirect") {
    std::string elsewhere;
    const std::string& region = error.region.empty() ? answer.bucket_region : error.region;
    if (!region.empty()) absl::StrAppend(&elsewhere, "; the bucket's region is \"", Words(region), "\"");
    if (!error.endpoint.empty()) absl::StrAppend(&elsewhere, "; its endpoint is ", Words(error.endpoint));
    return {absl::FailedPreconditionError(
        absl::StrCat("bucket.endpoint, bucket.region: ", message, "; the bucket is somewhere else", elsewhere))};
  }
  if (answer.status == 507 || absl::StrContains(code, "Quota") || absl::StrContains(code, "StorageFull") ||
      IsOneOf(code, {"TooManyBuckets", "InsufficientStorage", "StorageLimitExceeded"})) {
    return {absl::ResourceExhaustedError(message)};
  }
  if (answer.status == 501 || code == "NotImplemented") return {absl::UnimplementedError(message)};
  if (IsOneOf(code, {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"})) {
    return {absl::DataLossError(absl::StrCat(message, "; the bytes changed on their way")), Then::kTryAgain};
  }
  if (answer.status / 100 == 5 || answer.status == 429 || answer.status == 408 ||
      IsOneOf(code, {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling",
                     "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "OperationAborted"})) {
    return {absl::UnavailableError(message), Then::kTryAgain};
  }
  if (answer.status == 401 || answer.status == 403 || code == "AccessDenied") {
    return {absl::PermissionDeniedError(message), Then::kNewCredentials};
  }
  // Not NOT_FOUND: nobody shall take it for a key that is not there.
  if (code == "NoSuchBucket") return {absl::FailedPreconditionError(absl::StrCat("bucket.name: ", message))};
  if (answer.status == 404) return {absl::NotFoundError(message)};
  // Behind a HEAD there is no code: it may be a token that has expired.
  return {absl::InternalError(message), answer.status == 400 && code.empty() ? Then::kNewCredentials : Then::kGiveUp};
}

}  // namespace

Refusal RefusalOf(const HttpAnswer& answer, const S3Error& error, absl::string_view what, absl::Time now) {
  Refusal refusal = Classify(answer, error, what, now);
  if (!error.code.empty()) refusal.status.SetPayload(kCodePayload, absl::Cord(error.code));
  return refusal;
}

std::string S3Code(const absl::Status& status) {
  const auto payload = status.GetPayload(kCodePayload);
  return payload.has_value() ? std::string(*payload) : "";
}

}  // namespace mannequin::store
