// score policies: whose rules `score --policy` takes, and where the marketplaces say so.
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "services/mannequin/channel.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

// "0.95 or more".
std::string BoundOf(const v1::PolicyRule& rule) {
  if (!rule.formats().empty()) return absl::StrJoin(rule.formats(), ", ");
  if (rule.has_at_least() && rule.has_at_most()) return absl::StrFormat("%g to %g", rule.at_least(), rule.at_most());
  return rule.has_at_least() ? absl::StrFormat("%g or more", rule.at_least())
                             : absl::StrFormat("%g or less", rule.at_most());
}

std::string MeasureName(v1::PolicyMeasure measure) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::PolicyMeasure_Name(measure), "POLICY_MEASURE_"));
}

absl::Status Run(Invocation& invocation) {
  const auto stub = invocation.Stub<v1::AbuseScorer>();
  v1::ListPoliciesResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &v1::AbuseScorer::Stub::ListPolicies, v1::ListPoliciesRequest(), &response));
  if (invocation.json()) {
    for (const v1::Policy& policy : response.policies()) PrintJson(JsonValue(policy));
    return absl::OkStatus();
  }
  for (const v1::Policy& policy : response.policies()) {
    std::printf("%s  %s (%s)\n", policy.name().c_str(), policy.title().c_str(), policy.version().c_str());
    std::printf("generated images: %s\n", GeneratedImagesText(policy).c_str());
    std::vector<std::vector<std::string>> rows;
    for (const v1::PolicyRule& rule : policy.rules()) {
      rows.push_back({rule.name(), MeasureName(rule.measure()), BoundOf(rule), rule.required() ? "ABUSE" : "REVIEW",
                      rule.source()});
    }
    std::printf("%s\n", FormatTable({"rule", "measure", "must be", "broken makes", "source"}, rows).c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddPoliciesCommand(CLI::App& score, Invocation& invocation) {
  CLI::App* command =
      score.add_subcommand("policies", "whose rules --policy takes, with their sources\n  mannequin score policies");
  AddLocalOption(*command, invocation);
  command->callback([&invocation] { invocation.run = [&invocation] { return Run(invocation); }; });
}

}  // namespace mannequin
