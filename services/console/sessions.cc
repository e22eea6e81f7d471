#include "services/console/sessions.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/rpc/access_tokens.h"

namespace mannequin {
namespace {

constexpr std::size_t kIdBytes = 32;
constexpr absl::Duration kLifetime = absl::Hours(12);
// More than people; the one that ends first makes room.
constexpr std::size_t kMaxSessions = 1000;
constexpr char kCookie[] = "mannequin_session=";
constexpr char kAttributes[] = "; Path=/; HttpOnly; SameSite=Strict; Max-Age=";

absl::string_view SessionOf(absl::string_view cookie) {
  for (absl::string_view part : absl::StrSplit(cookie, ';')) {
    part = absl::StripAsciiWhitespace(part);
    if (absl::ConsumePrefix(&part, kCookie)) return part;
  }
  return "";
}

absl::StatusOr<std::string> ReadTokenFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return rpc::ParseTokenFile(text, absl::StrCat("token_file: ", path));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sessions>> Sessions::Open(const config::v1::ConsoleConfig& config, const Clock& clock) {
  if (config.tokens_file().empty()) {
    std::string token;
    if (!config.token_file().empty()) {
      ASSIGN_OR_RETURN(token, ReadTokenFile(config.token_file()));
    }
    return std::make_unique<Sessions>(token, nullptr);
  }
  if (!config.token_file().empty()) {
    return absl::InvalidArgumentError("tokens_file: is given beside token_file; readers have one token, or one each");
  }
  if (!config.client().token_file().empty()) {
    return absl::InvalidArgumentError(
        "client.token_file: with tokens_file calls go on with the reader's token; take it out");
  }
  config::v1::AccessConfig access;
  access.set_tokens_file(config.tokens_file());
  ASSIGN_OR_RETURN(std::unique_ptr<rpc::AccessControl> readers, rpc::AccessControl::Open(access, clock));
  return std::make_unique<Sessions>("", std::move(readers));
}

Sessions::Sessions(absl::string_view token, std::unique_ptr<rpc::AccessControl> readers)
    : token_hash_(token.empty() ? "" : Sha256Hex(token)), readers_(std::move(readers)) {}

absl::StatusOr<Reader> Sessions::ReaderOf(absl::string_view authorization) const {
  if (readers_ != nullptr) {
    ASSIGN_OR_RETURN(rpc::Caller caller, readers_->Identify(authorization, {}));
    return Reader{std::move(caller), std::string(authorization)};
  }
  // Hashes have one length and share no prefix with a guess.
  const std::string hash = Sha256Hex(rpc::BearerToken(authorization));
  if (CRYPTO_memcmp(hash.data(), token_hash_.data(), hash.size()) == 0) return Reader{};
  return absl::UnauthenticatedError("that is not this console's token");
}

absl::StatusOr<std::string> Sessions::SignIn(absl::string_view token, absl::Time now) {
  if (!needed()) return absl::FailedPreconditionError("this console has no token: nobody needs to sign in");
  ASSIGN_OR_RETURN(Reader reader, ReaderOf(absl::StrCat("Bearer ", token)));
  unsigned char bytes[kIdBytes];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return absl::InternalError("no random bytes are to be had");
  const std::string id = absl::BytesToHexString({reinterpret_cast<const char*>(bytes), sizeof bytes});
  absl::MutexLock lock(&mutex_);
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    it = it->second.end <= now ? sessions_.erase(it) : std::next(it);
  }
  if (sessions_.size() >= kMaxSessions) {
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(),
                                     [](const auto& a, const auto& b) { return a.second.end < b.second.end; }));
  }
  sessions_[Sha256Hex(id)] = {now + kLifetime, std::move(reader.authorization)};
  return absl::StrCat(kCookie, id, kAttributes, absl::ToInt64Seconds(kLifetime));
}

std::string Sessions::SignOut(absl::string_view cookie) {
  absl::MutexLock lock(&mutex_);
  sessions_.erase(Sha256Hex(SessionOf(cookie)));
  return absl::StrCat(kCookie, kAttributes, 0);
}

absl::StatusOr<Reader> Sessions::Check(absl::string_view cookie, absl::string_view authorization,
                                       absl::Time now) const {
  if (!needed()) return Reader{};
  if (absl::StartsWithIgnoreCase(authorization, "bearer")) return ReaderOf(authorization);
  const absl::string_view id = SessionOf(cookie);
  std::string kept;
  {
    absl::MutexLock lock(&mutex_);
    const auto session = id.empty() ? sessions_.end() : sessions_.find(Sha256Hex(id));
    if (session == sessions_.end() || now >= session->second.end) {
      return absl::UnauthenticatedError(
          "this console asks for a token: sign in on the page, or send \"Authorization: Bearer TOKEN\"");
    }
    if (readers_ == nullptr) return Reader{};
    kept = session->second.authorization;
  }
  return ReaderOf(kept);
}

absl::Status Sessions::Admit(const Reader& reader, absl::string_view path) const {
  return readers_ == nullptr ? absl::OkStatus() : readers_->Admit(reader.caller, path);
}

}  // namespace mannequin
