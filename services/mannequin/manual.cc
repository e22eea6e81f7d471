#include "services/mannequin/manual.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace mannequin {
namespace {

std::string Escaped(absl::string_view text) { return absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}}); }

// A line of text, which no first character makes a request.
std::string Line(absl::string_view text) { return absl::StrCat("\\&", Escaped(text), "\n"); }

// One argument of a macro.
std::string Argument(absl::string_view text) {
  return absl::StrCat("\"", absl::StrReplaceAll(Escaped(text), {{"\"", "\\(dq"}}), "\"");
}

std::string Words(const std::vector<std::string>& path) { return absl::StrJoin(path, " "); }

// "Apparel > Topwear", a path's or a number's bounds: what help says of an option's values.
std::string TextOf(const CommandOption& option) {
  std::string text = option.words;
  const auto add = [&text](const std::string& more) { absl::StrAppend(&text, text.empty() ? "" : "; ", more); };
  if (!option.choices.empty()) add(absl::StrCat("one of ", absl::StrJoin(option.choices, ", ")));
  if (!option.range.empty()) add(option.range);
  if (!option.default_text.empty()) add(absl::StrCat("default ", option.default_text));
  if (option.required) add("required");
  return text;
}

void AddOptions(const std::vector<CommandOption>& options, std::string& page) {
  if (options.empty()) return;
  absl::StrAppend(&page, ".Bl -tag -width Ds\n");
  for (const CommandOption& option : options) {
    if (option.positional) {
      absl::StrAppend(&page, ".It Ar ", Argument(option.names.front()), "\n");
    } else {
      absl::StrAppend(&page, ".It ",
                      absl::StrJoin(option.names, " , ",
                                    [](std::string* out, const std::string& name) {
                                      absl::StrAppend(out, "Fl ", Argument(name.substr(1)));
                                    }),
                      option.value.empty() ? "" : absl::StrCat(" Ar ", Argument(option.value)), "\n");
    }
    absl::StrAppend(&page, Line(TextOf(option)));
  }
  absl::StrAppend(&page, ".El\n");
}

void AddSynopsis(const Command& command, std::string& page) {
  absl::StrAppend(&page, ".Nm ", Argument(Words(command.path)), "\n");
  if (!command.options.empty()) absl::StrAppend(&page, ".Op Ar options\n");
  for (const CommandOption& positional : command.positionals) {
    absl::StrAppend(&page, positional.required ? ".Ar " : ".Op Ar ", Argument(positional.names.front()),
                    positional.repeatable ? " ..." : "", "\n");
  }
}

void AddExamples(const std::vector<std::string>& examples, std::string& page) {
  absl::StrAppend(&page, ".Bd -literal -offset indent\n");
  for (const std::string& example : examples) absl::StrAppend(&page, Line(example));
  absl::StrAppend(&page, ".Ed\n");
}

std::string Head(const Command& command, absl::CivilDay day) {
  const std::string name = absl::StrJoin(command.path, "-");
  return absl::StrCat(".Dd ",
                      absl::FormatTime("%B %e, %Y", absl::FromCivil(day, absl::UTCTimeZone()), absl::UTCTimeZone()),
                      "\n.Dt ", Escaped(absl::AsciiStrToUpper(name)), " 1\n.Os\n.Sh NAME\n.Nm ", Escaped(name),
                      "\n.Nd ", Escaped(command.summary), "\n.Sh SYNOPSIS\n");
}

constexpr char kExitStatus[] =
    ".Sh EXIT STATUS\n0: done.\n1: failed; standard error says what to do.\n2: the command line was not understood.\n";

void AddSubcommands(const Command& command, std::string& page) {
  for (const Command& sub : command.commands) {
    absl::StrAppend(&page, ".Ss ", Escaped(Words({sub.path.begin() + 1, sub.path.end()})), "\n", Line(sub.summary));
    AddOptions(sub.positionals, page);
    AddOptions(sub.options, page);
    AddExamples(sub.examples, page);
    AddSubcommands(sub, page);
  }
}

void AddSubSynopses(const Command& command, std::string& page) {
  for (const Command& sub : command.commands) {
    AddSynopsis(sub, page);
    AddSubSynopses(sub, page);
  }
}

std::string CommandPage(const Command& command, const Command& root, absl::CivilDay day) {
  std::string page = Head(command, day);
  AddSynopsis(command, page);
  AddSubSynopses(command, page);
  absl::StrAppend(&page, ".Sh OPTIONS\n");
  AddOptions(command.positionals, page);
  AddOptions(command.options, page);
  absl::StrAppend(&page, Line("Those of mannequin itself go with every command:"));
  AddOptions(root.options, page);
  if (!command.commands.empty()) {
    absl::StrAppend(&page, ".Sh COMMANDS\n");
    AddSubcommands(command, page);
  }
  absl::StrAppend(&page, kExitStatus, ".Sh EXAMPLES\n");
  AddExamples(command.examples, page);
  absl::StrAppend(&page, ".Sh SEE ALSO\n.Xr ", Escaped(root.path.front()), " 1\n");
  return page;
}

std::string RootPage(const Command& root, absl::CivilDay day) {
  std::string page = Head(root, day);
  absl::StrAppend(&page, ".Nm mannequin\n.Op Ar options\n.Ar command\n.Sh COMMANDS\n.Bl -tag -width Ds\n");
  for (const Command& command : root.commands) {
    absl::StrAppend(&page, ".It Ic ", Argument(command.path.back()), "\n", Line(command.summary));
  }
  absl::StrAppend(&page, ".El\n.Sh OPTIONS\n");
  AddOptions(root.options, page);
  absl::StrAppend(&page,
                  ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n.It Ev NO_COLOR\nNo colours, when it is not empty.\n.El\n",
                  kExitStatus, ".Sh EXAMPLES\n");
  AddExamples(root.examples, page);
  absl::StrAppend(&page, ".Sh SEE ALSO\n");
  std::set<std::string> others;  // in the order that manuals have them
  for (const Command& command : root.commands) others.insert(absl::StrJoin(command.path, "-"));
  for (const std::string& other : others) {
    absl::StrAppend(&page, ".Xr ", Escaped(other), other == *others.rbegin() ? " 1\n" : " 1 ,\n");
  }
  return page;
}

}  // namespace

std::vector<ManualPage> Manual(const Command& root, absl::CivilDay day) {
  std::vector<ManualPage> pages = {{absl::StrCat(root.path.front(), ".1"), RootPage(root, day)}};
  for (const Command& command : root.commands) {
    pages.push_back({absl::StrCat(absl::StrJoin(command.path, "-"), ".1"), CommandPage(command, root, day)});
  }
  return pages;
}

}  // namespace mannequin
