// Who calls, and whether it may: tokens and certificates against the table of methods.
//
//   ASSIGN_OR_RETURN(auto access, AccessControl::Open(config.access()));
//   ASSIGN_OR_RETURN(const Caller caller, access->Identify(authorization, names));
//   RETURN_IF_ERROR(access->Admit(caller, "/mannequin.v1.AbuseScorer/ScoreListing"));
//
// rpc::Server asks it before a call reaches any handler (AccessProcessor).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "common/base/watched_file.h"
#include "common/rpc/access_tokens.h"
#include "common/rpc/call_quota.h"
#include "grpcpp/security/auth_context.h"
#include "mannequin/config/v1/access.pb.h"

namespace mannequin::rpc {

struct Caller {
  std::string name;  // of the token, or the certificate's
  config::v1::Role role = config::v1::ROLE_UNSPECIFIED;
  double calls_per_second = 0;  // 0: no bound
};

// "backend" of ROLE_BACKEND.
std::string RoleName(config::v1::Role role);

// The DNS names and the common name of the certificate that the peer proved to have. Empty without one.
std::vector<std::string> CertificateNames(const grpc::AuthContext& peer);

// Thread-safe.
class AccessControl {
 public:
  // Errors of the tokens' file. INVALID_ARGUMENT for a configuration that lets nobody in.
  static absl::StatusOr<std::unique_ptr<AccessControl>> Open(const config::v1::AccessConfig& config,
                                                             const Clock& clock = Clock::Real());

  // A token decides alone when there is one; else the certificate. UNAUTHENTICATED says what to
  // send, or when the token ended; what was sent is never repeated.
  absl::StatusOr<Caller> Identify(absl::string_view authorization, const std::vector<std::string>& certificate_names);

  // A message that `caller` sent through its stream: how long it has to wait for its turn.
  absl::Duration WaitOfMessage(const Caller& caller);

  // PERMISSION_DENIED names the method and who may; UNIMPLEMENTED for a method that the table does
  // not have; RESOURCE_EXHAUSTED with RetryAfter.
  absl::Status Admit(const Caller& caller, absl::string_view path);

  AccessControl(const config::v1::AccessConfig& config, const Clock& clock) : config_(config), clock_(clock) {}

 private:
  absl::Status UseTokens(absl::string_view text);

  const config::v1::AccessConfig config_;
  const Clock& clock_;
  CallQuota quota_;
  std::unique_ptr<WatchedFile> file_;
  absl::Mutex mutex_;
  std::shared_ptr<const TokenTable> tokens_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin::rpc
