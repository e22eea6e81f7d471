// A catalogue file into a durable store that is made anew, in one process.
//
//   bench_ingest CATALOG STORE_FOLDER
//
// Prints one JSON line.
#include <sys/resource.h>

#include <cstdio>
#include <filesystem>

#include "common/base/status_macros.h"
#include "services/mannequin/ingest/ingest.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {
namespace {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

absl::Status Bench(const std::string& catalog, const std::string& folder) {
  if (std::filesystem::exists(folder)) return absl::AlreadyExistsError(folder + ": is there; name a new folder");
  config::v1::StoreConfig config;
  config.set_data(folder);
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, RocksStore::Open(config, Clock::Real()));
  ASSIGN_OR_RETURN(const IngestReport report, IngestFile(catalog, {}, *store));
  if (report.created == 0) return absl::DataLossError("no product was created");
  const double cpu = CpuSeconds();
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store->GetStatistics({}));
  std::printf(
      "{\"products_per_second\": %.0f, \"products\": %lld, \"seconds\": %.3f, \"cpu_seconds\": %.3f, "
      "\"peak_mb\": %.0f, \"disk_mb\": %.1f}\n",
      report.products_per_second, static_cast<long long>(statistics.products()), report.seconds, cpu,
      static_cast<double>(report.peak_rss_bytes) / 1e6, static_cast<double>(statistics.disk_bytes()) / 1e6);
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: bench_ingest CATALOG STORE_FOLDER\n", stderr);
    return 2;
  }
  const absl::Status status = mannequin::Bench(argv[1], argv[2]);
  if (status.ok()) return 0;
  std::fprintf(stderr, "bench_ingest: %s\n", status.ToString().c_str());
  return 1;
}
