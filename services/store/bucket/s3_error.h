// What a server's refusal means: a status of ours, and whether trying again makes sense
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/store/bucket/http_client.h"
#include "services/store/bucket/s3_xml.h"

namespace mannequin::store {

struct Refusal {
  enum class Then {
    kGiveUp,
    // After a pause.
    kTryAgain,
    // With other credentials, if the file has others by now.
    kNewCredentials,
  };
  absl::Status status;
  Then then = Then::kGiveUp;
};

// `answer` is no success, or `error` was in one. `what` begins the message, e.g. "GET images/ab12";
// `now` is when it came, for a clock that is off. Codes: bucket.h; NOT_FOUND for a key or an upload
// that is not there; DATA_LOSS for bytes that changed on their way up; UNIMPLEMENTED, and INTERNAL
// for what the server should not have to say.
Refusal RefusalOf(const HttpAnswer& answer, const S3Error& error, absl::string_view what, absl::Time now);

// The server's code in a status of RefusalOf(), e.g. "NoSuchUpload"; empty in others.
std::string S3Code(const absl::Status& status);

}  // namespace mannequin::store
