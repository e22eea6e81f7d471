// The one place where a rocksdb::Status becomes an absl::Status.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/status.h"

namespace mannequin::store {

// `what` begins the message, e.g. "read products/B00X". Corruption and a file that is gone
// are DATA_LOSS, a full disk or quota RESOURCE_EXHAUSTED, a disk that is mounted read-only
// FAILED_PRECONDITION, a store that closes UNAVAILABLE, the rest INTERNAL.
absl::Status FromRocks(const rocksdb::Status& status, absl::string_view what);

}  // namespace mannequin::store
