// How RocksDB is set up, with the reason beside each choice.
#pragma once

#include <cstdint>
#include <vector>

#include "rocksdb/db.h"
#include "rocksdb/options.h"

namespace mannequin::store {

rocksdb::DBOptions DatabaseOptions(rocksdb::Env* env);

// RocksDB's "default" family, which must exist and stays empty, then those of
// keys.h in the order of `Family`.
std::vector<rocksdb::ColumnFamilyDescriptor> FamilyDescriptors(std::int64_t block_cache_bytes);

}  // namespace mannequin::store
