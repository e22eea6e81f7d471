#include "services/console/sessions.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>

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

}  // namespace

absl::StatusOr<std::string> ReadTokenFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return rpc::ParseTokenFile(text, absl::StrCat("token_file: ", path));
}

Sessions::Sessions(absl::string_view token) : token_hash_(token.empty() ? "" : Sha256Hex(token)) {}

// Hashes have one length and share no prefix with a guess.
bool Sessions::IsToken(absl::string_view token) const {
  const std::string hash = Sha256Hex(token);
  return CRYPTO_memcmp(hash.data(), token_hash_.data(), hash.size()) == 0;
}

absl::StatusOr<std::string> Sessions::SignIn(absl::string_view token, absl::Time now) {
  if (!needed()) return absl::FailedPreconditionError("this console has no token: nobody needs to sign in");
  if (!IsToken(token)) return absl::UnauthenticatedError("token: that is not this console's token");
  unsigned char bytes[kIdBytes];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return absl::InternalError("no random bytes are to be had");
  const std::string id = absl::BytesToHexString({reinterpret_cast<const char*>(bytes), sizeof bytes});
  absl::MutexLock lock(&mutex_);
  for (auto it = ends_.begin(); it != ends_.end();) it = it->second <= now ? ends_.erase(it) : std::next(it);
  if (ends_.size() >= kMaxSessions) {
    ends_.erase(
        std::min_element(ends_.begin(), ends_.end(), [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  ends_[Sha256Hex(id)] = now + kLifetime;
  return absl::StrCat(kCookie, id, kAttributes, absl::ToInt64Seconds(kLifetime));
}

std::string Sessions::SignOut(absl::string_view cookie) {
  absl::MutexLock lock(&mutex_);
  ends_.erase(Sha256Hex(SessionOf(cookie)));
  return absl::StrCat(kCookie, kAttributes, 0);
}

absl::Status Sessions::Check(absl::string_view cookie, absl::string_view authorization, absl::Time now) const {
  if (!needed()) return absl::OkStatus();
  if (absl::StartsWithIgnoreCase(authorization, "bearer")) {
    if (IsToken(rpc::BearerToken(authorization))) return absl::OkStatus();
    return absl::UnauthenticatedError("Authorization: that is not this console's token");
  }
  const absl::string_view id = SessionOf(cookie);
  absl::MutexLock lock(&mutex_);
  const auto session = id.empty() ? ends_.end() : ends_.find(Sha256Hex(id));
  if (session != ends_.end() && now < session->second) return absl::OkStatus();
  return absl::UnauthenticatedError(
      "this console asks for its token: sign in on the page, or send \"Authorization: Bearer TOKEN\"");
}

}  // namespace mannequin
