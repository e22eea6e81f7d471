// Backups of a store: RocksDB's own, incremental (files that a former backup has are not
// copied again), with a checksum a file.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace mannequin {

// Puts the latest backup of `backup_folder` into `data`, where no store may be: the way
// back after DATA_LOSS. NOT_FOUND when there is no backup; ALREADY_EXISTS when `data` is
// not empty; DATA_LOSS when a file of the backup is damaged.
absl::Status RestoreBackup(const std::string& backup_folder, const std::string& data);

}  // namespace mannequin
