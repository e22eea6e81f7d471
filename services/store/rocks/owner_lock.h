// One process a data folder: a lock file that says whose it is.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace mannequin::store {

// Held until destroyed; the kernel drops it when the process dies, however it dies.
class OwnerLock {
 public:
  // Makes `folder` when it is not there. FAILED_PRECONDITION with the owner's pid when
  // another store has the folder open; PERMISSION_DENIED when it cannot be written.
  static absl::StatusOr<std::unique_ptr<OwnerLock>> Take(const std::string& folder);
  ~OwnerLock();
  OwnerLock(const OwnerLock&) = delete;
  OwnerLock& operator=(const OwnerLock&) = delete;

 private:
  explicit OwnerLock(int file) : file_(file) {}
  const int file_;
};

}  // namespace mannequin::store
