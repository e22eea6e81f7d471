// URLs as sellers give them.
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/fetcher/url.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::StatusOr<mannequin::Url> url =
      mannequin::ParseUrl(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!url.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(url.status()));
    return 0;
  }
  FUZZ_CHECK(absl::StartsWith(url->text, "http://") || absl::StartsWith(url->text, "https://"));
  FUZZ_CHECK(absl::StartsWith(url->origin, "http://") || absl::StartsWith(url->origin, "https://"));
  FUZZ_CHECK(!absl::StrContains(url->text, '#'));
  for (const char c : url->text) FUZZ_CHECK(static_cast<unsigned char>(c) > 0x20 && c != 0x7f);
  // What was normalised once stays as it is, when it is still short enough.
  const absl::StatusOr<mannequin::Url> again = mannequin::ParseUrl(url->text);
  if (url->text.size() > 2048) return 0;
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again->text == url->text && again->origin == url->origin);
  return 0;
}
