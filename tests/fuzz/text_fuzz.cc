// Titles and descriptions as sellers write them: the normaliser, HTML entities and tags.
#include <cstdint>

#include "absl/status/status.h"
#include "common/base/utf8.h"
#include "common/text/html_entities.h"
#include "common/text/html_tags.h"
#include "common/text/normalizer.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const bool valid = mannequin::FindInvalidUtf8(text) == text.size();
  const std::string decoded = mannequin::DecodeHtmlEntities(text);
  FUZZ_CHECK(decoded.size() <= text.size());
  FUZZ_CHECK(!valid || mannequin::FindInvalidUtf8(decoded) == decoded.size());
  FUZZ_CHECK(mannequin::WithoutHtmlTags(text).size() <= text.size());

  const absl::StatusOr<std::string> words = mannequin::Normalize(text);
  if (!words.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(words.status()));
    return 0;
  }
  FUZZ_CHECK(words->size() <= mannequin::kMaxTextBytes);
  FUZZ_CHECK(mannequin::FindInvalidUtf8(*words) == words->size());
  FUZZ_CHECK(words->empty() || (words->front() != ' ' && words->back() != ' '));
  const absl::StatusOr<std::string> again = mannequin::Normalize(*words);
  FUZZ_CHECK(again.ok() && *again == *words);
  return 0;
}
