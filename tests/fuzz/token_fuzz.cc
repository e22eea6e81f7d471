// What callers send to say who they are, and the files that hold tokens and their hashes.
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/call_ids.h"
#include "common/rpc/access_tokens.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mannequin;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::string_view token = rpc::BearerToken(bytes);
  FUZZ_CHECK(token.size() <= bytes.size());

  const absl::StatusOr<std::string> held = rpc::ParseTokenFile(bytes, "f");
  if (held.ok()) {
    FUZZ_CHECK(held->size() >= 16 && held->size() <= 256);
    FUZZ_CHECK(held->find_first_of(" \r\n") == std::string::npos);  // it becomes a header
  } else {
    FUZZ_CHECK(absl::IsInvalidArgument(held.status()));
  }

  const absl::StatusOr<rpc::TokenTable> table = rpc::ParseTokens(bytes, "f");
  if (!table.ok())
    FUZZ_CHECK(absl::IsInvalidArgument(table.status()) && absl::StartsWith(table.status().message(), "f:"));
  if (table.ok()) {
    for (const auto& [hash, known] : *table) {
      FUZZ_CHECK(hash.size() == 64 && known.role != config::v1::ROLE_UNSPECIFIED && !known.name.empty());
    }
  }

  // Ids go into log lines and headers.
  const CallIds ids = IdsForCall(bytes, bytes, bytes);
  FUZZ_CHECK(!ids.request_id.empty() && ids.request_id.size() <= 64);
  FUZZ_CHECK(ids.request_id.find_first_of("\r\n\"\\ ") == std::string::npos);
  FUZZ_CHECK(ids.trace_id.size() == 32 && ids.span_id.size() == 16 && ids.flags.size() == 2);
  const CallIds again = IdsForCall(Traceparent(ids), ids.trace_state, ids.request_id);
  FUZZ_CHECK(again.trace_id == ids.trace_id && again.request_id == ids.request_id && again.flags == ids.flags);
  return 0;
}
