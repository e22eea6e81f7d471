// Page tokens: where the next page begins, opaque to the caller and valid across
// restarts.
//
//   token   := base64url(payload check)
//   payload := digest key          digest: 8 hex digits of SHA-256 of the request
//                                  without its page; key: the last one answered
//   check   := 8 hex digits of SHA-256(payload)
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin::store {

// `query` is what must not change between pages: the call's name and its filter.
std::string MakePageToken(absl::string_view query, absl::string_view key);

// The key; empty for an empty token. INVALID_ARGUMENT for a token that is not ours or
// belongs to another query.
absl::StatusOr<std::string> ParsePageToken(absl::string_view query, absl::string_view token);

// 1 to 1,000; 0 means 100. INVALID_ARGUMENT otherwise.
absl::StatusOr<int> PageSize(int page_size);

// A page of verdicts or reviews ends behind the record that makes it this big, so that it fits into a
// message whatever lies in them.
inline constexpr std::size_t kPageBytes = std::size_t{8} << 20;

}  // namespace mannequin::store
