#include "tests/integration/pseudo_terminal.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/time/clock.h"

namespace mannequin {

PseudoTerminal::PseudoTerminal(const std::function<int()>& child, int columns) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 24;
  pid_ = forkpty(&fd_, nullptr, nullptr, &size);
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  _exit(child());
}

PseudoTerminal::~PseudoTerminal() {
  if (!reaped_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(fd_);
}

void PseudoTerminal::Write(const std::string& text) const {
  if (write(fd_, text.data(), text.size()) < 0) std::abort();
}

bool PseudoTerminal::ReadSome(absl::Duration timeout) {
  pollfd poll_for{fd_, POLLIN, 0};
  if (poll(&poll_for, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) <= 0) return true;
  char bytes[4'096];
  const ssize_t read_now = read(fd_, bytes, sizeof bytes);  // EIO once the child has closed it
  if (read_now <= 0) return false;
  output_.append(bytes, static_cast<std::size_t>(read_now));
  return true;
}

std::string PseudoTerminal::ReadUntil(const std::string& text, absl::Duration timeout) {
  for (const absl::Time end = absl::Now() + timeout; absl::Now() < end && !absl::StrContains(output_, text);) {
    if (!ReadSome(absl::Milliseconds(50))) break;
  }
  return output_;
}

int PseudoTerminal::Wait() {
  while (ReadSome(absl::Seconds(120))) {
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  reaped_ = true;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::function<int()> Program(std::vector<std::string> command, std::vector<std::string> variables) {
  return [command = std::move(command), variables = std::move(variables)] {
    for (const std::string& variable : variables) putenv(const_cast<char*>(variable.c_str()));
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    return 127;
  };
}

}  // namespace mannequin
