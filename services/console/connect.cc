#include "services/console/connect.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace mannequin {
namespace {

struct CodeRow {
  absl::StatusCode code;
  absl::string_view name;
  int http_status;
};

constexpr CodeRow kCodes[] = {
    {absl::StatusCode::kCancelled, "canceled", 499},
    {absl::StatusCode::kUnknown, "unknown", 500},
    {absl::StatusCode::kInvalidArgument, "invalid_argument", 400},
    {absl::StatusCode::kDeadlineExceeded, "deadline_exceeded", 504},
    {absl::StatusCode::kNotFound, "not_found", 404},
    {absl::StatusCode::kAlreadyExists, "already_exists", 409},
    {absl::StatusCode::kPermissionDenied, "permission_denied", 403},
    {absl::StatusCode::kResourceExhausted, "resource_exhausted", 429},
    {absl::StatusCode::kFailedPrecondition, "failed_precondition", 400},
    {absl::StatusCode::kAborted, "aborted", 409},
    {absl::StatusCode::kOutOfRange, "out_of_range", 400},
    {absl::StatusCode::kUnimplemented, "unimplemented", 501},
    {absl::StatusCode::kInternal, "internal", 500},
    {absl::StatusCode::kUnavailable, "unavailable", 503},
    {absl::StatusCode::kDataLoss, "data_loss", 500},
    {absl::StatusCode::kUnauthenticated, "unauthenticated", 401},
};

const CodeRow& Row(absl::StatusCode code) {
  for (const CodeRow& row : kCodes) {
    if (row.code == code) return row;
  }
  return kCodes[1];
}

}  // namespace

absl::string_view ConnectCode(absl::StatusCode code) { return Row(code).name; }

int ConnectHttpStatus(absl::StatusCode code) { return Row(code).http_status; }

std::string ConnectErrorJson(const absl::Status& status) {
  const absl::string_view code = ConnectCode(status.code());
  nlohmann::json error = {{"code", std::string(code)}};
  if (!status.message().empty()) error["message"] = std::string(status.message());
  // A message quotes what the caller sent, which need not be UTF-8.
  return error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<absl::Duration> ParseConnectTimeout(absl::string_view header) {
  std::int64_t milliseconds = 0;
  if (header.empty() || header.size() > 10 || !std::all_of(header.begin(), header.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(header, &milliseconds) || milliseconds < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("Connect-Timeout-Ms: expected 1 to 9999999999 milliseconds, got \"", header, "\""));
  }
  return absl::Milliseconds(milliseconds);
}

}  // namespace mannequin
