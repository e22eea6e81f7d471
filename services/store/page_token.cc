#include "services/store/page_token.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"

namespace mannequin::store {
namespace {

constexpr std::size_t kDigest = 8;

std::string Digest(absl::string_view bytes) { return Sha256Hex(bytes).substr(0, kDigest); }

}  // namespace

std::string MakePageToken(absl::string_view query, absl::string_view key) {
  const std::string payload = absl::StrCat(Digest(query), key);
  return absl::WebSafeBase64Escape(absl::StrCat(payload, Digest(payload)));
}

absl::StatusOr<std::string> ParsePageToken(absl::string_view query, absl::string_view token) {
  if (token.empty()) return std::string();
  std::string text;
  if (!absl::WebSafeBase64Unescape(token, &text) || text.size() < 2 * kDigest) {
    return absl::InvalidArgumentError("page_token: not one of ours; pass next_page_token of the last response");
  }
  const std::string payload = text.substr(0, text.size() - kDigest);
  if (Digest(payload) != text.substr(payload.size())) {
    return absl::InvalidArgumentError("page_token: not one of ours; pass next_page_token of the last response");
  }
  if (Digest(query) != payload.substr(0, kDigest)) {
    return absl::InvalidArgumentError("page_token: belongs to another filter; keep the filter from page to page");
  }
  return payload.substr(kDigest);
}

absl::StatusOr<int> PageSize(int page_size) {
  if (page_size < 0 || page_size > 1000) {
    return absl::InvalidArgumentError(absl::StrCat("page_size: ", page_size, ", expected 1 to 1,000, or 0 for 100"));
  }
  return page_size == 0 ? 100 : page_size;
}

}  // namespace mannequin::store
