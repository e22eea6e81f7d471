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

nlohmann::json ErrorOf(const absl::Status& status) {
  nlohmann::json error = {{"code", std::string(ConnectCode(status.code()))}};
  if (!status.message().empty()) error["message"] = std::string(status.message());
  return error;
}

// A message quotes what the caller sent, which need not be UTF-8.
std::string Dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

constexpr std::size_t kEnvelopeHeader = 5;

}  // namespace

absl::string_view ConnectCode(absl::StatusCode code) { return Row(code).name; }

int ConnectHttpStatus(absl::StatusCode code) { return Row(code).http_status; }

std::string ConnectErrorJson(const absl::Status& status) { return Dump(ErrorOf(status)); }

absl::StatusOr<absl::Duration> ParseConnectTimeout(absl::string_view header) {
  std::int64_t milliseconds = 0;
  if (header.empty() || header.size() > 10 || !std::all_of(header.begin(), header.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(header, &milliseconds) || milliseconds < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("Connect-Timeout-Ms: expected 1 to 9999999999 milliseconds, got \"", header, "\""));
  }
  return absl::Milliseconds(milliseconds);
}

std::string ConnectEnvelope(absl::string_view json, unsigned char flags) {
  const auto size = static_cast<std::uint32_t>(json.size());
  std::string envelope;
  envelope.reserve(kEnvelopeHeader + json.size());
  envelope.push_back(static_cast<char>(flags));
  for (const int shift : {24, 16, 8, 0}) envelope.push_back(static_cast<char>(size >> shift & 0xff));
  envelope.append(json.data(), json.size());
  return envelope;
}

std::string ConnectEndOfStream(const absl::Status& status) {
  nlohmann::json end = nlohmann::json::object();
  if (!status.ok()) end["error"] = ErrorOf(status);
  return ConnectEnvelope(Dump(end), kConnectEndOfStream);
}

absl::StatusOr<absl::string_view> OnlyConnectMessage(absl::string_view body) {
  if (body.size() < kEnvelopeHeader) {
    return absl::InvalidArgumentError("the body is no Connect envelope: 5 bytes of flags and length, then JSON");
  }
  if (body[0] != 0) return absl::UnimplementedError("a compressed envelope is not taken, send it plain (flags 0)");
  std::uint32_t size = 0;
  for (std::size_t i = 1; i < kEnvelopeHeader; ++i) size = size << 8 | static_cast<unsigned char>(body[i]);
  if (body.size() - kEnvelopeHeader != size) {
    return absl::InvalidArgumentError(absl::StrCat("the envelope says ", size, " bytes and is followed by ",
                                                   body.size() - kEnvelopeHeader, ": send one message"));
  }
  return body.substr(kEnvelopeHeader);
}

}  // namespace mannequin
