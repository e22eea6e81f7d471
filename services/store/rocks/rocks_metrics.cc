#include "services/store/rocks/rocks_metrics.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/metrics.h"
#include "prometheus/gauge.h"
#include "rocksdb/db.h"

namespace mannequin::store {
namespace {

constexpr absl::Duration kEvery = absl::Seconds(10);

struct Property {
  prometheus::Gauge& gauge;
  // Summed up.
  std::vector<std::string> names;
  // One for the whole database, and not one a column family.
  bool is_shared;
};

prometheus::Gauge& NewGauge(const char* name, const char* help) {
  return prometheus::BuildGauge()
      .Name(absl::StrCat("mannequin_store_rocksdb_", name))
      .Help(help)
      .Register(*rpc::MetricsRegistry())
      .Add({});
}

const std::vector<Property>& Properties() {
  using P = rocksdb::DB::Properties;
  static const auto& properties = *new std::vector<Property>{
      {NewGauge("memtable_bytes", "Bytes of writes that are not in tables yet"), {P::kSizeAllMemTables}, false},
      {NewGauge("block_cache_bytes", "Bytes of blocks in memory"), {P::kBlockCacheUsage}, true},
      {NewGauge("table_bytes", "Bytes of tables and blob files in use"),
       {P::kLiveSstFilesSize, P::kLiveBlobFileSize},
       false},
      {NewGauge("pending_compaction_bytes", "Bytes that compaction is behind"),
       {P::kEstimatePendingCompactionBytes},
       false},
      {NewGauge("running_compactions", "Compactions under way"), {P::kNumRunningCompactions}, true},
      {NewGauge("running_flushes", "Flushes under way"), {P::kNumRunningFlushes}, true},
      {NewGauge("delayed_write_bytes_per_second", "What writes are slowed down to; 0: they are not"),
       {P::kActualDelayedWriteRate},
       true},
      {NewGauge("write_stopped", "1: no write is taken until compaction has caught up"), {P::kIsWriteStopped}, true},
      {NewGauge("background_errors", "Flushes and compactions that failed since the start"),
       {P::kBackgroundErrors},
       true},
  };
  return properties;
}

void Read(const Database& db) {
  for (const Property& property : Properties()) {
    std::uint64_t sum = 0;
    for (const std::string& name : property.names) {
      std::uint64_t value = 0;
      const bool read = property.is_shared ? db.rocks().GetIntProperty(db.handle(Family::kProducts), name, &value)
                                           : db.rocks().GetAggregatedIntProperty(name, &value);
      if (read) sum += value;
    }
    property.gauge.Set(static_cast<double>(sum));
  }
}

}  // namespace

RocksMetrics::RocksMetrics(const Database& db) : reading_("rocks-metrics", kEvery, [&db] { Read(db); }) {}

}  // namespace mannequin::store
