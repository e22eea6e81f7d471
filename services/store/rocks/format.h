// The version of the grammar in keys.h that a database is written in.
#pragma once

#include "absl/status/status.h"
#include "services/store/rocks/database.h"

namespace mannequin::store {

//   1   had no number, and no index by the time of update
//   2   had no renditions, and no queue of fetches by origin
//   3   had no reviews, and no queue of verdicts for them
//   4   this one
inline constexpr int kFormat = 4;

// Brings a database of an older format up to kFormat and writes down that it is; a new one
// is so from the start. Before anybody else uses `db`. FAILED_PRECONDITION when a newer
// program has made it; no record is changed then.
absl::Status BringUpToFormat(Database& db);

}  // namespace mannequin::store
