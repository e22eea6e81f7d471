// A whole crawl: lease, fetch, check every picture, store it durably.
//
//   bench_crawl --urls FILE --store FOLDER [--connections 200] [--header-only] ...
//
// FILE names a URL a line, each the picture of another product; --beside the same, of
// pictures that need not arrive: the crawl is over when those of --urls are stored.
// Prints one JSON line.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "services/fetcher/crawler.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {
namespace {

struct Flags {
  std::string urls;
  std::string beside;
  std::string store;
  std::vector<std::string> allow = {"127.0.0.0/8"};
  double timeout_s = 30;
  double retry_delay_s = 0.5;
  CrawlOptions options;
};

// Ids are `prefix` and the line's number. The number of URLs.
absl::StatusOr<std::int64_t> AddProducts(ProductStore& store, const std::string& prefix, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  v1::UpsertProductsRequest request;
  std::int64_t count = 0;
  for (const absl::string_view url : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    v1::Product& product = *request.add_products();
    product.set_id(absl::StrFormat("%s%08d", prefix, count++));
    product.set_image_url(std::string(url));
    if (request.products_size() < 5000) continue;
    RETURN_IF_ERROR(store.UpsertProducts(request).status());
    request.clear_products();
  }
  if (request.products_size() > 0) RETURN_IF_ERROR(store.UpsertProducts(request).status());
  return count;
}

std::int64_t Stored(ProductStore& store) {
  const absl::StatusOr<v1::GetStatisticsResponse> statistics = store.GetStatistics({});
  if (!statistics.ok()) return 0;
  for (const v1::ImageStateCount& count : statistics->image_states()) {
    if (count.state() == v1::IMAGE_STATE_STORED) return count.products();
  }
  return 0;
}

template <typename Counts>
std::string ByReason(const Counts& counts) {
  return absl::StrJoin(counts, ", ", [](std::string* out, const v1::FetchFailureCrawlCount& count) {
    absl::StrAppend(out, "\"", v1::FetchFailure_Name(count.failure()).substr(14), "\": ", count.products());
  });
}

void Print(const v1::CrawlProgress& end, double seconds) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto cpu = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  absl::PrintF(
      "{\"images_per_second\": %.1f, \"stored\": %d, \"failed\": {%s}, \"retried\": %d, \"failed_attempts\": {%s}, "
      "\"received_bytes\": %d, \"seconds\": %.3f, \"cpu_seconds\": %.2f, \"peak_mb\": %d}\n",
      static_cast<double>(end.stored()) / seconds, end.stored(), ByReason(end.failed()), end.retried(),
      ByReason(end.failed_attempts()), end.received_bytes(), seconds, cpu(usage.ru_utime) + cpu(usage.ru_stime),
      usage.ru_maxrss / 1024);
}

absl::Status Bench(Flags flags) {
  if (std::filesystem::exists(flags.store)) return absl::AlreadyExistsError(flags.store + ": name a new folder");
  config::v1::StoreConfig config;
  config.set_data(flags.store);
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, RocksStore::Open(config, Clock::Real()));
  ASSIGN_OR_RETURN(const std::int64_t wanted, AddProducts(*store, "b", flags.urls));
  // Before the others in the order of their ids.
  if (!flags.beside.empty()) RETURN_IF_ERROR(AddProducts(*store, "a", flags.beside).status());
  InitImages();
  ASSIGN_OR_RETURN(const AddressFilter filter, AddressFilter::Create(flags.allow));
  flags.options.worker = "bench";
  flags.options.timeout = absl::Seconds(flags.timeout_s);
  flags.options.retry_delay = absl::Seconds(flags.retry_delay_s);
  flags.options.decode_threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  v1::CrawlProgress end;
  const absl::Time begun = absl::Now();
  absl::Time stored_at = absl::InfiniteFuture();
  const auto all_stored = [&] {
    if (!flags.beside.empty() && stored_at == absl::InfiniteFuture() && Stored(*store) >= wanted)
      stored_at = absl::Now();
    return stored_at != absl::InfiniteFuture();
  };
  Crawler crawler(*store, filter, flags.options);
  const absl::Status status =
      crawler.Run({}, all_stored, [&](const v1::CrawlProgress& progress, double) { end = progress; });
  if (!absl::IsCancelled(status) || stored_at == absl::InfiniteFuture()) RETURN_IF_ERROR(status);
  Print(end, absl::ToDoubleSeconds(std::min(stored_at, absl::Now()) - begun));
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  mannequin::Flags flags;
  mannequin::CrawlOptions& options = flags.options;
  CLI::App app("crawls a list of URLs into a new store");
  app.add_option("--urls", flags.urls, "file, a URL a line")->required();
  app.add_option("--beside", flags.beside, "URLs that need not arrive");
  app.add_option("--store", flags.store, "folder that is made")->required();
  app.add_option("--connections", options.transfer.connections, "(200)");
  app.add_flag("--header-only", options.check.header_only, "the rows are not decoded");
  app.add_option("--timeout", flags.timeout_s, "seconds of one fetch (30)");
  app.add_option("--max-attempts", options.max_attempts, "(4)");
  app.add_option("--retry-delay", flags.retry_delay_s, "seconds, doubling (0.5)");
  app.add_option("--allow", flags.allow, "addresses that are not public (127.0.0.0/8)");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = mannequin::Bench(flags);
  if (status.ok()) return 0;
  std::fprintf(stderr, "bench_crawl: %s\n", status.ToString().c_str());
  return 1;
}
