// How the command line shows what a verdict says of rules: what spoils a picture, and what a marketplace
// forbids.
#pragma once

#include "mannequin/v1/verdict.pb.h"
#include "nlohmann/json.hpp"

namespace mannequin {

// Adds "rules_version" and, where there are any, "details" (by reason), "policy" and "policy_findings".
void AddRuleFindings(const v1::Verdict& verdict, nlohmann::json& line);

// A line a finding, and where the marketplace says so.
void PrintRuleFindings(const v1::Verdict& verdict);

}  // namespace mannequin
