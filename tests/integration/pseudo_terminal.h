// A child process in a terminal that the test plays: what it prints is read, what a terminal would answer is written.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace mannequin {

class PseudoTerminal {
 public:
  // Runs `child` in a process of its own whose standard input, output, error and controlling terminal this is,
  // `columns` wide; its result is the exit status.
  PseudoTerminal(const std::function<int()>& child, int columns = 80);
  // Ends it.
  ~PseudoTerminal();
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  void Write(const std::string& text) const;
  // All that came so far, once it holds `text`, or the child has ended, or after `timeout`.
  std::string ReadUntil(const std::string& text, absl::Duration timeout = absl::Seconds(30));
  // Reads until the child ends. Its exit status; 128 + signal.
  int Wait();
  const std::string& output() const { return output_; }

 private:
  // False at the end.
  bool ReadSome(absl::Duration timeout);

  int fd_ = -1;
  pid_t pid_ = 0;
  bool reaped_ = false;
  std::string output_;
};

// For a child: this program with these words; variables "NAME=VALUE" beside those of the test.
std::function<int()> Program(std::vector<std::string> command, std::vector<std::string> variables = {});

}  // namespace mannequin
