#include "common/base/call_ids.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"

namespace mannequin {
namespace {

constexpr std::size_t kMaxRequestId = 64;
constexpr std::size_t kMaxTraceState = 512;

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
}

bool IsHexId(absl::string_view text) {
  return IsHex(text) && !std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; });
}

// "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"; a version after 00 may say more at
// its end.
bool ReadTraceparent(absl::string_view text, CallIds* ids) {
  constexpr std::size_t kSize = 55;
  if (text.size() < kSize || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const absl::string_view version = text.substr(0, 2);
  if (!IsHex(version) || version == "ff") return false;
  if (text.size() > kSize && (version == "00" || text[kSize] != '-')) return false;
  const absl::string_view trace = text.substr(3, 32), parent = text.substr(36, 16), flags = text.substr(53, 2);
  if (!IsHexId(trace) || !IsHexId(parent) || !IsHex(flags)) return false;
  ids->trace_id = std::string(trace);
  ids->flags = std::string(flags);
  return true;
}

bool IsRequestId(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestId && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == ':';
  });
}

bool IsTraceState(absl::string_view text) {
  return text.size() <= kMaxTraceState && std::all_of(text.begin(), text.end(), absl::ascii_isprint);
}

// 16 digits, not all zero.
std::string RandomHex() {
  thread_local absl::BitGen random;
  return absl::StrCat(absl::Hex(absl::Uniform<std::uint64_t>(absl::IntervalClosedClosed, random, 1, ~std::uint64_t{0}),
                                absl::kZeroPad16));
}

std::shared_ptr<const CallIds>& OfThisThread() {
  thread_local std::shared_ptr<const CallIds> ids;
  return ids;
}

}  // namespace

CallIds IdsForCall(absl::string_view traceparent, absl::string_view trace_state, absl::string_view request_id) {
  CallIds ids;
  if (ReadTraceparent(traceparent, &ids)) {
    if (IsTraceState(trace_state)) ids.trace_state = std::string(trace_state);
  } else {
    ids.trace_id = absl::StrCat(RandomHex(), RandomHex());
    ids.flags = "00";  // recorded by nobody yet
  }
  ids.span_id = RandomHex();
  ids.request_id = IsRequestId(request_id) ? std::string(request_id) : NewId("", absl::Now());
  return ids;
}

std::string Traceparent(const CallIds& ids) {
  return absl::StrCat("00-", ids.trace_id, "-", ids.span_id, "-", ids.flags);
}

const std::shared_ptr<const CallIds>& CurrentCall() { return OfThisThread(); }

void SetCurrentCall(std::shared_ptr<const CallIds> ids) { OfThisThread() = std::move(ids); }

}  // namespace mannequin
