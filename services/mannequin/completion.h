// Shell completion of the command line: subcommands, options, the values that an option knows, files and folders.
//
//   source <(mannequin completion bash)
#pragma once

#include <string>

#include "services/mannequin/command_tree.h"

namespace mannequin {

// A script that the shell sources (bash: also as bash-completion's file; zsh: also as #compdef file in $fpath; fish:
// also in its completions folder). `root` is the program. Options of the root are offered after every command.
std::string BashCompletion(const Command& root);
std::string ZshCompletion(const Command& root);
std::string FishCompletion(const Command& root);

}  // namespace mannequin
