// What a person sees: tables, numbers, and one line of progress that is redrawn on a
// terminal and printed now and then into a pipe. Progress goes to standard error,
// results to standard output.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mannequin {

// "40,054".
std::string WithCommas(std::int64_t n);
// "1.4 GB", by thousands.
std::string HumanBytes(std::int64_t bytes);
// "2 min 5 s", "3.2 s".
std::string HumanSeconds(double seconds);

// Columns as wide as their cells; `right` says which columns hold numbers. Widths count
// terminal cells: Hangul, Kana and Han take two.
std::string FormatTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                        const std::vector<bool>& right = {});

// Not thread-safe. One at a time.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  // Ends the line.
  ~ProgressLine();
  void Show(const std::string& text);
  // Leaves `text` as the line's last words.
  void End(const std::string& text);

 private:
  const bool quiet_;
  const bool terminal_;
  bool drawn_ = false;
  absl::Time printed_ = absl::InfinitePast();
};

// Whether somebody pressed Ctrl-C (or sent SIGTERM) since WatchForInterrupt. A second
// signal ends the process at once.
void WatchForInterrupt();
bool Interrupted();
// Blocks until Interrupted().
void WaitForInterrupt();

}  // namespace mannequin
