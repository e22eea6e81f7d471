// Which requests an origin spoils, and how: a pure function of the seed, the target and
// how many times it was asked for, so that two runs meet the same faults in any order of
// their requests.
//
//   FaultPlan plan({.share = 0.3, .seed = 7});
//   Fault fault = plan.Of("/a.jpg", 1);   // the first request of /a.jpg
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

enum class Fault {
  kNone,
  // Status 500.
  kError,
  // Status 503 with Retry-After.
  kUnavailable,
  // The connection is reset before the answer.
  kReset,
  // The connection ends in the middle of the body.
  kCut,
  // All of the picture, but the length that was announced is greater; then the end.
  kLie,
  // Nothing more after half of the body, for as long as the client waits.
  kStall,
};
constexpr int kFaults = 7;  // kNone too

// "500", "503", "reset", "cut", "lie" or "stall"; "none".
absl::string_view FaultName(Fault fault);
// INVALID_ARGUMENT lists the names.
absl::StatusOr<Fault> FaultOf(absl::string_view name);

struct FaultPlanOptions {
  // Of all requests, 0 to 1.
  double share = 0;
  std::uint64_t seed = 1;
  // In equal parts.
  std::vector<Fault> kinds = {Fault::kError, Fault::kUnavailable, Fault::kReset,
                              Fault::kCut,   Fault::kLie,         Fault::kStall};
  // Of all targets, 0 to 1.
  double missing = 0;
  double redirected = 0;
};

// Immutable, so thread-safe.
class FaultPlan {
 public:
  explicit FaultPlan(FaultPlanOptions options);

  // `nth` counts from 1.
  Fault Of(absl::string_view target, std::int64_t nth) const;
  // For good.
  bool Missing(absl::string_view target) const;
  bool Redirected(absl::string_view target) const;

 private:
  // Even over 0 to 1.
  double Draw(absl::string_view target, std::uint64_t what) const;

  const FaultPlanOptions options_;
};

}  // namespace mannequin
