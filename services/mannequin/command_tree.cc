#include "services/mannequin/command_tree.h"

#include <regex>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace mannequin {
namespace {

// "TEXT:{png,jpeg}", "INT:INT in [1 - 64]", "TEXT:DIR": what the option takes, then what its validators say.
void ReadType(const std::string& type, CommandOption& option) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(type, absl::MaxSplits(':', 1));
  option.value = parts.first;
  static const auto* const kChoices = new std::regex(R"(\{([^{}]*)\})");
  static const auto* const kRange = new std::regex(R"(in \[(\S+) - (\S+)\])");
  std::smatch match;
  if (std::regex_search(type, match, *kChoices)) option.choices = absl::StrSplit(match[1].str(), ',');
  if (std::regex_search(type, match, *kRange)) option.range = absl::StrCat(match[1].str(), " to ", match[2].str());
  for (const absl::string_view word : absl::StrSplit(type, ':')) {
    if (word != "FILE" && word != "DIR") continue;
    option.paths = word == "FILE" ? CommandOption::Paths::kFiles : CommandOption::Paths::kFolders;
    option.value = std::string(word);
  }
}

CommandOption OptionOf(const CLI::Option& source) {
  CommandOption option;
  option.positional = source.get_positional() && source.get_snames().empty() && source.get_lnames().empty();
  if (option.positional) {
    option.names = {source.get_name(true)};
  } else {
    for (const std::string& name : source.get_snames()) option.names.push_back("-" + name);
    for (const std::string& name : source.get_lnames()) option.names.push_back("--" + name);
  }
  if (source.get_items_expected_max() > 0) ReadType(source.get_type_name(), option);
  option.words = source.get_description();
  option.default_text = source.get_default_str();
  option.required = source.get_required();
  option.repeatable = source.get_items_expected_max() > 1;
  return option;
}

Command CommandOf(const CLI::App& app, std::vector<std::string> path) {
  Command command;
  path.push_back(app.get_name());
  command.path = path;
  for (const absl::string_view line : absl::StrSplit(app.get_description(), '\n')) {
    if (absl::StartsWith(line, "  ")) {
      command.examples.push_back(std::string(line.substr(2)));
    } else if (!line.empty()) {
      absl::StrAppend(&command.summary, command.summary.empty() ? "" : " ", line);
    }
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    CommandOption read = OptionOf(*option);
    (read.positional ? command.positionals : command.options).push_back(std::move(read));
  }
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App* any) { return !any->get_group().empty(); })) {
    command.commands.push_back(CommandOf(*sub, path));
  }
  return command;
}

}  // namespace

Command CommandTree(const CLI::App& app) { return CommandOf(app, {}); }

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  std::ostringstream out;
  CLI::detail::format_help(out, command->get_display_name(true), CommandTree(*command).summary, column_width_);
  return out.str();
}

std::string HelpFormatter::make_description(const CLI::App* app) const {
  const Command command = CommandTree(*app);
  std::string text = command.summary + "\n";
  if (!command.examples.empty()) {
    absl::StrAppend(&text, "\nExamples:\n  ", absl::StrJoin(command.examples, "\n  "), "\n");
  }
  return text + "\n";
}

}  // namespace mannequin
