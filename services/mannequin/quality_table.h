// Quality figures of bundles side by side, as the command line shows them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mannequin/v1/bundle.pb.h"
#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {

// A row a figure, a column a bundle and one for real images; what it was measured on below.
std::string QualityTable(const std::vector<std::pair<std::string, v1::Quality>>& bundles);

// The gate's rows as a table; empty without any.
std::string GateRows(const v1::PromoteBundleResponse& response);

}  // namespace mannequin
