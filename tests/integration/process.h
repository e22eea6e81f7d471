// A child process of a test: its own group, killed with the object, output kept.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/free_port.h"

namespace mannequin {

class Process {
 public:
  // Standard output and standard error go to files in `folder`.
  Process(const std::vector<std::string>& command, const std::string& folder);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Signal(int signal) const;
  // Exit status; 128 + signal when it was killed. Waits.
  int Wait();
  bool IsRunning() const;
  // Waits until standard output holds `text`; false after `timeout` or its end.
  bool WaitForOutput(const std::string& text, absl::Duration timeout) const;
  std::string output() const;
  std::string errors() const;
  pid_t pid() const { return pid_; }

 private:
  const std::string out_path_;
  const std::string err_path_;
  pid_t pid_;
  bool reaped_ = false;
};

// The binary of this build.
std::string Binary(const std::string& name);

}  // namespace mannequin
