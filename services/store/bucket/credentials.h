// Who signs the requests to a bucket: from a file in the format of AWS's shared credentials
// (https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html), or from the environment.
//
//   ASSIGN_OR_RETURN(auto source, CredentialSource::Open("/run/secrets/s3"));
//   const auto credentials = source->Current();
//   if (refused) changed = source->Renew(credentials);
//
// No message of an error holds any of what the file says.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace mannequin::store {

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  // Empty for keys that do not expire.
  std::string session_token = {};
  bool operator==(const Credentials&) const = default;
};

// The profile [default]. `name` is put in front of an error. INVALID_ARGUMENT when there is no
// such profile, a key is missing, or one holds other bytes than printable ASCII.
absl::StatusOr<Credentials> ParseCredentials(absl::string_view text, absl::string_view name);

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. INVALID_ARGUMENT when one of
// the first two is not set.
absl::StatusOr<Credentials> CredentialsOfEnvironment();

// Thread-safe.
class CredentialSource {
 public:
  // `file` may be empty: the environment. The error of reading the file, or of what is in it.
  static absl::StatusOr<std::unique_ptr<CredentialSource>> Open(std::string file);

  std::shared_ptr<const Credentials> Current() const;
  // The server refused `used`. Reads the file again, unless another thread did since; whether
  // there are other credentials now. Those that cannot be read change nothing.
  bool Renew(const std::shared_ptr<const Credentials>& used);

  CredentialSource(std::string file, Credentials credentials)
      : file_(std::move(file)), current_(std::make_shared<const Credentials>(std::move(credentials))) {}

 private:
  const std::string file_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const Credentials> current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin::store
