// What the `score` commands share: command_score.cc, command_score_replay.cc, command_score_review.cc.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/status/status.h"
#include "mannequin/v1/verdict.pb.h"
#include "nlohmann/json.hpp"
#include "services/mannequin/command_line.h"

namespace mannequin {

// One document; `id` is what was judged.
nlohmann::json VerdictJson(const std::string& id, const v1::Verdict& verdict);
// On standard output, as --output says.
void PrintVerdict(const Invocation& invocation, const std::string& what, const v1::Verdict& verdict);

// score --replay: prints the kept verdict of a product and the one of a replay, judged from the picture in the
// file `image`, or from the store's when that is empty. ABORTED when they differ.
absl::Status ReplayVerdict(Invocation& invocation, const std::string& product_id, const std::string& image);

// score review | queue | reviews
void AddScoreReviewCommands(CLI::App& score, Invocation& invocation);

}  // namespace mannequin
