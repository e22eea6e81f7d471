// The messages of one CheckIntegrity: how far it is and what it found.
//
//   IntegrityReport report(visit);
//   RETURN_IF_ERROR(report.Begin("images", total));
//   for (...) RETURN_IF_ERROR(report.Advance());
//   RETURN_IF_ERROR(report.Fault("images/ab12...", "its bytes are damaged: ...", repaired));
//   RETURN_IF_ERROR(report.Finish());
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "mannequin/v1/product_store.pb.h"

namespace mannequin::store {

// Each call answers what `visit` says: not OK ends the check. Not thread-safe.
class IntegrityReport {
 public:
  using Visit = std::function<absl::Status(const v1::CheckIntegrityResponse&)>;

  // `visit` must outlive the report.
  explicit IntegrityReport(const Visit& visit) : visit_(visit) {}

  // `total` 0: unknown.
  absl::Status Begin(absl::string_view stage, std::int64_t total);
  // A message goes out now and then, not with every call.
  absl::Status Advance(std::int64_t by = 1);
  absl::Status Fault(absl::string_view record, absl::string_view message, bool repaired = false);
  absl::Status Finish();

 private:
  absl::Status Send();

  const Visit& visit_;
  v1::CheckIntegrityResponse next_;
  std::int64_t calls_ = 0;
  std::int64_t found_ = 0;
  std::int64_t repaired_ = 0;
};

}  // namespace mannequin::store
