#include "common/rpc/access_tokens.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"

namespace mannequin::rpc {
namespace {

constexpr std::size_t kMinToken = 16, kMaxToken = 256;

absl::Status CheckName(const std::string& name) {
  const bool good = !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '@';
  });
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("name: \"", absl::CHexEscape(name),
                                                 "\" is not 1 to 64 of a-z, A-Z, 0-9, \"-\", \"_\", \".\" and \"@\""));
}

absl::StatusOr<KnownToken> Check(const config::v1::AccessToken& token) {
  RETURN_IF_ERROR(CheckName(token.name()));
  if (token.role() == config::v1::ROLE_UNSPECIFIED) {
    return absl::InvalidArgumentError(absl::StrCat(
        "role: token \"", token.name(), "\" has none; give ROLE_BACKEND, ROLE_CATALOG, ROLE_OPERATOR or ROLE_SERVICE"));
  }
  const bool is_hash = token.sha256().size() == 64 &&
                       std::all_of(token.sha256().begin(), token.sha256().end(),
                                   [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
  if (!is_hash) {
    return absl::InvalidArgumentError(
        absl::StrCat("sha256: that of token \"", token.name(),
                     "\" is not 64 lower-case hex digits; the file holds hashes, not tokens"));
  }
  const double rate = token.calls_per_second();
  if (!std::isfinite(rate) || (rate < 0 && rate != -1)) {
    return absl::InvalidArgumentError(absl::StrCat("calls_per_second: token \"", token.name(), "\" has ", rate,
                                                   "; give a rate, 0 or -1 for no bound"));
  }
  KnownToken known{token.name(), token.role(), rate};
  std::string problem;
  if (!token.expires_at().empty() &&
      !absl::ParseTime(absl::RFC3339_full, token.expires_at(), &known.expires_at, &problem)) {
    return absl::InvalidArgumentError(absl::StrCat("expires_at: token \"", token.name(), "\" has \"",
                                                   absl::CHexEscape(token.expires_at()), "\" (", problem,
                                                   "); give a time like 2027-01-31T00:00:00Z"));
  }
  return known;
}

}  // namespace

absl::StatusOr<NewToken> MakeToken(const std::string& name, config::v1::Role role, double calls_per_second,
                                   absl::Time expires_at) {
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return absl::InternalError("the system gives no random bytes");
  }
  NewToken made;
  made.token =
      absl::StrCat("mq_", absl::WebSafeBase64Escape({reinterpret_cast<const char*>(random.data()), random.size()}));
  config::v1::AccessToken entry;
  entry.set_name(name);
  entry.set_role(role);
  entry.set_sha256(Sha256Hex(made.token));
  entry.set_calls_per_second(calls_per_second);
  if (expires_at != absl::InfiniteFuture()) {
    entry.set_expires_at(absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", expires_at, absl::UTCTimeZone()));
  }
  RETURN_IF_ERROR(Check(entry).status());
  made.line = absl::StrCat("tokens { ", entry.ShortDebugString(), " }");
  return made;
}

absl::StatusOr<TokenTable> ParseTokens(absl::string_view text, absl::string_view file) {
  config::v1::AccessTokens tokens;
  RETURN_IF_ERROR(ParseTextConfig(text, file, &tokens));
  TokenTable table;
  absl::flat_hash_set<std::string> names;
  for (const config::v1::AccessToken& token : tokens.tokens()) {
    absl::StatusOr<KnownToken> known = Check(token);
    if (!known.ok()) return absl::InvalidArgumentError(absl::StrCat(file, ": ", known.status().message()));
    if (!names.insert(token.name()).second) {
      return absl::InvalidArgumentError(absl::StrCat(file, ": name: \"", token.name(), "\" is there twice"));
    }
    if (!table.emplace(token.sha256(), *std::move(known)).second) {
      return absl::InvalidArgumentError(absl::StrCat(file, ": sha256: that of \"", token.name(),
                                                     "\" is there twice; each caller needs its own token"));
    }
  }
  return table;
}

absl::StatusOr<std::string> ParseTokenFile(absl::string_view bytes, absl::string_view file) {
  const absl::string_view token = absl::StripAsciiWhitespace(bytes);
  if (token.size() < kMinToken || token.size() > kMaxToken ||
      !std::all_of(token.begin(), token.end(), absl::ascii_isgraph)) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": holds no token: 16 to 256 visible ASCII characters, as `mannequin token new` prints one"));
  }
  return std::string(token);
}

absl::string_view BearerToken(absl::string_view authorization) {
  constexpr absl::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) return {};
  return absl::StripAsciiWhitespace(authorization.substr(kScheme.size()));
}

}  // namespace mannequin::rpc
