// A file that is read anew when it changes, without a thread: whoever uses what it says asks
// before each use.
//
//   ASSIGN_OR_RETURN(auto file, WatchedFile::Open("tokens.textproto", [&](absl::string_view text) { ... }, clock));
//   file->Refresh();  // before each look at what was read
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"

namespace mannequin {

// Thread-safe.
class WatchedFile {
 public:
  // Takes over what the file says, or refuses it whole. Runs on the thread that asked, one at a time.
  using Use = std::function<absl::Status(absl::string_view bytes)>;

  // The error of reading, or that of `use`. `clock` outlives it.
  static absl::StatusOr<std::unique_ptr<WatchedFile>> Open(std::string path, Use use,
                                                           const Clock& clock = Clock::Real());
  // Looks at most once a second whether the file is another than was read. What cannot be read or is
  // refused is logged once, and what was used before stays.
  void Refresh();

  const std::string& path() const { return path_; }

  WatchedFile(std::string path, Use use, const Clock& clock)
      : path_(std::move(path)), use_(std::move(use)), clock_(clock) {}

 private:
  // Of a change, a rename or a symbolic link that points elsewhere.
  struct Stamp {
    std::uint64_t device = 0, inode = 0;
    std::int64_t bytes = -1, changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  absl::StatusOr<Stamp> StampNow() const;

  const std::string path_;
  const Use use_;
  const Clock& clock_;
  absl::Mutex mutex_;
  Stamp stamp_ ABSL_GUARDED_BY(mutex_);
  absl::Time looked_ ABSL_GUARDED_BY(mutex_);
  std::string problem_ ABSL_GUARDED_BY(mutex_);  // of the last look; empty: none
};

}  // namespace mannequin
