#include "tests/bench/score/server_process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/file.h"

namespace mannequin {
namespace {

// Of /proc, whose files have no size: ReadFile would see nothing.
std::string ReadProc(pid_t pid, const char* name) {
  std::string text;
  FILE* file = fopen(absl::StrCat("/proc/", pid, "/", name).c_str(), "r");
  if (file == nullptr) return text;
  for (int c = fgetc(file); c != EOF; c = fgetc(file)) text += static_cast<char>(c);
  fclose(file);
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const std::string& work,
                                                                    const std::string& network) {
  std::unique_ptr<ServerProcess> server(new ServerProcess);
  server->pid_ = fork();
  if (server->pid_ == 0) {
    execl("/proc/self/exe", "bench_score", "--serve", "--work", work.c_str(), "--network", network.c_str(), nullptr);
    _exit(127);
  }
  const absl::Time limit = absl::Now() + absl::Seconds(120);
  while (absl::Now() < limit) {
    absl::StatusOr<std::string> address = ReadFile(work + "/address");
    if (address.ok()) {
      server->address_ = *std::move(address);
      return server;
    }
    if (waitpid(server->pid_, nullptr, WNOHANG) != 0) {
      server->pid_ = 0;
      return absl::UnavailableError("the server's process ended; its words are on standard error");
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  return absl::DeadlineExceededError("the server did not start in 120 s");
}

ServerProcess::~ServerProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

double ServerProcess::CpuSeconds() const {
  // proc(5): fields 14 and 15, counted from 1; the name in brackets may hold spaces.
  const std::string stat = ReadProc(pid_, "stat");
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(stat.rfind(')') + 2), ' ');
  return static_cast<double>(std::atoll(fields[11].c_str()) + std::atoll(fields[12].c_str())) /
         static_cast<double>(sysconf(_SC_CLK_TCK));
}

double ServerProcess::ResidentMb() const {
  const std::string rollup = ReadProc(pid_, "smaps_rollup");
  const std::size_t at = rollup.find("\nRss:");
  return at == std::string::npos ? 0 : std::atof(rollup.c_str() + at + 5) / 1024;
}

}  // namespace mannequin
