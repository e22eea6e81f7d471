// Area under the ROC curve: the chance that a positive's score is above a negative's,
// ties counted half. Mann and Whitney (1947).
#pragma once

#include <optional>
#include <vector>

namespace mannequin {

// Nothing when either side is empty.
std::optional<double> AreaUnderRoc(std::vector<double> positives, std::vector<double> negatives);

}  // namespace mannequin
