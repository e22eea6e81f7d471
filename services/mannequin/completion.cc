#include "services/mannequin/completion.h"

#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"

namespace mannequin {
namespace {

// "score queue": the words after the program's name.
std::string PathOf(const Command& command) { return absl::StrJoin(absl::MakeConstSpan(command.path).subspan(1), " "); }

void ForEach(const Command& command, const std::function<void(const Command&)>& visit) {
  visit(command);
  for (const Command& sub : command.commands) ForEach(sub, visit);
}

// The command's own, then those of the program.
std::vector<const CommandOption*> OptionsAt(const Command& command, const Command& root) {
  std::vector<const CommandOption*> options;
  for (const CommandOption& option : command.options) options.push_back(&option);
  if (&command == &root) return options;
  for (const CommandOption& option : root.options) {
    if (option.names.back() != "--help") options.push_back(&option);
  }
  return options;
}

std::string Names(const std::vector<const CommandOption*>& options, bool with_value_only) {
  std::vector<std::string> names;
  for (const CommandOption* option : options) {
    if (with_value_only && option->value.empty()) continue;
    names.insert(names.end(), option->names.begin(), option->names.end());
  }
  return absl::StrJoin(names, " ");
}

std::string CommandNames(const Command& command) {
  return absl::StrJoin(command.commands, " ",
                       [](std::string* out, const Command& sub) { absl::StrAppend(out, sub.path.back()); });
}

// How the script finds the values of an option: "files", "folders", "words A B" or "".
std::string ValuesOf(const CommandOption& option) {
  if (!option.choices.empty()) return absl::StrCat("words ", absl::StrJoin(option.choices, " "));
  if (option.paths == CommandOption::Paths::kFiles) return "files";
  return option.paths == CommandOption::Paths::kFolders ? "folders" : "";
}

std::string OperandsOf(const Command& command) {
  return command.positionals.empty() ? "" : ValuesOf(command.positionals.front());
}

std::string SingleQuoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

}  // namespace

std::string BashCompletion(const Command& root) {
  std::string tables, values;
  ForEach(root, [&](const Command& command) {
    const std::vector<const CommandOption*> options = OptionsAt(command, root);
    absl::StrAppend(&tables, "    '", PathOf(command), "') commands='", CommandNames(command), "' operands='",
                    OperandsOf(command), "'\n      options='", Names(options, false), "'\n      valued=' ",
                    Names(options, true), " ' ;;\n");
    for (const CommandOption* option : options) {
      const std::string found = ValuesOf(*option);
      if (found.empty()) continue;
      for (const std::string& name : option->names) {
        absl::StrAppend(&values, "    '", PathOf(command), " ", name, "') operands='", found, "' ;;\n");
      }
    }
  });
  return absl::StrCat(
      "# bash completion of mannequin, written by `mannequin completion bash`.\n"
      "# What the command PATH takes.\n"
      "_mannequin_command() {\n  case $1 in\n",
      tables,
      "  esac\n}\n"
      "# What the option of a command takes, as \"PATH OPTION\".\n"
      "_mannequin_value() {\n  operands=\n  case $1 in\n",
      values,
      "  esac\n}\n"
      R"bash(_mannequin() {
  local cur=${COMP_WORDS[COMP_CWORD]} path= pending= commands= options= valued= operands= word at
  _mannequin_command "$path"
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    if [ "$word" = = ]; then continue; fi # --output=json arrives as three words
    if [ -n "$pending" ]; then pending=; continue; fi
    case $word in
      -*) case $valued in *" $word "*) pending=$word ;; esac ;;
      *) case " $commands " in *" $word "*) path="${path:+$path }$word"; _mannequin_command "$path" ;; esac ;;
    esac
  done
  if [ "$cur" = = ]; then cur=; fi
  COMPREPLY=()
  if [ -n "$pending" ]; then
    _mannequin_value "$path $pending"
  elif [[ $cur == -* ]]; then
    operands="words $options"
  elif [ -n "$commands" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
  fi
  case $operands in
    words\ *) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "${operands#words }" -- "$cur") ;;
    files) compopt -o filenames 2>/dev/null; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur") ;;
    folders) compopt -o filenames 2>/dev/null; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "$cur") ;;
  esac
}
complete -F _mannequin mannequin
)bash");
}

namespace {

// Of a word in the brackets or between the colons of an _arguments specification.
std::string ZshText(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"[", "\\["}, {"]", "\\]"}, {":", "\\:"}, {"\n", " "}});
}

// ":TEXT:_files".
std::string ZshValue(const CommandOption& option, const std::string& label) {
  std::string action;
  if (!option.choices.empty()) action = absl::StrCat("(", absl::StrJoin(option.choices, " "), ")");
  if (option.paths == CommandOption::Paths::kFiles) action = "_files";
  if (option.paths == CommandOption::Paths::kFolders) action = "_files -/";
  return absl::StrCat(":", ZshText(label), ":", action);
}

std::string ZshOption(const CommandOption& option) {
  std::string lines;
  for (const std::string& name : option.names) {
    const std::string others = option.repeatable ? "*" : absl::StrCat("(", absl::StrJoin(option.names, " "), ")");
    absl::StrAppend(&lines, "    ",
                    SingleQuoted(absl::StrCat(others, name, "[", ZshText(option.words), "]",
                                              option.value.empty() ? "" : ZshValue(option, option.value))),
                    "\n");
  }
  return lines;
}

std::string ZshFunction(const Command& command) {
  return absl::StrCat("_", absl::StrReplaceAll(absl::StrJoin(command.path, "_"), {{"-", "_"}}));
}

}  // namespace

std::string ZshCompletion(const Command& root) {
  std::string functions;
  ForEach(root, [&](const Command& command) {
    std::string options;
    for (const CommandOption* option : OptionsAt(command, root)) absl::StrAppend(&options, ZshOption(*option));
    absl::StrAppend(&functions, ZshFunction(command), "() {\n");
    if (command.commands.empty()) {
      std::string operands;
      for (const CommandOption& positional : command.positionals) {
        const bool last = &positional == &command.positionals.back();
        absl::StrAppend(&operands, "    ",
                        SingleQuoted(absl::StrCat(positional.repeatable && last ? "*"
                                                  : positional.required         ? ""
                                                                                : ":",
                                                  ZshValue(positional, positional.names.front()))),
                        "\n");
      }
      absl::StrAppend(&functions, "  local specs=(\n", options, operands, "  )\n  _arguments -s $specs\n}\n");
      return;
    }
    std::string words, choice;
    for (const Command& sub : command.commands) {
      absl::StrAppend(&words, "    ", SingleQuoted(absl::StrCat(ZshText(sub.path.back()), ":", sub.summary)), "\n");
      absl::StrAppend(&choice, "        ", sub.path.back(), ") ", ZshFunction(sub), " ;;\n");
    }
    const std::string files = OperandsOf(command) == "files" ? "; _files" : "";
    const std::string any = files.empty() ? "" : "        *) _files ;;\n";
    absl::StrAppend(&functions, "  local context state state_descr line\n  typeset -A opt_args\n  local specs=(\n",
                    options, "    '1: :->command'\n    '*:: :->rest'\n  )\n  local names=(\n", words,
                    "  )\n  _arguments -C $specs\n  case $state in\n    command) _describe command names", files,
                    " ;;\n    rest)\n      case $words[1] in\n", choice, any, "      esac ;;\n  esac\n}\n");
  });
  return absl::StrCat("#compdef mannequin\n# zsh completion of mannequin, written by `mannequin completion zsh`.\n",
                      functions,
                      "if [ \"$funcstack[1]\" = _mannequin ]; then\n  _mannequin \"$@\"\nelse\n  compdef _mannequin "
                      "mannequin\nfi\n");
}

namespace {

std::string FishQuoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string FishValue(const CommandOption& option) {
  if (!option.choices.empty()) return absl::StrCat(" -x -a ", FishQuoted(absl::StrJoin(option.choices, " ")));
  if (option.paths == CommandOption::Paths::kFiles) return " -r -F";
  if (option.paths == CommandOption::Paths::kFolders) return " -x -a '(__fish_complete_directories)'";
  return " -x";
}

}  // namespace

std::string FishCompletion(const Command& root) {
  std::string lines, paths, valued;
  ForEach(root, [&](const Command& command) {
    const std::string path = PathOf(command);
    const std::string at =
        absl::StrCat("complete -c mannequin -n ", FishQuoted(absl::StrCat("__mannequin_at '", path, "'")));
    if (!path.empty()) absl::StrAppend(&paths, " ", FishQuoted(path));
    for (const Command& sub : command.commands) {
      absl::StrAppend(&lines, at, " -a ", sub.path.back(), " -d ", FishQuoted(sub.summary), "\n");
    }
    if (const std::string operands = OperandsOf(command); operands == "files") {
      absl::StrAppend(&lines, at, " -F\n");
    } else if (operands == "folders") {
      absl::StrAppend(&lines, at, " -a '(__fish_complete_directories)'\n");
    } else if (!operands.empty()) {
      absl::StrAppend(&lines, at, " -a ", FishQuoted(operands.substr(operands.find(' ') + 1)), "\n");
    }
    for (const CommandOption* option : OptionsAt(command, root)) {
      absl::StrAppend(&lines, at);
      for (const std::string& name : option->names) {
        absl::StrAppend(&lines, name[1] == '-' ? " -l " : " -s ", name.substr(name[1] == '-' ? 2 : 1));
        if (!option->value.empty()) absl::StrAppend(&valued, " ", FishQuoted(absl::StrCat(path, " ", name)));
      }
      if (!option->value.empty()) absl::StrAppend(&lines, FishValue(*option));
      absl::StrAppend(&lines, " -d ", FishQuoted(option->words), "\n");
    }
  });
  return absl::StrCat("# fish completion of mannequin, written by `mannequin completion fish`.\n",
                      "set -g __mannequin_paths", paths, "\nset -g __mannequin_valued", valued, "\n",
                      R"fish(# Whether the words before the cursor are of the command at this path.
function __mannequin_at
    set -l path ''
    set -l value 0
    for word in (commandline -opc)[2..-1]
        if test $value = 1
            set value 0
            continue
        end
        switch $word
            case '-*=*'
            case '-*'
                contains -- "$path $word" $__mannequin_valued; and set value 1
            case '*'
                set -l deeper (string trim -- "$path $word")
                contains -- $deeper $__mannequin_paths; and set path $deeper
        end
    end
    test "$path" = "$argv[1]"
end
complete -c mannequin -f
)fish",
                      lines);
}

}  // namespace mannequin
