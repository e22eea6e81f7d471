// The process's log: lines on standard error, as text or one JSON object a line.
//
//   InitLog("fetcher", config.log());
//   spdlog::info("crawl {} ended: {} stored", id, stored);
//
// A line of a thread that works for a call (call_ids.h) carries the call's ids:
// "... I fetcher [01J8...]: ...", or request_id, trace_id and span_id.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "mannequin/config/v1/config.pb.h"

namespace mannequin {

// Before the first thread. INVALID_ARGUMENT for an unknown level.
absl::Status InitLog(absl::string_view service, const config::v1::LogConfig& config);

}  // namespace mannequin
