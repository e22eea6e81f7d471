// What a person sees: tables, numbers, colours, and one line of progress that is redrawn on a
// terminal and printed now and then into a pipe. Progress goes to standard error,
// results to standard output.
#pragma once

#include <unistd.h>

#include <cstdint>
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

enum class Colour { kRed, kYellow, kGreen };
// `text` in that colour where the file descriptor is a terminal that knows colours (TERM is not dumb) and nobody
// asked for none (NO_COLOR, https://no-color.org); else as it is.
std::string Painted(const std::string& text, Colour colour, int fd = STDOUT_FILENO);

// How far a long work is. What is empty or negative is not known and not shown.
struct Progress {
  std::string what;          // "ingest"
  double share = -1;         // done, 0 to 1
  std::string done;          // "1,200 products"
  std::string rate;          // "340/s"
  double seconds_left = -1;  // at that rate
  std::string note;          // "3 failed"
};

// "ingest             45 %  [#########...........]  1,200 products  340/s  12.0 s left  3 failed"; the bar, of `bar`
// cells, where that is not 0.
std::string ProgressText(const Progress& progress, int bar = 0);

// When as many `seconds` more are to be expected as the share that is missing takes; -1 when there is no telling.
double SecondsLeft(double seconds, double share);

// Of `done` things out of `total` (0: not known) after `seconds`.
Progress CountProgress(const std::string& what, const std::string& things, std::int64_t done, std::int64_t total,
                       double seconds);
// The same of bytes.
Progress ByteProgress(const std::string& what, std::int64_t done, std::int64_t total, double seconds);

// Not thread-safe. One at a time.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  // Ends the line.
  ~ProgressLine();
  // Cut to the terminal's width.
  void Show(const Progress& progress);
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
