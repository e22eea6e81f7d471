#include "services/trainer/supervisor.h"

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
#include <memory>
#include <optional>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "services/trainer/report_pipe.h"
#include "spdlog/spdlog.h"

extern char** environ;

namespace mannequin {
namespace {

constexpr int kPollMs = 200;

// The trainer's own name of a device as CUDA_VISIBLE_DEVICES has it.
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

// The trainer's environment with these in place of its own.
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

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// One process of a training; killed with the object.
class Child {
 public:
  static absl::StatusOr<std::unique_ptr<Child>> Start(const std::string& program, const std::string& plan_path,
                                                      const std::string& log, std::vector<std::string> environment) {
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
    return std::unique_ptr<Child>(new Child(pid, ends[0]));
  }

  ~Child() {
    Kill();
    if (!ended_) waitpid(pid_, nullptr, 0);
    close(fd_);
  }

  // Of the whole process group: what the process started goes, too.
  void Kill() {
    if (ended_) return;
    killed_ = true;
    kill(-pid_, SIGKILL);
  }
  void AskToEnd() const {
    if (!ended_) kill(pid_, SIGTERM);
  }

  // What came through the pipe since; call it when poll says so, and after the end.
  std::vector<v1::TrainingReport> Read() {
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
      heard_ = absl::Now();
    }
    while (std::optional<v1::TrainingReport> report = reader_.Next()) {
      if (report->has_end()) end_ = report->end();
      reports.push_back(*std::move(report));
    }
    return reports;
  }

  // True once it has ended.
  bool Reap() {
    if (!ended_ && waitpid(pid_, &wait_status_, WNOHANG) == pid_) ended_ = true;
    return ended_;
  }

  std::int64_t PeakMemory() {
    const absl::StatusOr<std::string> text = ReadFile(absl::StrCat("/proc/", pid_, "/status"));
    if (text.ok()) {
      const std::size_t at = text->find("VmHWM:");
      std::int64_t kilobytes = 0;
      if (at != std::string::npos) kilobytes = std::strtoll(text->c_str() + at + std::strlen("VmHWM:"), nullptr, 10);
      peak_ = std::max(peak_, kilobytes * 1024);
    }
    return peak_;
  }

  bool silent(absl::Duration limit) const { return !ended_ && absl::Now() - heard_ > limit; }
  int fd() const { return closed_ ? -1 : fd_; }
  const std::optional<v1::ProcessEnd>& end() const { return end_; }

  // Why it died, when it did not end by its own decision; empty otherwise.
  std::string Crash() const {
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
  bool killed_by_system() const {
    return ended_ && !killed_ && WIFSIGNALED(wait_status_) && WTERMSIG(wait_status_) == SIGKILL;
  }

 private:
  Child(pid_t pid, int fd) : pid_(pid), fd_(fd) {}

  const pid_t pid_;
  const int fd_;
  ReportReader reader_;
  absl::Time heard_ = absl::Now();
  std::optional<v1::ProcessEnd> end_;
  int wait_status_ = 0;
  bool ended_ = false, closed_ = false, killed_ = false;
  std::int64_t peak_ = 0;
};

class Supervisor {
 public:
  Supervisor(const std::string& plan_path, const v1::TrainingPlan& plan, const SupervisorOptions& options,
             const std::function<bool()>& stopping,
             const std::function<void(const v1::TrainingProgress&, double)>& report)
      : plan_path_(plan_path), plan_(plan), options_(options), stopping_(stopping), report_(report) {}

  absl::Status Run() {
    int in_a_row = 0;
    for (int attempt = 0;; ++attempt) {
      const std::int64_t checkpoint = checkpoint_;
      const absl::Status status = RunOnce(attempt);
      if (crash_.empty()) return status;
      if (stopping_()) return Stopped();
      in_a_row = checkpoint_ > checkpoint ? 1 : in_a_row + 1;
      if (in_a_row > options_.max_restarts) return Failure();
      progress_.set_restarts(progress_.restarts() + 1);
      spdlog::warn("{}: {}; goes on from its last checkpoint", plan_.job_id(), crash_);
      report_(progress_, done_);
    }
  }

 private:
  static absl::Status Stopped() {
    return absl::CancelledError("the training was stopped; its last checkpoint is kept");
  }

  absl::Status Failure() const {
    const std::string message = absl::StrCat(crash_, " (started anew ", progress_.restarts(),
                                             " times; what it said last is in ", LogPath(), ")");
    return out_of_memory_ ? absl::ResourceExhaustedError(message) : absl::InternalError(message);
  }

  std::string LogPath() const { return absl::StrCat(plan_.folder(), "/log.txt"); }

  static std::string MemoryConfiguration() {
    const char* own = std::getenv("MALLOC_CONF");
    return absl::StrCat(kTrainingMemory, own == nullptr ? "" : ",", own == nullptr ? "" : own);
  }

  absl::Status StartAll(int attempt) {
    const std::string program = options_.program.empty() ? "/proc/self/exe" : options_.program;
    const std::string rendezvous = absl::StrCat(plan_.folder(), "/rendezvous-", attempt);
    unlink(rendezvous.c_str());
    for (int rank = 0; rank < plan_.devices_size(); ++rank) {
      ASSIGN_OR_RETURN(
          std::unique_ptr<Child> child,
          Child::Start(program, plan_path_, LogPath(),
                       EnvironmentWith({absl::StrCat("RANK=", rank), absl::StrCat("WORLD_SIZE=", plan_.devices_size()),
                                        absl::StrCat("RENDEZVOUS=", rendezvous),
                                        absl::StrCat("CUDA_VISIBLE_DEVICES=", VisibleDevice(plan_.devices(rank))),
                                        absl::StrCat("TRAINER_PID=", getpid()),
                                        absl::StrCat("MALLOC_CONF=", MemoryConfiguration())})));
      children_.push_back(std::move(child));
    }
    return absl::OkStatus();
  }

  // When a process died, so that all should start anew, `crash_` says why.
  absl::Status RunOnce(int attempt) {
    const auto end_all = absl::MakeCleanup([this] { children_.clear(); });
    crash_.clear();
    RETURN_IF_ERROR(StartAll(attempt));
    absl::Time kill_at = absl::InfiniteFuture();
    bool asked = false;
    while (true) {
      Listen();
      bool all_ended = true, one_failed = false;
      for (std::size_t rank = 0; rank < children_.size(); ++rank) {
        Child& child = *children_[rank];
        const bool ended = child.Reap();
        if (ended) Hear(rank);  // what it said last
        all_ended &= ended;
        one_failed |= ended && (!child.Crash().empty() || (child.end() && child.end()->code() != 0));
        if (child.silent(options_.max_silence) && crash_.empty()) {
          crash_ = absl::StrCat("process ", rank, " said nothing for ", absl::FormatDuration(options_.max_silence),
                                " and was killed");
          kill_at = absl::Now();
        }
      }
      if (all_ended) break;
      if (stopping_() && !asked) {
        asked = true;
        for (const auto& child : children_) child->AskToEnd();
        kill_at = std::min(kill_at, absl::Now() + options_.grace);
      }
      if (one_failed) kill_at = std::min(kill_at, absl::Now() + options_.last_words);
      if (absl::Now() >= kill_at) {
        for (const auto& child : children_) child->Kill();
      }
    }
    return asked ? Stopped() : Verdict();
  }

  absl::Status Verdict() {
    out_of_memory_ = false;
    for (std::size_t rank = 0; rank < children_.size(); ++rank) {
      const std::string crash = children_[rank]->Crash();
      if (crash_.empty() && !crash.empty()) crash_ = absl::StrCat("process ", rank, " was lost: ", crash);
      out_of_memory_ |= children_[rank]->killed_by_system();
    }
    // A process that lost its peer says UNAVAILABLE; the peer knows why.
    absl::Status status;
    for (const auto& child : children_) {
      if (!child->end() || child->end()->code() == 0) continue;
      const absl::Status own(static_cast<absl::StatusCode>(child->end()->code()), child->end()->message());
      if (status.ok() || absl::IsUnavailable(status)) status = own;
    }
    return status;
  }

  // Waits a little for reports and takes them.
  void Listen() {
    std::vector<pollfd> pipes;
    for (const auto& child : children_) pipes.push_back({child->fd(), POLLIN, 0});
    poll(pipes.data(), pipes.size(), kPollMs);
    std::int64_t memory = 0;
    for (std::size_t rank = 0; rank < children_.size(); ++rank) {
      Hear(rank);
      memory += children_[rank]->PeakMemory();
    }
    progress_.set_peak_memory_bytes(std::max(progress_.peak_memory_bytes(), memory));
  }

  void Hear(std::size_t rank) {
    bool news = false;
    for (const v1::TrainingReport& said : children_[rank]->Read()) {
      if (!said.warning().empty()) spdlog::warn("{}: {}", plan_.job_id(), said.warning());
      checkpoint_ = std::max(checkpoint_, said.checkpoint_step());
      if (!said.has_progress()) continue;
      const std::int64_t memory = progress_.peak_memory_bytes();
      const int restarts = progress_.restarts();
      progress_ = said.progress();
      progress_.set_peak_memory_bytes(memory);
      progress_.set_restarts(restarts);
      done_ = said.done();
      news = true;
    }
    if (news) report_(progress_, done_);
  }

  const std::string& plan_path_;
  const v1::TrainingPlan& plan_;
  const SupervisorOptions& options_;
  const std::function<bool()>& stopping_;
  const std::function<void(const v1::TrainingProgress&, double)>& report_;
  std::vector<std::unique_ptr<Child>> children_;
  v1::TrainingProgress progress_;
  double done_ = 0;
  std::int64_t checkpoint_ = -1;
  std::string crash_;
  bool out_of_memory_ = false;
};

}  // namespace

absl::Status Supervise(const std::string& plan_path, const v1::TrainingPlan& plan, const SupervisorOptions& options,
                       const std::function<bool()>& stopping,
                       const std::function<void(const v1::TrainingProgress&, double done)>& report) {
  return Supervisor(plan_path, plan, options, stopping, report).Run();
}

}  // namespace mannequin
