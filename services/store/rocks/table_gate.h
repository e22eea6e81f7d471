// Keeps tables from being taken over into the database while a backup takes note of what there
// is. RocksDB notes the tables first and then the log: a table that came in between would be
// missing from the backup, and what was written after it would be there.
//
//   if (!gate.Enter()) ...        // not now: write the products into the log
//   const absl::Cleanup leave = [&] { gate.Leave(); };
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace mannequin::store {

// Thread-safe.
class TableGate {
 public:
  // False while it is closed.
  bool Enter() {
    absl::MutexLock lock(&mutex_);
    if (!closed_) ++inside_;
    return !closed_;
  }
  void Leave() {
    absl::MutexLock lock(&mutex_);
    --inside_;
  }
  // Nobody enters any more; returns when nobody is inside.
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    mutex_.Await(absl::Condition(
        +[](int* inside) { return *inside == 0; }, &inside_));
  }
  // From any thread, and as often as one likes.
  void Open() {
    absl::MutexLock lock(&mutex_);
    closed_ = false;
  }

 private:
  absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mannequin::store
