// How well a score tells abuse from what is clean: figures of two lists of scores, high for abuse.
// All are 0 to 1. Neither list may be empty, but for AreaUnderRocIfAny.
#pragma once

#include <optional>
#include <vector>

namespace mannequin {

// Probability that an abusive example scores higher than a clean one, ties counted half
// (Mann and Whitney 1947); 0.5 by chance.
double AreaUnderRoc(std::vector<double> clean, const std::vector<double>& abuse);
// Nothing when either side is empty.
std::optional<double> AreaUnderRocIfAny(std::vector<double> clean, const std::vector<double>& abuse);

// Mean precision at the rank of each abusive example, the classes as they are mixed here.
double AveragePrecision(const std::vector<double>& clean, const std::vector<double>& abuse);

// Share of abuse above a threshold that at most a share `false_alarms` of the clean exceeds.
double ShareFound(std::vector<double> clean, const std::vector<double>& abuse, double false_alarms);

// Share of the clean at or above the threshold that a share `found` of abuse reaches.
double FalseAlarms(const std::vector<double>& clean, std::vector<double> abuse, double found);

}  // namespace mannequin
