// Any bytes are a server's answer, and a file of credentials.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/utf8.h"
#include "services/store/bucket/credentials.h"
#include "services/store/bucket/s3_error.h"
#include "services/store/bucket/s3_xml.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mannequin::store;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto page = ParsePage(input); page.ok()) {
    for (const S3Page::Entry& entry : page->entries) FUZZ_CHECK(!entry.key.empty() && entry.bytes >= 0);
  }
  if (const auto id = ParseUploadId(input); id.ok()) FUZZ_CHECK(!id->empty());
  (void)ParseDeleteErrors(input);
  const S3Error error = ParseError(input);
  (void)IsCompleted(input);
  for (const int status : {301, 400, 403, 404, 503}) {
    HttpAnswer answer;
    answer.status = status;
    answer.date = std::string(input);
    const Refusal refusal = RefusalOf(answer, error, "GET", absl::UnixEpoch());
    FUZZ_CHECK(!refusal.status.ok());
    FUZZ_CHECK(S3Code(refusal.status) == error.code);
    // One line of text, whatever the server says.
    const absl::string_view message = refusal.status.message();
    FUZZ_CHECK(mannequin::FindInvalidUtf8(message) == message.size());
    for (const char c : message) FUZZ_CHECK(static_cast<unsigned char>(c) >= ' ');
  }
  if (const auto credentials = ParseCredentials(input, "file"); credentials.ok()) {
    FUZZ_CHECK(!credentials->access_key_id.empty() && !credentials->secret_access_key.empty());
  }
  return 0;
}
