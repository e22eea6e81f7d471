// Tokens: what a person or a backend shows to say who it is. The token itself is shown once and
// kept by its owner; the server's file has its SHA-256 only.
//
//   const NewToken made = MakeToken("shop", config::v1::ROLE_BACKEND);
//   // made.token  mq_Zk3...            to its owner
//   // made.line   tokens { name: "shop" role: ROLE_BACKEND sha256: "..." }   to the server's file
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mannequin/config/v1/access.pb.h"

namespace mannequin::rpc {

struct NewToken {
  std::string token;  // "mq_" and 256 random bits in base64url, 46 characters
  std::string line;   // of AccessTokens in text format
};

// `calls_per_second` as in AccessToken; `expires_at` to the second. INVALID_ARGUMENT for a name that
// breaks its rule or no role; INTERNAL when the system has no randomness to give.
absl::StatusOr<NewToken> MakeToken(const std::string& name, config::v1::Role role, double calls_per_second = 0,
                                   absl::Time expires_at = absl::InfiniteFuture());

struct KnownToken {
  std::string name;
  config::v1::Role role = config::v1::ROLE_UNSPECIFIED;
  double calls_per_second = 0;                     // as in AccessToken
  absl::Time expires_at = absl::InfiniteFuture();  // from then on it opens nothing
};

// By the SHA-256 of the token.
using TokenTable = absl::flat_hash_map<std::string, KnownToken>;

// INVALID_ARGUMENT that names `file`, the place and the rule: text that is no AccessTokens, a name
// that is bad or used twice, no role, a hash that is none or used twice, a rate below -1, an end that
// is no time.
absl::StatusOr<TokenTable> ParseTokens(absl::string_view text, absl::string_view file);

// What a file that holds a token says, without white space around it. INVALID_ARGUMENT when that
// cannot be a token: 16 to 256 visible ASCII characters.
absl::StatusOr<std::string> ParseTokenFile(absl::string_view bytes, absl::string_view file);

// The token of "Bearer TOKEN"; empty when `authorization` is something else. The scheme's case does
// not matter (RFC 7235).
absl::string_view BearerToken(absl::string_view authorization);

}  // namespace mannequin::rpc
