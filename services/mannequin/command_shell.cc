// completion, man: what the command line says of itself to shells and to man.
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/command_tree.h"
#include "services/mannequin/completion.h"
#include "services/mannequin/manual.h"

namespace mannequin {
namespace {

absl::Status Complete(const CLI::App& app, const std::string& shell) {
  const Command root = CommandTree(app);
  const std::string script = shell == "bash"  ? BashCompletion(root)
                             : shell == "zsh" ? ZshCompletion(root)
                                              : FishCompletion(root);
  std::fputs(script.c_str(), stdout);
  return absl::OkStatus();
}

absl::Status WriteManual(const Invocation& invocation, const CLI::App& app, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("--out: cannot make ", folder));
  nlohmann::json paths = nlohmann::json::array();
  for (const ManualPage& page : Manual(CommandTree(app), absl::ToCivilDay(absl::Now(), absl::UTCTimeZone()))) {
    const std::string path = absl::StrCat(folder, "/", page.name);
    RETURN_IF_ERROR(WriteFileAtomically(path, page.text));
    paths.push_back(path);
  }
  if (invocation.json()) {
    PrintJson({{"pages", paths}});
  } else {
    std::printf("%d pages in %s; read one with: man -l %s/mannequin.1\n", static_cast<int>(paths.size()),
                folder.c_str(), folder.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddShellCommands(CLI::App& app, Invocation& invocation) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* completion = app.add_subcommand("completion",
                                            "a script that lets a shell complete commands, options and their values\n"
                                            "  source <(mannequin completion bash)     in ~/.bashrc; zsh likewise\n"
                                            "  mannequin completion fish | source      in ~/.config/fish/config.fish");
  completion->add_option("SHELL", *shell, "for which shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback(
      [&invocation, &app, shell] { invocation.run = [&app, shell] { return Complete(app, *shell); }; });

  const auto folder = std::make_shared<std::string>(".");
  CLI::App* man = app.add_subcommand("man",
                                     "write the manual pages, one a command\n"
                                     "  mannequin man --out ~/.local/share/man/man1");
  man->add_option("--out", *folder, "folder")->type_name("DIR")->capture_default_str();
  man->callback([&invocation, &app, folder] {
    invocation.run = [&invocation, &app, folder] { return WriteManual(invocation, app, *folder); };
  });
}

}  // namespace mannequin
