// The store that a configuration names.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "mannequin/config/v1/config.pb.h"
#include "services/store/record_store.h"

namespace mannequin {

// RocksDB in the folder `data`, or PostgreSQL and a bucket. `clock` must outlive it.
// INVALID_ARGUMENT when it names both, a half or neither; else as the engine's Open.
absl::StatusOr<std::unique_ptr<RecordStore>> OpenStore(const config::v1::StoreConfig& config, const Clock& clock);

}  // namespace mannequin
