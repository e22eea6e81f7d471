#include "services/store/bucket/s3_client.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "services/store/bucket/s3_error.h"
#include "spdlog/spdlog.h"

namespace mannequin::store {
namespace {

constexpr int kTries = 5;
constexpr absl::Duration kPatience = absl::Seconds(30);
// Ceilings of the pauses: 0.4 s, 1.2 s, 3.6 s, 10.8 s.
constexpr absl::Duration kFirstPause = absl::Milliseconds(400);
constexpr int kPauseGrowth = 3;

// How long a call may go on.
class Tries {
 public:
  explicit Tries(const BucketTime& time) : time_(time), end_(time.clock->Now() + kPatience) {}

  // Waits until it is time for another try; false when there is none. A long transfer that
  // broke has a second one, however late it is.
  bool Another(const HttpAnswer* answer) {
    if (++done_ >= kTries) return false;
    // Of all that were turned away at the same moment, no two come back at the same moment.
    absl::Duration pause = absl::Uniform(random_, 0.0, 1.0) * ceiling_;
    ceiling_ *= kPauseGrowth;
    int seconds = 0;
    if (answer != nullptr && absl::SimpleAtoi(answer->retry_after, &seconds) && seconds > 0) {
      pause += absl::Seconds(seconds);
    }
    if (done_ > 1 && time_.clock->Now() + pause > end_) return false;
    time_.pause(std::min(pause, kPatience));
    return true;
  }

 private:
  const BucketTime& time_;
  const absl::Time end_;
  absl::Duration ceiling_ = kFirstPause;
  int done_ = 0;
  absl::InsecureBitGen random_;
};

// "GET images/ab12": what a message begins with.
std::string What(const S3Request& request) { return absl::StrCat(request.method, " ", request.path); }

bool IsPassing(const absl::Status& status) { return absl::IsUnavailable(status) || absl::IsDataLoss(status); }

}  // namespace

S3Client::S3Client(Options options, std::unique_ptr<CredentialSource> credentials, BucketTime time)
    : options_(std::move(options)),
      credentials_(std::move(credentials)),
      time_(std::move(time)),
      http_(options_.http) {}

absl::StatusOr<HttpAnswer> S3Client::Call(const S3Request& request) {
  const std::string path = UriEncode(request.path, true);
  const std::string query = CanonicalQuery(request.query);
  const std::string sha256 = request.body_sha256.empty() ? Sha256Hex(request.body) : request.body_sha256;
  bool renewed = false;
  Tries tries(time_);
  while (true) {
    const std::shared_ptr<const Credentials> credentials = credentials_->Current();
    absl::StatusOr<HttpAnswer> answer = http_.Send(Sign(request, path, query, sha256, *credentials));
    absl::Status status = answer.status();
    if (status.ok() && answer->status / 100 == 2) {
      if (request.check) status = request.check(*answer);
      if (status.ok()) return answer;
      if (!IsPassing(status)) return status;
    } else if (status.ok()) {
      Refusal refusal = RefusalOf(*answer, ParseError(answer->body), What(request), time_.clock->Now());
      status = std::move(refusal.status);
      if (refusal.then == Refusal::Then::kNewCredentials && !std::exchange(renewed, true) &&
          credentials_->Renew(credentials)) {
        continue;
      }
      if (refusal.then != Refusal::Then::kTryAgain) return status;
    } else if (!IsPassing(status)) {
      return status;
    } else {
      status = absl::UnavailableError(absl::StrCat(What(request), ": ", status.message()));
    }
    if (!tries.Another(answer.ok() ? &*answer : nullptr)) return status;
    spdlog::debug("bucket: again: {}", std::string(status.message()));
  }
}

HttpRequest S3Client::Sign(const S3Request& request, const std::string& path, const std::string& query,
                           absl::string_view body_sha256, const Credentials& credentials) const {
  const absl::Time now = time_.clock->Now();
  RequestToSign to_sign{
      .method = request.method, .path = path, .query = query, .headers = request.headers, .body_sha256 = body_sha256};
  if (request.method == "PUT" || request.method == "POST") {
    to_sign.headers.emplace_back("content-type", request.media_type);
  }
  to_sign.headers.emplace_back("host", options_.host);
  to_sign.headers.emplace_back("x-amz-content-sha256", body_sha256);
  to_sign.headers.emplace_back("x-amz-date", SigningTime(now));
  if (!credentials.session_token.empty()) {
    to_sign.headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  HttpRequest http{.method = request.method,
                   .target = query.empty() ? path : absl::StrCat(path, "?", query),
                   .body = request.body,
                   .stall = request.stall};
  http.headers.reserve(to_sign.headers.size() + 1);
  for (const auto& [name, value] : to_sign.headers) http.headers.push_back(absl::StrCat(name, ": ", value));
  http.headers.push_back(absl::StrCat("authorization: ", Authorization(to_sign, credentials, options_.region, now)));
  return http;
}

}  // namespace mannequin::store
