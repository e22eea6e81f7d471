// Completion in the shells themselves, and manual pages through the formatters themselves.
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/process.h"
#include "tests/integration/pseudo_terminal.h"

namespace mannequin {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

std::string PathTo(const std::string& program) {
  for (const char* folder : {"/usr/bin/", "/bin/", "/usr/local/bin/"}) {
    if (std::filesystem::exists(folder + program)) return folder + program;
  }
  return "";
}

#define SKIP_WITHOUT(program) \
  if (PathTo(program).empty()) GTEST_SKIP() << program << " is not installed"

class Shell : public ::testing::Test {
 protected:
  Shell() : folder_(MakeTemporaryFolder("shell").value()) {
    std::filesystem::create_directories(folder_ + "/here/photos");
    EXPECT_TRUE(WriteFileAtomically(folder_ + "/here/photo.jpg", "x").ok());
  }
  ~Shell() override { std::filesystem::remove_all(folder_); }

  std::string Run(const std::vector<std::string>& command) const {
    Process process(command, folder_);
    const int status = process.Wait();
    EXPECT_EQ(status, 0) << absl::StrJoin(command, " ") << "\n" << process.errors();
    return process.output();
  }
  // The script for a shell, in a file.
  std::string Script(const std::string& shell) const {
    const std::string path = absl::StrCat(folder_, "/completion.", shell);
    EXPECT_TRUE(WriteFileAtomically(path, Run({Binary("mannequin"), "completion", shell})).ok());
    return path;
  }

  const std::string folder_;
};

class Bash : public Shell {
 protected:
  // What completes the last of these words.
  std::vector<std::string> Completions(const std::vector<std::string>& words) const {
    const std::string code = absl::StrCat("source ", script_, " && cd ", folder_,
                                          "/here && COMP_WORDS=(mannequin \"$@\") && COMP_CWORD=$# && _mannequin && ",
                                          "printf '%s\\n' \"${COMPREPLY[@]}\"");
    std::vector<std::string> command = {PathTo("bash"), "--norc", "-c", code, "bash"};
    command.insert(command.end(), words.begin(), words.end());
    return absl::StrSplit(Run(command), '\n', absl::SkipEmpty());
  }
  const std::string script_ = Script("bash");
};

TEST_F(Bash, CompletesCommandsOptionsValuesAndFiles) {
  EXPECT_THAT(Completions({""}), IsSupersetOf({"up", "score", "doctor", "completion"}));
  EXPECT_THAT(Completions({"sco"}), ElementsAre("score"));
  EXPECT_THAT(Completions({"--output", "json", "sco"}), ElementsAre("score"));
  EXPECT_THAT(Completions({"--server", "models", "sta"}), ElementsAre("stats"));  // a value is no command
  EXPECT_THAT(Completions({"models", ""}), UnorderedElementsAre("list", "show", "promote", "install", "rollback"));
  EXPECT_THAT(Completions({"score", "queue", "--"}),
              AllOf(Contains("--kind"), Contains("--output"), Not(Contains("--title"))));
  EXPECT_THAT(Completions({"generate", "--format", ""}), UnorderedElementsAre("png", "jpeg", "webp"));
  EXPECT_THAT(Completions({"generate", "--format", "=", "w"}), ElementsAre("webp"));
  EXPECT_THAT(Completions({"--output", "j"}), ElementsAre("json"));
  EXPECT_THAT(Completions({"completion", "z"}), ElementsAre("zsh"));
  EXPECT_THAT(Completions({"score", "pho"}), UnorderedElementsAre("photo.jpg", "photos"));
  EXPECT_THAT(Completions({"score", "--images", "pho"}), ElementsAre("photos"));
  EXPECT_THAT(Completions({"score", "--title", "pho"}), IsEmpty());
  EXPECT_THAT(Completions({"score", "q"}), ElementsAre("queue"));
}

TEST_F(Bash, CompletesAtAPrompt) {
  PseudoTerminal terminal(
      Program({PathTo("bash"), "--norc", "--noprofile", "-i"}, {"PS1=ready> ", "TERM=xterm", "HISTFILE="}));
  terminal.ReadUntil("ready>");
  terminal.Write(
      absl::StrCat("source ", script_, "; cd ", folder_, "/here; bind 'set bell-style none'; echo so''urced\n"));
  ASSERT_THAT(terminal.ReadUntil("sourced"), HasSubstr("sourced"));
  terminal.Write("mannequin score --imag\t");  // as far as --image and --images agree
  terminal.ReadUntil("--image");
  terminal.Write("s pho\t");
  EXPECT_THAT(terminal.ReadUntil("photos/"), HasSubstr("--images photos/"));
}

TEST_F(Shell, FishCompletesCommandsOptionsValuesAndFiles) {
  SKIP_WITHOUT("fish");
  const std::string script = Script("fish");
  const auto completions = [&](const std::string& line) {
    const std::string code = absl::StrCat("cd ", folder_, "/here; source ", script, "; complete -C '", line, "'");
    std::vector<std::string> words;
    const std::string output = Run(
        {"/usr/bin/env", "HOME=" + folder_, "XDG_CONFIG_HOME=" + folder_, PathTo("fish"), "--no-config", "-c", code});
    for (const absl::string_view found : absl::StrSplit(output, '\n', absl::SkipEmpty())) {
      words.push_back(std::string(found.substr(0, found.find('\t'))));
    }
    return words;
  };
  EXPECT_THAT(completions("mannequin "), IsSupersetOf({"up", "score", "doctor", "completion"}));
  EXPECT_THAT(completions("mannequin sco"), ElementsAre("score"));
  EXPECT_THAT(completions("mannequin --server models sta"), ElementsAre("stats"));
  EXPECT_THAT(completions("mannequin models "), UnorderedElementsAre("list", "show", "promote", "install", "rollback"));
  EXPECT_THAT(completions("mannequin score queue --ki"), ElementsAre("--kind"));
  EXPECT_THAT(completions("mannequin score queue --tit"), IsEmpty());
  EXPECT_THAT(completions("mannequin generate --format "), UnorderedElementsAre("png", "jpeg", "webp"));
  EXPECT_THAT(completions("mannequin score pho"), IsSupersetOf({"photo.jpg", "photos/"}));
  EXPECT_THAT(completions("mannequin score --images pho"), ElementsAre("photos/"));
}

TEST_F(Shell, ZshCompletesCommandsOptionsValuesAndFiles) {
  SKIP_WITHOUT("zsh");
  const std::string script = Script("zsh");
  // A terminal each: what is typed stays on the line.
  const auto completed = [&](const std::string& typed, const std::string& expected) {
    PseudoTerminal terminal(
        Program({PathTo("zsh"), "-f", "-i"}, {"PS1=ready> ", "TERM=dumb", "HOME=" + folder_, "ZDOTDIR=" + folder_}),
        200);
    terminal.ReadUntil("ready>");
    // Once the prompt is another one, all was read. (The line typed does not hold it.)
    terminal.Write(absl::StrCat("autoload -U compinit && compinit -u -D && source ", script, " && cd ", folder_,
                                "/here && PS1='se''t> '\n"));
    terminal.ReadUntil("set> ");
    terminal.Write(typed);
    const std::string output = terminal.ReadUntil(expected, absl::Seconds(20));
    return output.substr(std::min(output.size(), output.rfind("set> ")));
  };
  EXPECT_THAT(completed("mannequin sco\t", "score "), HasSubstr("mannequin score "));
  EXPECT_THAT(completed("mannequin models l\t", "list "), HasSubstr("models list "));
  EXPECT_THAT(completed("mannequin generate --form\t", "--format "), HasSubstr("--format "));
  EXPECT_THAT(completed("mannequin generate --format w\t", "webp "), HasSubstr("--format webp "));
  EXPECT_THAT(completed("mannequin score queue --k\t", "--kind "), HasSubstr("queue --kind "));
  EXPECT_THAT(completed("mannequin score --images pho\t", "photos/"), HasSubstr("--images photos/"));
  EXPECT_THAT(completed("mannequin score photo.\t", "photo.jpg"), HasSubstr("score photo.jpg"));
}

class ManualPages : public Shell {
 protected:
  ManualPages() { Run({Binary("mannequin"), "man", "--out", folder_ + "/man"}); }
  std::vector<std::string> Pages() const {
    std::vector<std::string> pages;
    for (const auto& page : std::filesystem::directory_iterator(folder_ + "/man")) pages.push_back(page.path());
    return pages;
  }
};

TEST_F(ManualPages, AreOneOfTheProgramAndOneACommand) {
  EXPECT_THAT(Pages(), IsSupersetOf({folder_ + "/man/mannequin.1", folder_ + "/man/mannequin-score.1",
                                     folder_ + "/man/mannequin-doctor.1"}));
  const std::string score = ReadFile(folder_ + "/man/mannequin-score.1").value();
  EXPECT_THAT(score, AllOf(HasSubstr(".Ss score queue"), HasSubstr("photo.jpg"), HasSubstr("Fl \"\\-evidence\"")));
}

TEST_F(ManualPages, ReadWithoutAWarning) {
  SKIP_WITHOUT("mandoc");
  for (const std::string& page : Pages()) {
    Process lint({PathTo("mandoc"), "-T", "lint", "-W", "warning", page}, folder_);
    EXPECT_EQ(lint.Wait(), 0) << lint.output() << lint.errors();
    // Bold is a letter over itself there.
    std::string text;
    for (const char c : Run({PathTo("mandoc"), "-T", "ascii", page})) {
      if (c == '\b') {
        text.pop_back();
      } else {
        text.push_back(c);
      }
    }
    EXPECT_THAT(text, AllOf(HasSubstr("EXAMPLES"), HasSubstr("EXIT STATUS")));
  }
}

TEST_F(ManualPages, GroffReadsThemToo) {
  SKIP_WITHOUT("groff");
  for (const std::string& page : Pages()) {
    Process groff({PathTo("groff"), "-mdoc", "-Tascii", "-ww", page}, folder_);
    EXPECT_EQ(groff.Wait(), 0) << groff.errors();
    EXPECT_EQ(groff.errors(), "") << page;
  }
}

}  // namespace
}  // namespace mannequin
