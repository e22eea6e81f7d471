// How RocksDB does, for Prometheus: what it holds in memory, how far compaction is behind, whether it takes writes.
// Read every ten seconds on a thread `rocks-metrics`.
//
//   mannequin_store_rocksdb_memtable_bytes              gauge
//   mannequin_store_rocksdb_block_cache_bytes           gauge
//   mannequin_store_rocksdb_table_bytes                 gauge; tables and blob files that are in use
//   mannequin_store_rocksdb_pending_compaction_bytes    gauge; grows while writes come faster than compaction works
//   mannequin_store_rocksdb_running_compactions         gauge
//   mannequin_store_rocksdb_running_flushes             gauge
//   mannequin_store_rocksdb_delayed_write_bytes_per_second  gauge; what RocksDB slows writes down to, 0: it does not
//   mannequin_store_rocksdb_write_stopped               gauge; 1: no write is taken until compaction has caught up
//   mannequin_store_rocksdb_background_errors           gauge; of flushes and compactions since the start
#pragma once

#include "common/base/periodic.h"
#include "services/store/rocks/database.h"

namespace mannequin::store {

// The metrics are the process's: of two stores in one, those of the one that was read last.
class RocksMetrics {
 public:
  // `db` must outlive it.
  explicit RocksMetrics(const Database& db);

 private:
  Periodic reading_;
};

}  // namespace mannequin::store
