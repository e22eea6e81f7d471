#include "services/mannequin/terminal.h"

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/pseudo_terminal.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

TEST(Progress, SaysRateShareAndTimeLeft) {
  EXPECT_EQ(ProgressText(CountProgress("ingest", "products", 500, 2'000, 10)),
            "ingest            25 %  500 of 2,000 products  50/s  30.0 s left");
  EXPECT_EQ(ProgressText(ByteProgress("restore", 1'000'000, 4'000'000, 2), 8),
            "restore           25 %  [##......]  1.0 MB of 4.0 MB  500.0 kB/s  6.0 s left");
}

TEST(Progress, SaysNothingOfWhatIsNotKnown) {
  EXPECT_EQ(ProgressText(CountProgress("export", "products", 5, 0, 2)), "export            5 products  2.5/s");
  EXPECT_EQ(SecondsLeft(10, 0), -1);
  EXPECT_EQ(SecondsLeft(10, -1), -1);
  EXPECT_EQ(SecondsLeft(10, 1), 0);
}

int ShowLongProgress() {
  ProgressLine line(false);
  Progress progress = CountProgress("crawl", "pictures", 10, 20, 1);
  progress.note = "상품 사진 이 아주 많이 있습니다 and so on and on";
  line.Show(progress);
  return 0;
}

TEST(Progress, IsCutToTheTerminalsWidth) {
  PseudoTerminal terminal(ShowLongProgress, 70);
  EXPECT_EQ(terminal.Wait(), 0);
  const std::string shown = terminal.output().substr(terminal.output().find("crawl"));
  EXPECT_THAT(shown, HasSubstr("50 %  [##########..........]  10 of 20 pictures"));
  EXPECT_THAT(shown, testing::Not(HasSubstr("so on")));
  EXPECT_LE(shown.substr(0, shown.find('\r')).size(), 70u);
}

int PrintRed() {
  std::printf("%s\n", Painted("red", Colour::kRed).c_str());
  std::fflush(stdout);
  return 0;
}
std::string RedIn(const char* terminal_name, const char* no_color) {
  PseudoTerminal terminal([=] {
    setenv("TERM", terminal_name, 1);
    setenv("NO_COLOR", no_color, 1);
    return PrintRed();
  });
  terminal.Wait();
  return terminal.output();
}

TEST(Colours, AreShownOnATerminalThatHasThemUnlessTheyAreNotWanted) {
  EXPECT_EQ(RedIn("xterm", ""), "\033[31mred\033[0m\r\n");
  EXPECT_EQ(RedIn("xterm", "1"), "red\r\n");
  EXPECT_EQ(RedIn("dumb", ""), "red\r\n");
  EXPECT_EQ(Painted("red", Colour::kRed, -1), "red");
}

}  // namespace
}  // namespace mannequin
