// Pictures in a terminal, by kitty's graphics protocol or by sixel.
//
//   const PictureProtocol protocol = ChooseProtocol("auto");
//   ASSIGN_OR_RETURN(std::string bytes, PictureBytes(pixels, protocol));
//
// Kitty: https://sw.kovidgoyal.net/kitty/graphics-protocol/. Sixel: DEC's, encoded by libsixel, which chooses 256
// colours a picture and dithers; a terminal says that it has it in its primary device attributes (DA1), as "4".
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/image/image.h"

namespace mannequin {

enum class PictureProtocol { kNone, kKitty, kSixel };

// A variable of the environment, "" when it is not set.
using Environment = std::function<std::string(const char*)>;
std::string ProcessEnvironment(const char* name);

// What the terminal at `fd` answers to DA1, e.g. "\033[?62;4;22c"; empty when `fd` is not a terminal of this process's
// foreground, or nothing came in time. What is typed meanwhile is lost; the terminal's modes are as before.
std::string AskTerminal(int fd, absl::Duration timeout);

// Kitty by the names that terminals with its protocol set (kitty, Ghostty, WezTerm), but not inside tmux or screen,
// which keep it from the terminal; sixel by `ask`, which is called where that could help.
PictureProtocol ProtocolOf(const Environment& environment, const std::function<std::string()>& ask);

// What `--show` says: "auto" looks at standard output, "kitty", "sixel", "never".
PictureProtocol ChooseProtocol(const std::string& show);

// Pixels across that the terminal of standard output shows; 640 when it does not say.
int TerminalPixels();

// The bytes that draw it, ended by a new line. Empty for kNone.
absl::StatusOr<std::string> PictureBytes(const Pixels& pixels, PictureProtocol protocol);

}  // namespace mannequin
