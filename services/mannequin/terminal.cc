#include "services/mannequin/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/rpc/server.h"

namespace mannequin {
namespace {

constexpr absl::Duration kPipeInterval = absl::Seconds(10);
constexpr int kBar = 20;

// Terminal cells of the character that begins with `byte`; 0 inside one.
int Cells(unsigned char byte) {
  if ((byte & 0xC0) == 0x80) return 0;
  // Three-byte sequences from U+1100: Hangul, Kana, Han and full-width forms.
  return (byte >= 0xE3 && byte <= 0xED) || byte == 0xEF || byte >= 0xF0 ? 2 : 1;
}

// Terminal cells of UTF-8 text.
int Width(absl::string_view text) {
  int width = 0;
  for (const char c : text) width += Cells(static_cast<unsigned char>(c));
  return width;
}

// The whole characters that fit.
absl::string_view Cut(absl::string_view text, int cells) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    cells -= Cells(static_cast<unsigned char>(text[i]));
    if (cells < 0) return text.substr(0, i);
  }
  return text;
}

int TerminalCells(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

absl::Notification& InterruptNotification() {
  static auto* const notification = new absl::Notification;  // outlives every thread
  return *notification;
}

}  // namespace

std::string WithCommas(std::int64_t n) {
  std::string digits = absl::StrCat(n);
  for (int i = static_cast<int>(digits.size()) - 3; i > (n < 0 ? 1 : 0); i -= 3)
    digits.insert(static_cast<std::size_t>(i), ",");
  return digits;
}

std::string HumanBytes(std::int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1000 && unit < 5) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? absl::StrCat(bytes, " B") : absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string HumanSeconds(double seconds) {
  if (seconds < 60) return absl::StrFormat("%.1f s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return absl::StrFormat("%d min %d s", whole / 60, whole % 60);
  return absl::StrFormat("%d h %d min", whole / 3600, whole / 60 % 60);
}

std::string FormatTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                        const std::vector<bool>& right) {
  std::vector<int> widths(header.size());
  for (std::size_t c = 0; c < header.size(); ++c) {
    widths[c] = Width(header[c]);
    for (const auto& row : rows) widths[c] = std::max(widths[c], Width(row[c]));
  }
  std::string out;
  const auto add_row = [&](const std::vector<std::string>& row) {
    std::string line = " ";
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(static_cast<std::size_t>(widths[c] - Width(row[c])), ' ');
      const bool to_right = c < right.size() && right[c];
      absl::StrAppend(&line, " ", to_right ? padding : "", row[c], to_right ? "" : padding, " ");
    }
    while (line.back() == ' ') line.pop_back();
    absl::StrAppend(&out, line, "\n");
  };
  add_row(header);
  for (const auto& row : rows) add_row(row);
  return out;
}

std::string Painted(const std::string& text, Colour colour, int fd) {
  const char* const none = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  if (!isatty(fd) || (none != nullptr && *none != '\0') || terminal == nullptr ||
      absl::string_view(terminal) == "dumb") {
    return text;
  }
  const int code = colour == Colour::kRed ? 31 : colour == Colour::kYellow ? 33 : 32;
  return absl::StrFormat("\033[%dm%s\033[0m", code, text);
}

std::string ProgressText(const Progress& progress, int bar) {
  std::string text = absl::StrFormat("%-16s", progress.what);
  const auto add = [&text](const std::string& part) {
    if (!part.empty()) absl::StrAppend(&text, "  ", part);
  };
  if (progress.share >= 0) {
    const double share = std::min(progress.share, 1.0);
    absl::StrAppend(&text, absl::StrFormat(" %3.0f %%", 100 * share));
    const auto full = static_cast<std::size_t>(std::lround(share * bar));
    if (bar > 0)
      add(absl::StrCat("[", std::string(full, '#'), std::string(static_cast<std::size_t>(bar) - full, '.'), "]"));
  }
  add(progress.done);
  add(progress.rate);
  if (progress.seconds_left >= 0) add(absl::StrCat(HumanSeconds(progress.seconds_left), " left"));
  add(progress.note);
  return text;
}

double SecondsLeft(double seconds, double share) {
  return share > 0 && share <= 1 && seconds > 0 ? seconds * (1 - share) / share : -1;
}

namespace {

// What counts and bytes have in common.
Progress SharedProgress(const std::string& what, std::int64_t done, std::int64_t total, double seconds) {
  Progress progress;
  progress.what = what;
  if (total > 0) progress.share = static_cast<double>(done) / static_cast<double>(total);
  progress.seconds_left = SecondsLeft(seconds, progress.share);
  return progress;
}

double Rate(std::int64_t done, double seconds) { return static_cast<double>(done) / std::max(seconds, 1e-3); }

}  // namespace

Progress CountProgress(const std::string& what, const std::string& things, std::int64_t done, std::int64_t total,
                       double seconds) {
  Progress progress = SharedProgress(what, done, total, seconds);
  progress.done = absl::StrCat(WithCommas(done), total > 0 ? absl::StrCat(" of ", WithCommas(total)) : "", " ", things);
  const double rate = Rate(done, seconds);
  progress.rate = rate < 10 ? absl::StrFormat("%.1f/s", rate) : WithCommas(std::llround(rate)) + "/s";
  return progress;
}

Progress ByteProgress(const std::string& what, std::int64_t done, std::int64_t total, double seconds) {
  Progress progress = SharedProgress(what, done, total, seconds);
  progress.done = absl::StrCat(HumanBytes(done), total > 0 ? absl::StrCat(" of ", HumanBytes(total)) : "");
  progress.rate = absl::StrCat(HumanBytes(std::llround(Rate(done, seconds))), "/s");
  return progress;
}

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO)) {}

ProgressLine::~ProgressLine() {
  if (drawn_ && terminal_) std::fputc('\n', stderr);
}

void ProgressLine::Show(const Progress& progress) {
  if (quiet_) return;
  if (terminal_) {
    // One cell less: a full line would wrap, and \r would not reach its start.
    const std::string text = ProgressText(progress, kBar);
    const absl::string_view shown = Cut(text, TerminalCells(STDERR_FILENO) - 1);
    std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(shown.size()), shown.data());
    std::fflush(stderr);
    drawn_ = true;
    return;
  }
  if (absl::Now() - printed_ < kPipeInterval) return;
  printed_ = absl::Now();
  std::fprintf(stderr, "%s\n", ProgressText(progress).c_str());
}

void ProgressLine::End(const std::string& text) {
  if (quiet_) return;
  std::fprintf(stderr, terminal_ ? "\r\033[K%s\n" : "%s\n", text.c_str());
  drawn_ = false;
}

void WatchForInterrupt() {
  std::thread([] {
    const int first = rpc::WaitForSignal();
    InterruptNotification().Notify();
    rpc::WaitForSignal();
    _exit(128 + first);
  }).detach();
}

bool Interrupted() { return InterruptNotification().HasBeenNotified(); }

void WaitForInterrupt() { InterruptNotification().WaitForNotification(); }

}  // namespace mannequin
