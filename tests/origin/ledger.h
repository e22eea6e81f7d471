// What an origin was asked for and did.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "tests/origin/crawl_origin.h"

namespace mannequin {

// Thread-safe.
class Ledger {
 public:
  void Opened();
  void Closed();
  // How many times `target` has now been asked for.
  std::int64_t Asked(absl::string_view target);
  void AskedForRobots();
  void Dealt(absl::string_view target, Fault fault, bool used_connection);
  // `status` 0: none.
  void Answered(int status, std::int64_t body_bytes);
  // A request was answered or its client has gone.
  void Ended();

  OriginCounts Counts() const;
  std::map<std::string, TargetCounts> Targets() const;

 private:
  mutable absl::Mutex mutex_;
  OriginCounts counts_ ABSL_GUARDED_BY(mutex_);
  std::int64_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, TargetCounts> targets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin
