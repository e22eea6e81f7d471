// What a terminal gets is decoded back; the terminals are played by the test.
#include "services/mannequin/terminal_picture.h"

#include <sixel.h>
#include <termios.h>
#include <unistd.h>

#include <cmath>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/integration/pseudo_terminal.h"

namespace mannequin {
namespace {

constexpr char kAttributesQuestion[] = "\033[c";

// Large enough for several chunks of kitty's.
Pixels Picture() {
  Pixels pixels{97, 61, {}};
  for (int y = 0; y < pixels.height; ++y) {
    for (int x = 0; x < pixels.width; ++x) {
      pixels.rgb.push_back(static_cast<std::uint8_t>(x * 255 / 96));
      pixels.rgb.push_back(static_cast<std::uint8_t>(y * 255 / 60));
      pixels.rgb.push_back(static_cast<std::uint8_t>((x * x + y * 7) % 64));
    }
  }
  return pixels;
}

TEST(TerminalPicture, KittysChunksAreThePicture) {
  const Pixels picture = Picture();
  const std::string bytes = PictureBytes(picture, PictureProtocol::kKitty).value();
  std::string data;
  int chunks = 0;
  for (const absl::string_view chunk : absl::StrSplit(bytes, "\033_G", absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(chunk, absl::MaxSplits(';', 1));
    const std::size_t end = parts.second.find("\033\\");
    ASSERT_NE(end, absl::string_view::npos);
    EXPECT_LE(end, 4'096u);
    const bool last = end + 2 + 1 == parts.second.size() && parts.second.back() == '\n';
    EXPECT_EQ(parts.first, absl::StrCat(chunks == 0 ? "a=T,f=100,q=2," : "", "m=", last ? 0 : 1));
    data.append(parts.second.data(), end);
    ++chunks;
  }
  EXPECT_GT(chunks, 1);
  std::string png;
  ASSERT_TRUE(absl::Base64Unescape(data, &png));
  const Pixels decoded = DecodeImage(png).value();
  EXPECT_EQ(decoded.width, picture.width);
  EXPECT_EQ(decoded.rgb, picture.rgb);
}

TEST(TerminalPicture, SixelIsThePictureButForItsColours) {
  const Pixels picture = Picture();
  std::string bytes = PictureBytes(picture, PictureProtocol::kSixel).value();
  ASSERT_TRUE(absl::StartsWith(bytes, "\033P")) << absl::CEscape(bytes.substr(0, 20));
  ASSERT_TRUE(absl::EndsWith(bytes, "\033\\\n"));
  unsigned char *indices = nullptr, *palette = nullptr;
  int width = 0, height = 0, colours = 0;
  ASSERT_FALSE(
      SIXEL_FAILED(sixel_decode_raw(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()),
                                    &indices, &width, &height, &palette, &colours, nullptr)));
  EXPECT_EQ(width, picture.width);
  EXPECT_GE(height, picture.height);  // bands of six rows
  EXPECT_LE(height, picture.height + 5);
  double difference = 0;
  for (int at = 0; at < picture.width * picture.height; ++at) {
    for (int channel = 0; channel < 3; ++channel) {
      difference +=
          std::abs(palette[3 * indices[at] + channel] - picture.rgb[static_cast<std::size_t>(3 * at + channel)]);
    }
  }
  EXPECT_LT(difference / static_cast<double>(picture.rgb.size()), 8.0);  // of 255, dithered
  std::free(indices);
  std::free(palette);
}

PictureProtocol Of(std::map<std::string, std::string> variables, const std::string& answer, bool* asked = nullptr) {
  return ProtocolOf([&](const char* name) { return variables[name]; },
                    [&] {
                      if (asked != nullptr) *asked = true;
                      return answer;
                    });
}

TEST(TerminalPicture, TheEnvironmentAndTheTerminalSayWhatItShows) {
  EXPECT_EQ(Of({{"TERM", "xterm-kitty"}}, ""), PictureProtocol::kKitty);
  EXPECT_EQ(Of({{"TERM", "xterm-256color"}, {"KITTY_WINDOW_ID", "1"}}, ""), PictureProtocol::kKitty);
  EXPECT_EQ(Of({{"TERM", "xterm-256color"}, {"TERM_PROGRAM", "WezTerm"}}, ""), PictureProtocol::kKitty);
  EXPECT_EQ(Of({{"TERM", "xterm-256color"}}, "\033[?62;4;22c"), PictureProtocol::kSixel);
  EXPECT_EQ(Of({{"TERM", "xterm-256color"}}, "\033[?64;1;2;14;24c"), PictureProtocol::kNone);  // 14 and 24 are not 4
  EXPECT_EQ(Of({{"TERM", "xterm-256color"}}, ""), PictureProtocol::kNone);
  // tmux keeps kitty's protocol from the terminal; it may know sixel itself.
  EXPECT_EQ(Of({{"TERM", "tmux-256color"}, {"TMUX", "/tmp/t"}, {"KITTY_WINDOW_ID", "1"}}, "\033[?1;2;4c"),
            PictureProtocol::kSixel);
  bool asked = false;
  EXPECT_EQ(Of({{"TERM", "dumb"}}, "\033[?4c", &asked), PictureProtocol::kNone);
  EXPECT_EQ(Of({{"TERM", "linux"}}, "\033[?4c", &asked), PictureProtocol::kNone);
  EXPECT_EQ(Of({}, "\033[?4c", &asked), PictureProtocol::kNone);
  EXPECT_FALSE(asked);
}

// 0: the answer was `expected` and the terminal is as it was.
int Ask(const std::string& expected, absl::Duration timeout) {
  termios before{}, after{};
  tcgetattr(STDIN_FILENO, &before);
  const std::string answer = AskTerminal(STDIN_FILENO, timeout);
  tcgetattr(STDIN_FILENO, &after);
  if (answer != expected) return 1;
  return before.c_lflag == after.c_lflag ? 0 : 2;
}

TEST(TerminalPicture, ATerminalIsAskedAndLeftAsItWas) {
  PseudoTerminal terminal([] { return Ask("\033[?62;4c", absl::Seconds(20)); });
  ASSERT_TRUE(absl::StrContains(terminal.ReadUntil(kAttributesQuestion), kAttributesQuestion));
  terminal.Write("\033[?62;4c");
  EXPECT_EQ(terminal.Wait(), 0);
  EXPECT_FALSE(absl::StrContains(terminal.output(), "62;4c")) << "the answer was echoed";
}

TEST(TerminalPicture, ATerminalThatSaysNothingIsNotWaitedForLong) {
  PseudoTerminal terminal([] { return Ask("", absl::Milliseconds(50)); });
  EXPECT_EQ(terminal.Wait(), 0);
}

TEST(TerminalPicture, APipeIsNotAsked) { EXPECT_EQ(AskTerminal(-1, absl::Seconds(20)), ""); }

}  // namespace
}  // namespace mannequin
