// A process's share of a batch, when several train together.
#pragma once

#include "absl/status/statusor.h"
#include "services/trainer/batches.h"

namespace mannequin {

// Every N-th row of each part of the batch of B images from row `rank` on, for a group of N
// processes: together they see each image once, and each has its share of clean ones. INVALID_ARGUMENT when N does not
// divide B or `rank` is not one of N.
absl::StatusOr<Batch> ShardOf(const Batch& batch, int rank, int world_size);

}  // namespace mannequin
