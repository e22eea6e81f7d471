// A scorer in a process of its own, so that what it costs is told apart from what its
// callers cost.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace mannequin {

class ServerProcess {
 public:
  // Runs this program with `--serve` and what else it says in `arguments`, and waits until the
  // file `address` in `work` says where it listens. UNAVAILABLE when it ends by itself.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const std::string& work, const std::string& network);
  // Ends it.
  ~ServerProcess();

  const std::string& address() const { return address_; }
  // Spent by all its threads so far.
  double CpuSeconds() const;
  double ResidentMb() const;

 private:
  ServerProcess() = default;

  pid_t pid_ = 0;
  std::string address_;
};

}  // namespace mannequin
