// A whole crawl: lease, fetch, decode every picture, store it durably.
//
//   bench_crawl_full FOLDER_OF_PICTURES HOST:PORT STORE_FOLDER [TIMES] [CONNECTIONS]
//
// An origin at HOST:PORT must serve the folder at "/". The list is gone through TIMES
// times over, each time as other products. Prints one JSON line.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "services/fetcher/crawler.h"
#include "services/store/rocks_store.h"

namespace mannequin {
namespace {

absl::Status AddProducts(ProductStore& store, const std::vector<std::string>& names, const std::string& host,
                         int times) {
  v1::UpsertProductsRequest request;
  for (int round = 0; round < times; ++round) {
    for (const std::string& name : names) {
      v1::Product& product = *request.add_products();
      product.set_id(absl::StrCat(round, "-", name));
      product.set_image_url(absl::StrCat("http://", host, "/", name));
      if (request.products_size() < 5000) continue;
      RETURN_IF_ERROR(store.UpsertProducts(request).status());
      request.clear_products();
    }
  }
  return request.products_size() == 0 ? absl::OkStatus() : store.UpsertProducts(request).status();
}

absl::Status Bench(const std::string& pictures, const std::string& host, const std::string& folder, int times,
                   int connections) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(pictures)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  config::v1::StoreConfig config;
  config.set_data(folder);
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, RocksStore::Open(config, Clock::Real()));
  RETURN_IF_ERROR(AddProducts(*store, names, host, times));

  InitImages();
  const std::string port = host.substr(host.rfind(':') + 1);
  ASSIGN_OR_RETURN(const AddressFilter filter, AddressFilter::Create({"127.0.0.1/32:" + port}));
  CrawlOptions options;
  options.worker = "bench";
  options.transfer.connections = connections;
  options.decode_threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  v1::CrawlProgress end;
  const absl::Time begun = absl::Now();
  Crawler crawler(*store, filter, options);
  RETURN_IF_ERROR(crawler.Run(
      {}, [] { return false; }, [&](const v1::CrawlProgress& progress, double) { end = progress; }));
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begun);
  const auto wanted = static_cast<std::int64_t>(names.size()) * times;
  if (end.stored() != wanted) {
    return absl::DataLossError(
        absl::StrCat("stored ", end.stored(), " of ", wanted, " pictures: is ", host, " serving ", pictures, "?"));
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"images_per_second\": %.0f, \"images\": %lld, \"seconds\": %.3f, \"peak_mb\": %ld, "
      "\"retried\": %lld}\n",
      static_cast<double>(end.stored()) / seconds, static_cast<long long>(end.stored()), seconds,
      usage.ru_maxrss / 1024, static_cast<long long>(end.retried()));
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  int times = 1;
  int connections = 200;
  if (argc < 4 || argc > 6 || (argc > 4 && !absl::SimpleAtoi(argv[4], &times)) ||
      (argc > 5 && !absl::SimpleAtoi(argv[5], &connections))) {
    std::fputs("usage: bench_crawl_full FOLDER_OF_PICTURES HOST:PORT STORE_FOLDER [TIMES] [CONNECTIONS]\n", stderr);
    return 2;
  }
  const absl::Status status = mannequin::Bench(argv[1], argv[2], argv[3], times, connections);
  if (status.ok()) return 0;
  std::fprintf(stderr, "bench_crawl_full: %s\n", status.ToString().c_str());
  return 1;
}
