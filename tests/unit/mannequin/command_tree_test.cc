// Help teaches: every command says what it does and shows how, every option has words, and what help shows can be
// typed.
#include "services/mannequin/command_tree.h"

#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/mannequin/command_line.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct WholeCommandLine {
  WholeCommandLine() { AddCommands(app, invocation); }
  CLI::App app;
  Invocation invocation;
};

void ForEach(const Command& command, const std::function<void(const Command&)>& visit) {
  visit(command);
  for (const Command& sub : command.commands) ForEach(sub, visit);
}

TEST(CommandTree, EveryCommandSaysWhatItDoesInOneLineAndShowsAnExample) {
  const WholeCommandLine line;
  int commands = 0;
  ForEach(CommandTree(line.app), [&](const Command& command) {
    ++commands;
    const std::string path = absl::StrJoin(command.path, " ");
    EXPECT_FALSE(command.summary.empty()) << path;
    EXPECT_LE(command.summary.size(), 160u) << path;
    bool shown = false;
    for (const std::string& example : command.examples) shown = shown || absl::StrContains(example, path);
    EXPECT_TRUE(shown) << path << " shows no example of itself";
  });
  EXPECT_GE(commands, 40);
}

TEST(CommandTree, EveryOptionHasWords) {
  const WholeCommandLine line;
  ForEach(CommandTree(line.app), [](const Command& command) {
    for (const auto* options : {&command.options, &command.positionals}) {
      for (const CommandOption& option : *options) {
        EXPECT_FALSE(option.words.empty()) << absl::StrJoin(command.path, " ") << " " << option.names.back();
      }
    }
  });
}

// Words as a shell splits them, up to a redirection or two spaces, where an example's remark begins.
std::vector<std::string> ShellWords(const std::string& text) {
  std::vector<std::string> words(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == ' ' && !quoted) {
      if (i + 1 < text.size() && (text[i + 1] == ' ' || text[i + 1] == '>')) break;
      words.emplace_back();
    } else {
      words.back().push_back(text[i]);
    }
  }
  return words;
}

TEST(CommandTree, EveryExampleIsUnderstood) {
  const WholeCommandLine tree;
  int examples = 0;
  ForEach(CommandTree(tree.app), [&](const Command& command) {
    for (const std::string& example : command.examples) {
      for (const absl::string_view part : absl::StrSplit(example, " && ")) {
        if (!absl::StartsWith(part, "mannequin ") || absl::StrContains(part, "|")) continue;
        ++examples;
        std::vector<std::string> words = ShellWords(std::string(part));
        words.erase(words.begin());
        std::reverse(words.begin(), words.end());  // as CLI11 takes them
        WholeCommandLine line;
        try {
          line.app.parse(words);
        } catch (const CLI::ParseError& error) {
          const bool needs_file = absl::StrContains(error.what(), "does not exist");
          EXPECT_TRUE(needs_file || error.get_exit_code() == 0) << example << "\n" << error.what();
        }
      }
    }
  });
  EXPECT_GE(examples, 50);
}

TEST(CommandTree, ReadsChoicesRangesPathsAndWhatRepeats) {
  CLI::App app("says hello\n  hello --to kim", "hello");
  std::string word;
  std::vector<std::string> many;
  int number = 3;
  bool flag = false;
  app.add_option("-l,--language", word, "of it")->check(CLI::IsMember({"en", "ko"}));
  app.add_option("--times", number, "so often")->check(CLI::Range(1, 9))->capture_default_str();
  app.add_option("--out", word, "where to")->type_name("FILE");
  app.add_option("--in", word, "where from")->check(CLI::ExistingDirectory);
  app.add_option("--to", many, "whom");
  app.add_flag("--loud", flag, "with a bang");
  app.add_option("--secret", word, "nobody's business")->group("");
  app.add_option("NAME", word, "who says it")->required();
  const Command command = CommandTree(app);
  EXPECT_EQ(command.summary, "says hello");
  EXPECT_THAT(command.examples, ElementsAre("hello --to kim"));
  ASSERT_EQ(command.options.size(), 7u);  // with --help
  EXPECT_THAT(command.options[1].names, ElementsAre("-l", "--language"));
  EXPECT_THAT(command.options[1].choices, ElementsAre("en", "ko"));
  EXPECT_EQ(command.options[2].range, "1 to 9");
  EXPECT_EQ(command.options[2].default_text, "3");
  EXPECT_EQ(command.options[3].paths, CommandOption::Paths::kFiles);
  EXPECT_EQ(command.options[4].paths, CommandOption::Paths::kFolders);
  EXPECT_TRUE(command.options[5].repeatable);
  EXPECT_EQ(command.options[6].value, "");
  ASSERT_EQ(command.positionals.size(), 1u);
  EXPECT_TRUE(command.positionals[0].required);
}

std::string Usage(std::vector<std::string> words) {
  WholeCommandLine line;
  std::reverse(words.begin(), words.end());
  try {
    line.app.parse(words);
  } catch (const CLI::ParseError& error) {
    return UsageMessage(line.app, error);
  }
  return "";
}

TEST(UsageMessage, NamesTheCommandThatWasLikelyMeantAndWhoseHelpToRead) {
  EXPECT_EQ(Usage({"scroe", "a.jpg"}),
            "\"scroe\" is not a command of mannequin; did you mean `mannequin score`?\n  see: mannequin --help");
  EXPECT_THAT(Usage({"frobnicate"}), Not(HasSubstr("did you mean")));
  EXPECT_THAT(Usage({"models", "lsit"}), HasSubstr("did you mean `mannequin models list`?"));
  EXPECT_THAT(Usage({"models", "promote"}), HasSubstr("VERSION"));
  EXPECT_THAT(Usage({"models", "promote"}), HasSubstr("see: mannequin models promote --help"));
  EXPECT_THAT(Usage({"generate", "--format", "gif"}), HasSubstr("see: mannequin generate --help"));
}

TEST(Help, ListsCommandsByTheirFirstLineAndShowsExamples) {
  const WholeCommandLine line;
  const std::string help = line.app.help();
  EXPECT_THAT(help, HasSubstr("is this image abusing this listing?\n"));
  EXPECT_THAT(help, Not(HasSubstr("mannequin score queue")));
  EXPECT_THAT(line.app.get_subcommand("score")->help(), HasSubstr("Examples:\n  mannequin score photo.jpg"));
}

}  // namespace
}  // namespace mannequin
