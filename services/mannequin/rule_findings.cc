#include "services/mannequin/rule_findings.h"

#include <cstdio>
#include <string>

#include "services/mannequin/job_view.h"

namespace mannequin {

void AddRuleFindings(const v1::Verdict& verdict, nlohmann::json& line) {
  line["rules_version"] = verdict.rules_version();
  for (const v1::ReasonScore& reason : verdict.reasons()) {
    if (!reason.detail().empty()) line["details"][ReasonName(reason.reason())] = reason.detail();
  }
  if (!verdict.policy().empty()) {
    line["policy"] = verdict.policy();
    line["policy_findings"] = nlohmann::json::array();
    for (const v1::PolicyFinding& finding : verdict.policy_findings()) {
      line["policy_findings"].push_back({{"rule", finding.rule()},
                                         {"detail", finding.detail()},
                                         {"measured", finding.measured()},
                                         {"bound", finding.bound()},
                                         {"source", finding.source()}});
    }
  }
}

void PrintRuleFindings(const v1::Verdict& verdict) {
  for (const v1::PolicyFinding& finding : verdict.policy_findings()) {
    std::printf("            %s %s: %s\n            %*s  %s\n", verdict.policy().c_str(), finding.rule().c_str(),
                finding.detail().c_str(), static_cast<int>(verdict.policy().size()), "", finding.source().c_str());
  }
}

}  // namespace mannequin
