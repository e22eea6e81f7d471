#include "services/store/rocks/rocks_options.h"

#include <algorithm>
#include <memory>
#include <thread>

#include "rocksdb/cache.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "services/store/keys.h"
#include "services/store/rocks/rocks_log.h"

namespace mannequin::store {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

rocksdb::ColumnFamilyOptions FamilyOptions(Family family, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  // Indexes and filters share the cache, so that memory has one bound.
  table.cache_index_and_filter_blocks = true;
  // They are asked for at every read and small (12 MB for 9 million products): held, a
  // read looks up one block in the cache instead of three.
  table.metadata_cache_options.unpartitioned_pinning = rocksdb::PinningTier::kAll;
  table.format_version = 5;
  // The index is only ranged over; elsewhere most upserts ask for what is not there, and
  // 10 bits a key answer 99 of 100 of those without a read: 205,000 products/s are ingested
  // with it, 110,000 without. No prefix extractor: a walk of the index has bounds on both
  // sides, and nobody walks a prefix that may not be there.
  if (family != Family::kIndex) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));

  rocksdb::ColumnFamilyOptions options;
  // Most families are small; the big three get more below.
  options.write_buffer_size = 16 * kMiB;
  // LZ4 where data is young and rewritten often, ZSTD where most of it rests. Of a million
  // products, ingested on two cores: all LZ4 and ZSTD as here 135 MB at 205,000/s, nothing
  // compressed 313 MB at 222,000/s, ZSTD everywhere 94 MB at 152,000/s; reads in the cache
  // are as fast with each.
  options.compression = rocksdb::kLZ4Compression;
  options.bottommost_compression = rocksdb::kZSTD;
  options.level_compaction_dynamic_level_bytes = true;

  switch (family) {
    case Family::kProducts:
      options.write_buffer_size = 64 * kMiB;
      // A long stream makes a table every 24 MiB. Merging 8 at once instead of 4 takes 7.0 s
      // of CPU for a million products instead of 8.8; a read looks at 4 filters more at most.
      options.level0_file_num_compaction_trigger = 8;
      // Records are some hundred bytes. 4 KiB would take 152 MB instead of 135 for a million
      // products, and reads would not be faster.
      table.block_size = 16 * 1024;
      // A point read finds its record by hash instead of by halving: 5 % more reads.
      table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
      break;
    case Family::kImages:
    case Family::kRenditions:
      // Pictures lie in blob files, so that compaction moves keys and not megabytes, and
      // are compressed already.
      // Of a crawl's memory these buffers are most, and they are what a blob file holds: 32 MiB
      // is 8,000 files for the 260 GB of nine million pictures.
      options.write_buffer_size = (family == Family::kImages ? 32 : 16) * kMiB;
      options.enable_blob_files = true;
      options.min_blob_size = 1024;
      options.blob_compression_type = rocksdb::kNoCompression;
      // Space of pictures that nothing refers to any more comes back.
      options.enable_blob_garbage_collection = true;
      options.blob_garbage_collection_age_cutoff = 0.5;
      options.blob_garbage_collection_force_threshold = 0.5;
      break;
    case Family::kEmbeddings:
      // Floats of unit vectors do not compress.
      options.write_buffer_size = 32 * kMiB;
      options.compression = rocksdb::kNoCompression;
      options.bottommost_compression = rocksdb::kNoCompression;
      break;
    case Family::kIndex:
      options.write_buffer_size = 32 * kMiB;
      options.level0_file_num_compaction_trigger = 8;  // as for products
      break;
    default:
      break;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

rocksdb::DBOptions DatabaseOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  if (env != nullptr) options.env = env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  // A torn last record is what a crash leaves and nobody was told that it is kept;
  // anything else that is wrong in a log refuses to open. RocksDB's default recovery
  // would instead open silently short after a damaged record.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // Notices a log that is missing altogether.
  options.track_and_verify_wals_in_manifest = true;
  options.paranoid_checks = true;
  // The families share the logs: without a bound a quiet family would keep old ones.
  options.max_total_wal_size = 256 * kMiB;
  options.db_write_buffer_size = 256 * kMiB;
  options.max_background_jobs = std::max(2, static_cast<int>(std::thread::hardware_concurrency()) / 2);
  // Smooths write-back, so that an fsync does not wait for a compaction's megabytes. No rate
  // limiter: beside a load of a million products a small write took 0.26 ms, 5.2 ms in the
  // worst of 100, and the same with compactions held to 32 MiB/s.
  options.bytes_per_sync = kMiB;
  options.info_log = std::make_shared<RocksLog>();
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> FamilyDescriptors(std::int64_t block_cache_bytes) {
  const std::size_t bytes = block_cache_bytes > 0 ? static_cast<std::size_t>(block_cache_bytes) : 256 * kMiB;
  const auto cache = rocksdb::NewLRUCache(bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, FamilyOptions(Family::kCounters, cache));
  for (int i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    descriptors.emplace_back(std::string(FamilyName(family)), FamilyOptions(family, cache));
  }
  return descriptors;
}

}  // namespace mannequin::store
