// Who may use a console that asks for a token. A person gives it once and gets a cookie; a
// program sends it with every call.
//
//   ASSIGN_OR_RETURN(const Sessions sessions, Sessions::Open(config));
//   ASSIGN_OR_RETURN(const Reader reader, sessions.Check(cookie_header, authorization_header, absl::Now()));
//   RETURN_IF_ERROR(sessions.Admit(reader, "/mannequin.v1.GanTrainer/PromoteBundle"));
//
// Three kinds: nobody is asked; one token for all (`token_file`), who may do everything; a token each
// (`tokens_file`, common/rpc/access_control.h), whose role says what its owner may do.
//
// Tokens must be long, so guesses are not counted. Sessions are kept in memory: a restart asks for the
// token again. One ends with its token, too.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/rpc/access_control.h"
#include "mannequin/config/v1/config.pb.h"

namespace mannequin {

struct Reader {
  // Of a token of their own.
  rpc::Caller caller;
  // To be sent on with calls, "Bearer TOKEN"; empty: the console calls in its own name.
  std::string authorization;
};

// Thread-safe.
class Sessions {
 public:
  // INVALID_ARGUMENT naming the field: both files, a token that is none (16 to 256 printable ASCII characters
  // without a space), `client` with a token beside `tokens_file`. NOT_FOUND without the file.
  static absl::StatusOr<std::unique_ptr<Sessions>> Open(const config::v1::ConsoleConfig& config,
                                                        const Clock& clock = Clock::Real());

  bool needed() const { return !token_hash_.empty() || readers_ != nullptr; }

  // Value of Set-Cookie for a new session of 12 hours. UNAUTHENTICATED for a token that opens nothing here.
  absl::StatusOr<std::string> SignIn(absl::string_view token, absl::Time now);
  // Ends the session of a Cookie header, if it has one. Value of Set-Cookie.
  std::string SignOut(absl::string_view cookie);
  // UNAUTHENTICATED unless no token is needed, `authorization` is "Bearer TOKEN" or `cookie`
  // holds a session that has not ended.
  absl::StatusOr<Reader> Check(absl::string_view cookie, absl::string_view authorization, absl::Time now) const;

  // Whether the reader may call the method of this path: PERMISSION_DENIED, and the others of AccessControl::Admit. A
  // service asks again; one in this process does not.
  absl::Status Admit(const Reader& reader, absl::string_view path) const;

  Sessions(absl::string_view token, std::unique_ptr<rpc::AccessControl> readers);

 private:
  struct Session {
    absl::Time end;
    std::string authorization;  // of a token of the reader's own
  };

  // Whose token it is.
  absl::StatusOr<Reader> ReaderOf(absl::string_view authorization) const;

  const std::string token_hash_;
  const std::unique_ptr<rpc::AccessControl> readers_;
  mutable absl::Mutex mutex_;
  // By the SHA-256 of the cookie's value: a look-up tells nothing by its time.
  std::map<std::string, Session> sessions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin
