// Who may use a console that has a token. A person gives it once and gets a cookie; a
// program sends it with every call. Without a token everybody may.
//
//   ASSIGN_OR_RETURN(const std::string token, ReadTokenFile("/etc/mannequin/console-token"));
//   Sessions sessions(token);
//   RETURN_IF_ERROR(sessions.Check(cookie_header, authorization_header, absl::Now()));
//
// The token must be long, so guesses are not counted. Sessions are kept in memory: a
// restart asks for the token again.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mannequin {

// The file's text without spaces around it: 16 to 1,024 printable ASCII characters without a
// space. INVALID_ARGUMENT naming `token_file` otherwise; NOT_FOUND without the file.
absl::StatusOr<std::string> ReadTokenFile(const std::string& path);

// Thread-safe.
class Sessions {
 public:
  // Empty: no token is asked for.
  explicit Sessions(absl::string_view token);

  bool needed() const { return !token_hash_.empty(); }

  // Value of Set-Cookie for a new session of 12 hours. UNAUTHENTICATED for another token.
  absl::StatusOr<std::string> SignIn(absl::string_view token, absl::Time now);
  // Ends the session of a Cookie header, if it has one. Value of Set-Cookie.
  std::string SignOut(absl::string_view cookie);
  // UNAUTHENTICATED unless no token is needed, `authorization` is "Bearer TOKEN" or `cookie`
  // holds a session that has not ended.
  absl::Status Check(absl::string_view cookie, absl::string_view authorization, absl::Time now) const;

 private:
  bool IsToken(absl::string_view token) const;

  std::string token_hash_;
  mutable absl::Mutex mutex_;
  // By the SHA-256 of the cookie's value: a look-up tells nothing by its time.
  std::map<std::string, absl::Time> ends_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin
