// Manual pages of the command line, in mdoc: one for the program and one for each of its commands, whose own
// subcommands are sections of it.
#pragma once

#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "services/mannequin/command_tree.h"

namespace mannequin {

struct ManualPage {
  std::string name;  // "mannequin-score.1"
  std::string text;
};

// `day` is the one that the pages bear.
std::vector<ManualPage> Manual(const Command& root, absl::CivilDay day);

}  // namespace mannequin
