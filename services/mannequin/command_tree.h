// The command line as values, read off the CLI11 app: what shell completion, man pages and the check that
// help teaches are made of.
//
//   const Command root = CommandTree(app);
//   for (const Command& command : root.commands) std::puts(command.summary.c_str());
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace mannequin {

struct CommandOption {
  enum class Paths { kNone, kFiles, kFolders };

  std::vector<std::string> names;  // "-n", "--count"; of a positional its one name, "IMAGE"
  std::string value;               // "TEXT"; empty: a flag
  std::string words;
  std::string default_text;          // empty: none, or said in `words`
  std::string range;                 // "1 to 64"
  std::vector<std::string> choices;  // all values that there are
  Paths paths = Paths::kNone;        // what to complete a value with
  bool positional = false;
  bool required = false;
  bool repeatable = false;
};

struct Command {
  std::vector<std::string> path;      // {"mannequin", "score", "queue"}
  std::string summary;                // one line
  std::vector<std::string> examples;  // the description's indented lines
  std::vector<CommandOption> options;
  std::vector<CommandOption> positionals;
  std::vector<Command> commands;
};

// As the app stands, hidden options left out. A description's first line is the summary; lines that begin with two
// spaces are examples. An option completes files or folders when its type name or a validator is FILE or DIR.
Command CommandTree(const CLI::App& app);

// Help in which a list of commands shows each one's summary alone, and a command's examples have a heading.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_description(const CLI::App* app) const override;
};

}  // namespace mannequin
