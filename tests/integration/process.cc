#include "tests/integration/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"

namespace mannequin {
namespace {

std::string OutputPath(const std::string& folder, const char* suffix) {
  static std::atomic<int> next{0};
  return absl::StrCat(folder, "/process-", next++, suffix);
}

pid_t Spawn(const std::vector<std::string>& command, const std::string& out, const std::string& err) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies takes its children along
  dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDOUT_FILENO);
  dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDERR_FILENO);
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const std::string& folder)
    : out_path_(OutputPath(folder, ".out")),
      err_path_(OutputPath(folder, ".err")),
      pid_(Spawn(command, out_path_, err_path_)) {}

Process::~Process() {
  if (reaped_) return;
  kill(pid_, SIGKILL);
  Wait();
}

void Process::Signal(int signal) const { kill(pid_, signal); }

int Process::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  reaped_ = true;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool Process::IsRunning() const {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != pid_;
}

bool Process::WaitForOutput(const std::string& text, absl::Duration timeout) const {
  for (const absl::Time end = absl::Now() + timeout; absl::Now() < end; absl::SleepFor(absl::Milliseconds(20))) {
    if (absl::StrContains(output(), text)) return true;
    if (!IsRunning()) return absl::StrContains(output(), text);
  }
  return false;
}

std::string Process::output() const { return ReadFile(out_path_).value_or(""); }
std::string Process::errors() const { return ReadFile(err_path_).value_or(""); }

std::string Binary(const std::string& name) { return absl::StrCat(MANNEQUIN_BIN, "/", name); }

}  // namespace mannequin
