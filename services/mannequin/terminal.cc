#include "services/mannequin/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/rpc/server.h"

namespace mannequin {
namespace {

constexpr absl::Duration kPipeInterval = absl::Seconds(10);

// Terminal cells of UTF-8 text.
int Width(absl::string_view text) {
  int width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) == 0x80) continue;
    // Three-byte sequences from U+1100: Hangul, Kana, Han and full-width forms.
    const bool wide = (byte >= 0xE3 && byte <= 0xED) || byte == 0xEF || byte >= 0xF0;
    width += wide ? 2 : 1;
  }
  return width;
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

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO)) {}

ProgressLine::~ProgressLine() {
  if (drawn_ && terminal_) std::fputc('\n', stderr);
}

void ProgressLine::Show(const std::string& text) {
  if (quiet_) return;
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    std::fflush(stderr);
    drawn_ = true;
    return;
  }
  if (absl::Now() - printed_ < kPipeInterval) return;
  printed_ = absl::Now();
  std::fprintf(stderr, "%s\n", text.c_str());
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
