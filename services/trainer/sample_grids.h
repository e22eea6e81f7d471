// The grids of samples that a training leaves in its job's folder: the same noise and texts each time, so that one
// sees it learn.
//
//   WriteFileAtomically(SampleGridPath(folder, step), png);
//   ASSIGN_OR_RETURN(const std::vector<std::int64_t> steps, SampleGridSteps(folder));
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mannequin {

// "FOLDER/sample-00001200.png".
std::string SampleGridPath(const std::string& folder, std::int64_t step);

// Of the grids that are there, ascending. None when the folder is not there; UNKNOWN with the system's words when it
// cannot be read.
absl::StatusOr<std::vector<std::int64_t>> SampleGridSteps(const std::string& folder);

}  // namespace mannequin
