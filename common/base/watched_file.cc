#include "common/base/watched_file.h"

#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace mannequin {

absl::StatusOr<std::unique_ptr<WatchedFile>> WatchedFile::Open(std::string path, Use use, const Clock& clock) {
  auto file = std::make_unique<WatchedFile>(std::move(path), std::move(use), clock);
  absl::MutexLock lock(&file->mutex_);
  // Stamped before it is read: a change in between is read once more.
  ASSIGN_OR_RETURN(file->stamp_, file->StampNow());
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file->path_));
  RETURN_IF_ERROR(file->use_(bytes));
  file->looked_ = clock.Now();
  return file;
}

absl::StatusOr<WatchedFile::Stamp> WatchedFile::StampNow() const {
  struct stat status {};
  if (stat(path_.c_str(), &status) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path_));
  return Stamp{status.st_dev, status.st_ino, status.st_size,
               status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};
}

void WatchedFile::Refresh() {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  if (now >= looked_ && now < looked_ + absl::Seconds(1)) return;
  looked_ = now;
  const auto refresh = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) -> absl::Status {
    ASSIGN_OR_RETURN(const Stamp stamp, StampNow());
    if (stamp == stamp_) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path_));
    stamp_ = stamp;
    RETURN_IF_ERROR(use_(bytes));
    spdlog::info("{} was read anew", path_);
    return absl::OkStatus();
  };
  const absl::Status status = refresh();
  const std::string problem(status.message());
  if (!problem.empty() && problem != problem_) spdlog::error("{} (what it said before stays in use)", problem);
  problem_ = problem;
}

}  // namespace mannequin
