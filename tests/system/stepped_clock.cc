// Preloaded into a process: its wall clock is as many seconds fast as the file STEPPED_CLOCK says in its first eight
// bytes, from the moment on that they change. The monotonic clock stays. (Debian's libfaketime finds the real functions
// by dlsym, which allocates; jemalloc, which our services have, asks for the time when it allocates first: neither gets
// further.)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

std::atomic<std::atomic<std::int64_t>*> offset{nullptr};

__attribute__((constructor)) void Begin() {
  const char* file = getenv("STEPPED_CLOCK");
  const int fd = file == nullptr ? -1 : open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* mapped = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) offset = static_cast<std::atomic<std::int64_t>*>(mapped);
  close(fd);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, time);
  const std::atomic<std::int64_t>* by = offset.load();
  if (result == 0 && clock == CLOCK_REALTIME && by != nullptr) time->tv_sec += by->load();
  return static_cast<int>(result);
}

int gettimeofday(timeval* time, void*) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* seconds) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (seconds != nullptr) *seconds = now.tv_sec;
  return now.tv_sec;
}

}  // extern "C"
