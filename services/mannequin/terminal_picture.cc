#include "services/mannequin/terminal_picture.h"

#include <fcntl.h>
#include <poll.h>
#include <sixel.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

constexpr absl::Duration kAnswerTime = absl::Milliseconds(300);
constexpr std::size_t kKittyChunk = 4'096;
constexpr int kColours = 256;
constexpr int kCellPixels = 8;

// Whether an answer to DA1 names `attribute`.
bool HasAttribute(absl::string_view answer, absl::string_view attribute) {
  const std::size_t begin = answer.find("\033[?");
  if (begin == absl::string_view::npos || answer.back() != 'c') return false;
  answer = answer.substr(begin + 3);
  answer.remove_suffix(1);
  for (const absl::string_view part : absl::StrSplit(answer, ';')) {
    if (part == attribute) return true;
  }
  return false;
}

absl::StatusOr<std::string> Kitty(const Pixels& pixels) {
  ASSIGN_OR_RETURN(const std::string png, EncodeImage(pixels, "image/png"));
  const std::string data = absl::Base64Escape(png);
  std::string bytes;
  for (std::size_t at = 0; at < data.size(); at += kKittyChunk) {
    const bool more = at + kKittyChunk < data.size();
    // Transmit and show (a=T) a PNG (f=100), and answer nothing (q=2).
    absl::StrAppend(&bytes, "\033_G", at == 0 ? "a=T,f=100,q=2," : "", "m=", more ? 1 : 0, ";",
                    absl::string_view(data).substr(at, kKittyChunk), "\033\\");
  }
  return bytes + "\n";
}

absl::Status SixelError(SIXELSTATUS status) {
  return absl::InternalError(absl::StrCat("sixel: ", sixel_helper_format_error(status)));
}

absl::StatusOr<std::string> Sixel(const Pixels& pixels) {
  std::string bytes;
  sixel_output_t* output = nullptr;
  const auto write = [](char* data, int size, void* text) {
    static_cast<std::string*>(text)->append(data, static_cast<std::size_t>(size));
    return size;
  };
  if (const SIXELSTATUS status = sixel_output_new(&output, write, &bytes, nullptr); SIXEL_FAILED(status)) {
    return SixelError(status);
  }
  const std::unique_ptr<sixel_output_t, decltype(&sixel_output_unref)> output_owner(output, sixel_output_unref);
  sixel_dither_t* dither = nullptr;
  if (const SIXELSTATUS status = sixel_dither_new(&dither, kColours, nullptr); SIXEL_FAILED(status)) {
    return SixelError(status);
  }
  const std::unique_ptr<sixel_dither_t, decltype(&sixel_dither_unref)> dither_owner(dither, sixel_dither_unref);
  std::vector<std::uint8_t> rgb = pixels.rgb;  // libsixel takes no const
  SIXELSTATUS status =
      sixel_dither_initialize(dither, rgb.data(), pixels.width, pixels.height, SIXEL_PIXELFORMAT_RGB888,
                              SIXEL_LARGE_AUTO, SIXEL_REP_AUTO, SIXEL_QUALITY_HIGH);
  if (!SIXEL_FAILED(status)) status = sixel_encode(rgb.data(), pixels.width, pixels.height, 3, dither, output);
  if (SIXEL_FAILED(status)) return SixelError(status);
  return bytes + "\n";
}

}  // namespace

std::string ProcessEnvironment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string AskTerminal(int fd, absl::Duration timeout) {
  termios before{};
  if (tcgetpgrp(fd) != getpgrp() || tcgetattr(fd, &before) != 0) return "";
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  if (tcsetattr(fd, TCSANOW, &raw) != 0) return "";
  // What comes too late is not left for the shell to read.
  const auto restore = absl::MakeCleanup([&] { tcsetattr(fd, TCSAFLUSH, &before); });
  constexpr char kAttributes[] = "\033[c";
  if (write(fd, kAttributes, sizeof kAttributes - 1) < 0) return "";
  std::string answer;
  for (const absl::Time end = absl::Now() + timeout; absl::Now() < end;) {
    pollfd poll_for{fd, POLLIN, 0};
    const auto left = static_cast<int>(absl::ToInt64Milliseconds(end - absl::Now()));
    if (poll(&poll_for, 1, left) <= 0) continue;
    char byte = 0;
    if (read(fd, &byte, 1) != 1) return "";
    answer.push_back(byte);
    if (byte == 'c' && absl::StrContains(answer, "\033[?")) return answer;
  }
  return "";
}

PictureProtocol ProtocolOf(const Environment& environment, const std::function<std::string()>& ask) {
  const std::string terminal = environment("TERM"), program = environment("TERM_PROGRAM");
  if (terminal.empty() || terminal == "dumb" || terminal == "linux") return PictureProtocol::kNone;
  const bool inside = !environment("TMUX").empty() || absl::StartsWith(terminal, "screen");
  const bool kitty = !environment("KITTY_WINDOW_ID").empty() || terminal == "xterm-kitty" ||
                     terminal == "xterm-ghostty" || program == "ghostty" || program == "WezTerm";
  if (kitty && !inside) return PictureProtocol::kKitty;
  return HasAttribute(ask(), "4") ? PictureProtocol::kSixel : PictureProtocol::kNone;
}

PictureProtocol ChooseProtocol(const std::string& show) {
  if (show == "kitty") return PictureProtocol::kKitty;
  if (show == "sixel") return PictureProtocol::kSixel;
  if (show == "never" || !isatty(STDOUT_FILENO)) return PictureProtocol::kNone;
  return ProtocolOf(ProcessEnvironment, [] {
    const int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return std::string();
    const std::string answer = AskTerminal(fd, kAnswerTime);
    close(fd);
    return answer;
  });
}

int TerminalPixels() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 80 * kCellPixels;
  if (size.ws_xpixel > 0) return size.ws_xpixel;
  return (size.ws_col > 0 ? size.ws_col : 80) * kCellPixels;
}

absl::StatusOr<std::string> PictureBytes(const Pixels& pixels, PictureProtocol protocol) {
  if (protocol == PictureProtocol::kKitty) return Kitty(pixels);
  if (protocol == PictureProtocol::kSixel) return Sixel(pixels);
  return "";
}

}  // namespace mannequin
