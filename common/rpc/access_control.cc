#include "common/rpc/access_control.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/rpc/method_access.h"
#include "common/rpc/metrics.h"
#include "prometheus/gauge.h"

namespace mannequin::rpc {
namespace {

constexpr char kEveryCertificate[] = "*";

std::string WhoMay(const MethodAccess& method) {
  std::vector<std::string> roles;
  for (const auto role :
       {config::v1::ROLE_BACKEND, config::v1::ROLE_CATALOG, config::v1::ROLE_SERVICE, config::v1::ROLE_OPERATOR}) {
    if (method.IsOpenTo(role)) roles.push_back(RoleName(role));
  }
  return absl::StrJoin(roles, ", ");
}

// For an alert that comes before the end does.
void SetExpiryMetric(const std::string& name, absl::Time expires_at) {
  static prometheus::Family<prometheus::Gauge>& family =
      prometheus::BuildGauge()
          .Name("mannequin_rpc_token_expiry_timestamp_seconds")
          .Help("When a caller's token ends, in seconds since 1970; +Inf: never, or it is not in the file any more.")
          .Register(*MetricsRegistry());
  family.Add({{"name", name}}).Set(absl::ToDoubleSeconds(expires_at - absl::UnixEpoch()));
}

}  // namespace

std::string RoleName(config::v1::Role role) {
  const std::string name = config::v1::Role_Name(role);
  return absl::AsciiStrToLower(absl::StripPrefix(name, "ROLE_"));
}

std::vector<std::string> CertificateNames(const grpc::AuthContext& peer) {
  std::vector<std::string> names;
  for (const char* property : {"peer_dns", "x509_common_name"}) {
    for (const grpc::string_ref& value : peer.FindPropertyValues(property)) {
      names.emplace_back(value.data(), value.size());
    }
  }
  return names;
}

absl::StatusOr<std::unique_ptr<AccessControl>> AccessControl::Open(const config::v1::AccessConfig& config,
                                                                   const Clock& clock) {
  if (config.tokens_file().empty() && config.service_names().empty()) {
    return absl::InvalidArgumentError(
        "access: lets nobody in; set tokens_file (`mannequin token new` makes its lines) or service_names");
  }
  if (!std::isfinite(config.calls_per_second()) || config.calls_per_second() < 0) {
    return absl::InvalidArgumentError("access.calls_per_second: give a rate, or 0 for no bound");
  }
  auto access = std::make_unique<AccessControl>(config, clock);
  if (config.tokens_file().empty()) return access;
  const auto use = [self = access.get()](absl::string_view text) { return self->UseTokens(text); };
  ASSIGN_OR_RETURN(access->file_, WatchedFile::Open(config.tokens_file(), use, clock));
  return access;
}

absl::Status AccessControl::UseTokens(absl::string_view text) {
  ASSIGN_OR_RETURN(TokenTable table, ParseTokens(text, config_.tokens_file()));
  absl::MutexLock lock(&mutex_);
  if (tokens_ != nullptr) {
    for (const auto& [hash, token] : *tokens_) SetExpiryMetric(token.name, absl::InfiniteFuture());
  }
  for (const auto& [hash, token] : table) SetExpiryMetric(token.name, token.expires_at);
  tokens_ = std::make_shared<const TokenTable>(std::move(table));
  return absl::OkStatus();
}

absl::StatusOr<Caller> AccessControl::Identify(absl::string_view authorization,
                                               const std::vector<std::string>& certificate_names) {
  if (!authorization.empty()) {
    std::shared_ptr<const TokenTable> tokens;
    if (file_ != nullptr) {
      file_->Refresh();
      absl::MutexLock lock(&mutex_);
      tokens = tokens_;
    }
    // By its hash: how long the search takes says nothing that helps to guess a token.
    const absl::string_view token = BearerToken(authorization);
    const std::string hash = Sha256Hex(token);
    if (tokens == nullptr || token.empty() || !tokens->contains(hash)) {
      return absl::UnauthenticatedError(
          "authorization: this is not \"Bearer TOKEN\" with a token that this server knows");
    }
    const KnownToken& known = tokens->at(hash);
    if (known.expires_at <= clock_.Now()) {
      return absl::UnauthenticatedError(
          absl::StrCat("authorization: the token of ", known.name, " ended on ",
                       absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", known.expires_at, absl::UTCTimeZone()),
                       "; ask for a new one (`mannequin token new`)"));
    }
    const double rate = known.calls_per_second != 0 ? known.calls_per_second : config_.calls_per_second();
    return Caller{known.name, known.role, std::max(0.0, rate)};
  }
  for (const std::string& name : certificate_names) {
    for (const std::string& service : config_.service_names()) {
      if (service == kEveryCertificate || service == name) return Caller{name, config::v1::ROLE_SERVICE, 0};
    }
  }
  if (!certificate_names.empty()) {
    return absl::UnauthenticatedError(absl::StrCat("the certificate of ", absl::StrJoin(certificate_names, ", "),
                                                   " is none of this server's access.service_names; send a token"));
  }
  return absl::UnauthenticatedError(
      "this server wants to know who calls: send \"authorization: Bearer TOKEN\" (mannequin --token-file FILE)");
}

absl::Status AccessControl::Admit(const Caller& caller, absl::string_view path) {
  const MethodAccess* method = FindMethodAccess(path);
  if (method == nullptr) return absl::UnimplementedError("this server has no such method");
  if (!method->IsOpenTo(caller.role)) {
    return absl::PermissionDeniedError(absl::StrCat(path.substr(1), ": not for ", caller.name, ", whose role is ",
                                                    RoleName(caller.role), "; for ", WhoMay(*method)));
  }
  if (caller.calls_per_second <= 0) return absl::OkStatus();
  return quota_.Take(caller.name, caller.calls_per_second, clock_.Steady());
}

absl::Duration AccessControl::WaitOfMessage(const Caller& caller) {
  if (caller.calls_per_second <= 0) return absl::ZeroDuration();
  return quota_.Reserve(caller.name, caller.calls_per_second, clock_.Steady());
}

}  // namespace mannequin::rpc
