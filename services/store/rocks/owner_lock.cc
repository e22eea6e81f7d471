#include "services/store/rocks/owner_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mannequin::store {
namespace {

absl::Status CannotWrite(const std::string& folder, int error) {
  const std::string message =
      absl::StrCat("data folder ", folder, ": cannot be written (", std::generic_category().message(error),
                   "); make it writable or choose another one");
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::FailedPreconditionError(message);
  }
}

std::string OwnerOf(int file) {
  std::array<char, 32> text{};
  const ssize_t size = pread(file, text.data(), text.size(), 0);
  const absl::string_view line(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string pid(absl::StripSuffix(line, "\n"));
  return pid.empty() ? "that is just starting" : pid;
}

}  // namespace

absl::StatusOr<std::unique_ptr<OwnerLock>> OwnerLock::Take(const std::string& folder) {
  std::error_code made;
  std::filesystem::create_directories(folder, made);
  if (made) return CannotWrite(folder, made.value());
  const std::string path = folder + "/OWNER";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return CannotWrite(folder, errno);
  std::unique_ptr<OwnerLock> lock(new OwnerLock(file));
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return CannotWrite(folder, errno);
    return absl::FailedPreconditionError(absl::StrCat("data folder ", folder, " is in use by process ", OwnerOf(file),
                                                      "; stop it, or choose another folder"));
  }
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(file, 0) != 0 || pwrite(file, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return CannotWrite(folder, errno);
  }
  return lock;
}

OwnerLock::~OwnerLock() { close(file_); }

}  // namespace mannequin::store
