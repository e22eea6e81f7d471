#include "services/trainer/local_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/steady.h"
#include "services/trainer/report_pipe.h"

extern char** environ;

namespace mannequin {
namespace {

// This machine's own name of a device as CUDA_VISIBLE_DEVICES has it.
std::string VisibleDevice(const std::string& device) {
  std::size_t number = 0;
  if (device == "cpu" || !absl::SimpleAtoi(absl::string_view(device).substr(device.find(':') + 1), &number)) {
    return device == "cuda" ? VisibleDevice("cuda:0") : "";
  }
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (visible == nullptr) return absl::StrCat(number);
  const std::vector<std::string> names = absl::StrSplit(visible, ',');
  return number < names.size() ? names[number] : "";
}

std::string MemoryConfiguration() {
  const char* own = std::getenv("MALLOC_CONF");
  return absl::StrCat(kTrainingMemory, own == nullptr ? "" : ",", own == nullptr ? "" : own);
}

// This process' environment with these in place of its own.
std::vector<std::string> EnvironmentWith(const std::vector<std::string>& own) {
  std::vector<std::string> all = own;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view name = absl::string_view(*entry).substr(0, absl::string_view(*entry).find('=') + 1);
    if (std::none_of(own.begin(), own.end(), [&](const std::string& mine) { return absl::StartsWith(mine, name); })) {
      all.emplace_back(*entry);
    }
  }
  return all;
}

std::vector<std::string> EnvironmentOf(const v1::StartTrainingProcess& start) {
  return EnvironmentWith({absl::StrCat("RANK=", start.rank()), absl::StrCat("WORLD_SIZE=", start.world_size()),
                          absl::StrCat("LOCAL_RANK=", start.local_rank()),
                          absl::StrCat("LOCAL_WORLD_SIZE=", start.local_world_size()),
                          absl::StrCat("RENDEZVOUS=", start.rendezvous()),
                          absl::StrCat("CUDA_VISIBLE_DEVICES=", VisibleDevice(start.device())),
                          absl::StrCat("TRAINER_PID=", getpid()), absl::StrCat("MALLOC_CONF=", MemoryConfiguration())});
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

class LocalProcess final : public RunningProcess {
 public:
  static absl::StatusOr<std::unique_ptr<RunningProcess>> Start(const std::string& program, const std::string& plan_path,
                                                               const std::string& log,
                                                               std::vector<std::string> environment) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot make a pipe");
    const auto close_write_end = absl::MakeCleanup([&] { close(ends[1]); });
    auto close_read_end = absl::MakeCleanup([&] { close(ends[0]); });
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    const auto destroy = absl::MakeCleanup([&] {
      posix_spawn_file_actions_destroy(&actions);
      posix_spawnattr_destroy(&attributes);
    });
    posix_spawn_file_actions_adddup2(&actions, ends[1], kReportFd);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> arguments = {program, kTrainingProcess, plan_path};
    pid_t pid = -1;
    const int failed = posix_spawn(&pid, program.c_str(), &actions, &attributes, Pointers(arguments).data(),
                                   Pointers(environment).data());
    if (failed != 0) return absl::ErrnoToStatus(failed, absl::StrCat("cannot start ", program));
    std::move(close_read_end).Cancel();
    return std::unique_ptr<RunningProcess>(new LocalProcess(pid, ends[0]));
  }

  ~LocalProcess() override {
    Kill();
    if (!ended_) waitpid(pid_, nullptr, 0);
    close(fd_);
  }

  void AskToEnd() override {
    if (!ended_) kill(pid_, SIGTERM);
  }

  // Of the whole process group: what the process started goes, too.
  void Kill() override {
    if (ended_) return;
    killed_ = true;
    kill(-pid_, SIGKILL);
  }

  std::vector<v1::TrainingReport> Read() override {
    char bytes[16384];
    std::vector<v1::TrainingReport> reports;
    pollfd ready{fd_, POLLIN, 0};
    while (!closed_ && poll(&ready, 1, 0) > 0) {
      const ssize_t n = read(fd_, bytes, sizeof bytes);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        closed_ = true;
        break;
      }
      reader_.Add(bytes, static_cast<std::size_t>(n));
      heard_ = SteadyNow();
    }
    while (std::optional<v1::TrainingReport> report = reader_.Next()) {
      if (report->has_end()) end_ = report->end();
      reports.push_back(*std::move(report));
    }
    return reports;
  }

  int fd() const override { return closed_ ? -1 : fd_; }
  bool Silent(absl::Duration limit) const override { return !ended_ && SteadyNow() - heard_ > limit; }

  std::int64_t PeakMemory() override {
    const absl::StatusOr<std::string> text = ReadFile(absl::StrCat("/proc/", pid_, "/status"));
    if (text.ok()) {
      const std::size_t at = text->find("VmHWM:");
      std::int64_t kilobytes = 0;
      if (at != std::string::npos) kilobytes = std::strtoll(text->c_str() + at + std::strlen("VmHWM:"), nullptr, 10);
      peak_ = std::max(peak_, kilobytes * 1024);
    }
    return peak_;
  }

  bool Ended() override {
    if (!ended_ && waitpid(pid_, &wait_status_, WNOHANG) == pid_) ended_ = true;
    return ended_;
  }
  const std::optional<v1::ProcessEnd>& end() const override { return end_; }

  std::string Crash() const override {
    if (!ended_ || killed_) return "";
    if (WIFSIGNALED(wait_status_)) {
      const int signal = WTERMSIG(wait_status_);
      return absl::StrCat("killed by signal ", signal,
                          signal == SIGKILL ? ", perhaps out of memory: use a smaller batch" : "");
    }
    if (!end_ || absl::StatusCode(end_->code()) == absl::StatusCode::kCancelled) {
      return absl::StrCat("ended with status ", WEXITSTATUS(wait_status_), " before its work was done");
    }
    return "";
  }
  bool killed_by_system() const override {
    return ended_ && !killed_ && WIFSIGNALED(wait_status_) && WTERMSIG(wait_status_) == SIGKILL;
  }

 private:
  LocalProcess(pid_t pid, int fd) : pid_(pid), fd_(fd) {}

  const pid_t pid_;
  const int fd_;
  ReportReader reader_;
  absl::Time heard_ = SteadyNow();
  std::optional<v1::ProcessEnd> end_;
  int wait_status_ = 0;
  bool ended_ = false, closed_ = false, killed_ = false;
  std::int64_t peak_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RunningProcess>> StartLocalProcess(const std::string& program,
                                                                  const v1::StartTrainingProcess& start,
                                                                  const std::string& log) {
  return LocalProcess::Start(program.empty() ? "/proc/self/exe" : program, start.plan_path(), log,
                             EnvironmentOf(start));
}

}  // namespace mannequin
