// How fast the store answers, in this process and over gRPC on loopback.
//
//   bench_store fill FOLDER PRODUCTS      makes a store: products of about 250 bytes
//   bench_store read FOLDER [SECONDS]     GetProduct of random ids from 2 threads
//   bench_store serve FOLDER              serves it; prints its address, ends with its input
//   bench_store list FOLDER               pages of 1,000 of categories that hold few products and many
//   bench_store upsert FOLDER PRODUCTS    1 KB products over one stream into a new store
//   bench_store stall FOLDER PRODUCTS     single upserts while such a stream runs
//   bench_store work STORE PRODUCTS       1 KB products over one stream, then what a crawl and the services ask for:
//                                         leases, pictures of 20 KB with two renditions, reads, verdicts
//
// FOLDER is that of a RocksDB store; STORE that or a StoreConfig in a file *.textproto.
// Each but `serve` prints one JSON line.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/store/remote_store.h"
#include "services/store/open_store.h"
#include "services/store/rocks/rocks_store.h"
#include "services/store/store_service.h"

namespace mannequin {
namespace {

constexpr int kThreads = 2;
// Of `work`: callers at once, what a fetcher leases, calls.
constexpr int kWorkers = 8;
constexpr int kFetches = 200;
constexpr std::int64_t kSingles = 2'000;
constexpr std::int64_t kReads = 20'000;
// Categories hold 1 product in 10, 100, 1,000 and 10,000.
constexpr int kShares[] = {10, 100, 1'000, 10'000};

using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

absl::StatusOr<std::unique_ptr<RocksStore>> Open(const std::string& folder) {
  config::v1::StoreConfig config;
  config.set_data(folder);
  return RocksStore::Open(config, Clock::Real());
}

// As db_bench has them: 16 digits.
std::string IdOf(std::int64_t i) { return absl::StrFormat("%016d", i); }

v1::Product ProductOf(std::int64_t i, std::size_t bytes) {
  v1::Product product;
  product.set_id(IdOf(i));
  product.set_title(absl::StrCat("Peter England Men Party Blue Jeans No. ", i));
  product.set_brand(absl::StrCat("Brand ", i % 1'000));
  product.set_image_url(absl::StrCat("http://images.example/", i, ".jpg"));
  product.add_category_path("Apparel");
  for (const int share : kShares) {
    if (i % share == 0) product.set_category_path(0, absl::StrCat("One in ", share));
  }
  product.add_category_path("Jeans");
  // Text that compresses by half, as db_bench's values do.
  std::mt19937_64 random(static_cast<std::uint64_t>(i));
  std::string& description = *product.mutable_description();
  while (product.ByteSizeLong() + 20 < bytes) {
    const std::string word = absl::StrCat(absl::Hex(random()));
    absl::StrAppend(&description, word, word.substr(0, 4), " ");
  }
  return product;
}

absl::Status Fill(ProductStore& store, std::int64_t products, std::size_t bytes, std::size_t per_message) {
  const std::unique_ptr<ProductWriter> writer = store.WriteProducts();
  v1::UpsertProductsRequest request;
  for (std::int64_t i = 0; i < products; ++i) {
    *request.add_products() = ProductOf(i, bytes);
    if (static_cast<std::size_t>(request.products_size()) < per_message) continue;
    RETURN_IF_ERROR(writer->Write(request));
    request.clear_products();
  }
  RETURN_IF_ERROR(writer->Write(request));
  return writer->Finish().status();
}

absl::Status BenchFill(const std::string& folder, std::int64_t products) {
  if (std::filesystem::exists(folder)) return absl::AlreadyExistsError(folder + ": is there; name a new folder");
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, Open(folder));
  RETURN_IF_ERROR(Fill(*store, products, 250, 2'000));
  std::printf("{\"products\": %lld}\n", static_cast<long long>(products));
  return absl::OkStatus();
}

// Reads everything once, so that what is measured is warm.
absl::StatusOr<std::int64_t> Warm(ProductStore& store) {
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store.GetStatistics({}));
  v1::GetProductRequest request;
  for (std::int64_t i = 0; i < statistics.products(); ++i) {
    request.set_id(IdOf(i));
    RETURN_IF_ERROR(store.GetProduct(request).status());
  }
  return statistics.products();
}

absl::Status BenchRead(const std::string& folder, double seconds) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, Open(folder));
  ASSIGN_OR_RETURN(const std::int64_t products, Warm(*store));
  std::atomic<std::int64_t> reads{0};
  std::atomic<bool> failed{false};
  const auto begin = SteadyClock::now();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(static_cast<std::uint64_t>(t));
      v1::GetProductRequest request;
      std::int64_t own = 0;
      while (SecondsSince(begin) < seconds) {
        for (int i = 0; i < 100; ++i, ++own) {
          request.set_id(IdOf(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(products))));
          if (!store->GetProduct(request).ok()) failed = true;
        }
      }
      reads += own;
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failed) return absl::DataLossError("a product could not be read");
  std::printf("{\"reads_per_second\": %.0f, \"products\": %lld}\n", static_cast<double>(reads) / SecondsSince(begin),
              static_cast<long long>(products));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<rpc::Server>> Serve(StoreService& service) {
  config::v1::ServerConfig config;
  config.set_listen("127.0.0.1:0");
  return rpc::Server::Start("store", config, {&service});
}

absl::Status BenchServe(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, Open(folder));
  ASSIGN_OR_RETURN(const std::int64_t products, Warm(*store));
  StoreService service(*store);
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server, Serve(service));
  server->SetServing(true);
  v1::GetProductRequest request;
  request.set_id(IdOf(products / 2));
  RETURN_IF_ERROR(NewRemoteStore(rpc::NewChannel(server->address()))->GetProduct(request).status());
  std::printf("%s\n", server->address().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return absl::OkStatus();
}

// Milliseconds of a first page of 1,000 and what it held, by category; and of a full scan.
absl::Status BenchList(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, Open(folder));
  ASSIGN_OR_RETURN(const std::int64_t products, Warm(*store));
  std::string pages;
  double per_product = 0;
  for (const int share : kShares) {
    v1::ListProductsRequest request;
    request.set_page_size(1'000);
    request.mutable_filter()->add_category_path(absl::StrCat("One in ", share));
    std::vector<double> times;
    int held = 0;
    for (int run = 0; run < 5; ++run) {
      const auto begin = SteadyClock::now();
      ASSIGN_OR_RETURN(const v1::ListProductsResponse page, store->ListProducts(request));
      times.push_back(1e3 * SecondsSince(begin));
      held = page.products_size();
    }
    std::nth_element(times.begin(), times.begin() + 2, times.end());
    if (held == 1'000 && per_product == 0) per_product = times[2] / held;
    absl::StrAppend(&pages, pages.empty() ? "" : ", ", absl::StrFormat("%d products %.2f ms", held, times[2]));
  }
  const auto begin = SteadyClock::now();
  std::int64_t scanned = 0;
  RETURN_IF_ERROR(store->ScanProducts({}, [&](const v1::StoredProduct&) {
    ++scanned;
    return absl::OkStatus();
  }));
  const double scan = 1e3 * SecondsSince(begin);
  if (scanned != products) return absl::DataLossError("the scan was short");
  std::printf("{\"page_ms\": %.3f, \"scan_ms\": %.3f, \"products\": %lld, \"pages\": \"%s\"}\n", 1'000 * per_product,
              scan, static_cast<long long>(products), pages.c_str());
  return absl::OkStatus();
}

absl::Status BenchUpsert(const std::string& folder, std::int64_t products) {
  if (std::filesystem::exists(folder)) return absl::AlreadyExistsError(folder + ": is there; name a new folder");
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, Open(folder));
  StoreService service(*store);
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server, Serve(service));
  const std::unique_ptr<ProductStore> remote = NewRemoteStore(rpc::NewChannel(server->address()));
  // Made beforehand: what is measured is the store.
  std::vector<v1::UpsertProductsRequest> messages;
  for (std::int64_t i = 0; i < products; ++i) {
    if (i % 1'000 == 0) messages.emplace_back();
    *messages.back().add_products() = ProductOf(i, 1'024);
  }
  const auto begin = SteadyClock::now();
  const std::unique_ptr<ProductWriter> writer = remote->WriteProducts();
  for (const v1::UpsertProductsRequest& message : messages) RETURN_IF_ERROR(writer->Write(message));
  ASSIGN_OR_RETURN(const v1::UpsertProductsResponse counts, writer->Finish());
  const double seconds = SecondsSince(begin);
  if (counts.created() != products) return absl::DataLossError("not all products were created");
  std::printf("{\"products_per_second\": %.0f}\n", static_cast<double>(products) / seconds);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RecordStore>> OpenAny(const std::string& store) {
  config::v1::StoreConfig config;
  if (absl::EndsWith(store, ".textproto")) {
    RETURN_IF_ERROR(ReadTextConfig(store, &config));
  } else {
    config.set_data(store);
  }
  return OpenStore(config, Clock::Real());
}

// `work(thread, i)` for each i below `count`, on kWorkers threads; how many a second.
absl::StatusOr<double> RateOf(std::int64_t count, const std::function<absl::Status(int thread, std::int64_t i)>& work) {
  std::atomic<std::int64_t> next{0};
  std::array<absl::Status, kWorkers> statuses;
  const auto begin = SteadyClock::now();
  std::vector<std::thread> threads;
  for (int t = 0; t < kWorkers; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = next++; i < count && statuses[t].ok(); i = next++) statuses[t] = work(t, i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
  return static_cast<double>(count) / SecondsSince(begin);
}

// Bytes that no compression makes smaller, as a JPEG's.
std::string PictureBytes(std::uint64_t seed, std::size_t bytes) {
  std::mt19937_64 random(seed);
  std::string picture(bytes, ' ');
  for (std::size_t i = 0; i + 8 <= bytes; i += 8) {
    const std::uint64_t word = random();
    std::memcpy(picture.data() + i, &word, 8);
  }
  return picture;
}

// One turn of a fetcher: leases and hands in what it fetched. Answers how many.
absl::StatusOr<std::int64_t> FetchSome(ProductStore& store, int thread) {
  v1::LeaseFetchesRequest lease;
  lease.set_worker(absl::StrCat("bench-", thread));
  lease.set_max_products(kFetches);
  lease.mutable_lease()->set_seconds(600);
  ASSIGN_OR_RETURN(const v1::LeaseFetchesResponse leased, store.LeaseFetches(lease));
  if (leased.tasks().empty()) return 0;
  v1::CompleteFetchesRequest complete;
  complete.set_worker(lease.worker());
  for (const v1::FetchTask& task : leased.tasks()) {
    v1::FetchResult& result = *complete.add_results();
    result.set_product_id(task.product_id());
    result.set_url(task.url());
    const std::uint64_t seed = std::hash<std::string>()(task.product_id());
    result.mutable_image()->set_data(PictureBytes(seed, 20'000));
    result.mutable_image()->set_media_type("image/jpeg");
    result.mutable_image()->set_width(500);
    result.mutable_image()->set_height(500);
    for (const auto& [side, bytes] : {std::pair{128, 4'000}, std::pair{256, 9'000}}) {
      v1::Rendition& rendition = *result.add_renditions();
      rendition.set_side(side);
      rendition.set_width(side);
      rendition.set_height(side);
      rendition.set_data(PictureBytes(seed + static_cast<std::uint64_t>(side), static_cast<std::size_t>(bytes)));
    }
  }
  ASSIGN_OR_RETURN(const v1::CompleteFetchesResponse done, store.CompleteFetches(complete));
  if (done.stored() != leased.tasks_size()) return absl::DataLossError("a picture was dropped");
  return done.stored();
}

absl::Status BenchWork(const std::string& name, std::int64_t products) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RecordStore> store, OpenAny(name));
  auto begin = SteadyClock::now();
  RETURN_IF_ERROR(Fill(*store, products, 1'024, 1'000));
  const double upserts = static_cast<double>(products) / SecondsSince(begin);
  ASSIGN_OR_RETURN(const double single_upserts, RateOf(kSingles, [&](int, std::int64_t i) {
                     v1::UpsertProductsRequest request;
                     *request.add_products() = ProductOf(products + i, 1'024);
                     return store->UpsertProducts(request).status();
                   }));
  std::atomic<std::int64_t> pictures{0};
  begin = SteadyClock::now();
  ASSIGN_OR_RETURN(const double turns, RateOf(std::max<std::int64_t>(products / 10 / kFetches, 1),
                                              [&](int thread, std::int64_t) -> absl::Status {
                                                ASSIGN_OR_RETURN(const std::int64_t stored, FetchSome(*store, thread));
                                                pictures += stored;
                                                return absl::OkStatus();
                                              }));
  (void)turns;
  const double stored = static_cast<double>(pictures) / SecondsSince(begin);
  std::vector<std::string> with_picture;
  v1::ListProductsRequest list;
  list.mutable_filter()->set_image_state(v1::IMAGE_STATE_STORED);
  list.set_page_size(1'000);
  ASSIGN_OR_RETURN(const v1::ListProductsResponse page, store->ListProducts(list));
  for (const v1::StoredProduct& product : page.products()) with_picture.push_back(product.product().id());
  if (with_picture.empty()) return absl::DataLossError("no picture was stored");
  ASSIGN_OR_RETURN(const double reads, RateOf(kReads, [&](int, std::int64_t i) {
                     v1::GetProductRequest request;
                     request.set_id(IdOf(i * 7919 % products));
                     return store->GetProduct(request).status();
                   }));
  ASSIGN_OR_RETURN(const double images, RateOf(kReads / 4, [&](int, std::int64_t i) {
                     v1::GetImageRequest request;
                     request.set_product_id(with_picture[static_cast<std::size_t>(i) % with_picture.size()]);
                     request.set_at_least_side(128);
                     return store->GetImage(request).status();
                   }));
  ASSIGN_OR_RETURN(const double verdict_calls, RateOf(20, [&](int, std::int64_t call) {
                     v1::PutVerdictsRequest request;
                     for (std::int64_t i = 0; i < 1'000; ++i) {
                       v1::Verdict& verdict = *request.add_verdicts();
                       verdict.set_product_id(IdOf((call * 1'000 + i) % products));
                       verdict.set_kind(i % 10 == 0 ? v1::VERDICT_KIND_ABUSE : v1::VERDICT_KIND_CLEAN);
                     }
                     return store->PutVerdicts(request).status();
                   }));
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store->GetStatistics({}));
  std::printf(
      "{\"products_per_second\": %.0f, \"single_upserts_per_second\": %.0f, \"pictures_per_second\": %.0f, "
      "\"reads_per_second\": %.0f, \"renditions_per_second\": %.0f, \"verdicts_per_second\": %.0f, "
      "\"bytes_per_product\": %.0f, \"products\": %lld, \"pictures\": %lld}\n",
      upserts, single_upserts, stored, reads, images, 1'000 * verdict_calls,
      static_cast<double>(statistics.disk_bytes() - statistics.image_bytes() - statistics.rendition_bytes()) /
          static_cast<double>(statistics.products()),
      static_cast<long long>(statistics.products()), static_cast<long long>(statistics.images()));
  return absl::OkStatus();
}

double Percentile(std::vector<double> values, double share) {
  const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + place, values.end());
  return values[static_cast<std::size_t>(place)];
}

// Milliseconds that one small durable write takes beside a bulk load.
absl::Status BenchStall(const std::string& folder, std::int64_t products) {
  if (std::filesystem::exists(folder)) return absl::AlreadyExistsError(folder + ": is there; name a new folder");
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, Open(folder));
  std::atomic<bool> done{false};
  absl::Status filled;
  std::thread loader([&] {
    filled = Fill(*store, products, 250, 2'000);
    done = true;
  });
  std::vector<double> times;
  absl::Status written;
  for (std::int64_t i = 0; written.ok() && !done; ++i) {
    v1::UpsertProductsRequest request;
    *request.add_products() = ProductOf(-1 - i, 250);
    const auto begin = SteadyClock::now();
    written = store->UpsertProducts(request).status();
    times.push_back(1e3 * SecondsSince(begin));
  }
  loader.join();
  RETURN_IF_ERROR(filled);
  RETURN_IF_ERROR(written);
  std::printf("{\"writes\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n", times.size(),
              Percentile(times, 0.5), Percentile(times, 0.99), Percentile(times, 1));
  return absl::OkStatus();
}

absl::Status Main(const std::vector<std::string>& arguments) {
  const std::string& mode = arguments[0];
  const std::string& folder = arguments[1];
  double number = arguments.size() > 2 ? 0 : 5;
  if (arguments.size() > 2 && (!absl::SimpleAtod(arguments[2], &number) || number <= 0)) {
    return absl::InvalidArgumentError(arguments[2] + ": expected a number above 0");
  }
  config::v1::LogConfig log;
  log.set_level("warn");
  RETURN_IF_ERROR(InitLog("bench_store", log));
  if (mode == "fill" && arguments.size() > 2) return BenchFill(folder, static_cast<std::int64_t>(number));
  if (mode == "read") return BenchRead(folder, number);
  if (mode == "serve") return BenchServe(folder);
  if (mode == "list") return BenchList(folder);
  if (mode == "upsert" && arguments.size() > 2) return BenchUpsert(folder, static_cast<std::int64_t>(number));
  if (mode == "stall" && arguments.size() > 2) return BenchStall(folder, static_cast<std::int64_t>(number));
  if (mode == "work" && arguments.size() > 2) return BenchWork(folder, static_cast<std::int64_t>(number));
  return absl::InvalidArgumentError("expected fill, read, serve, list, upsert, stall or work");
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fputs("usage: bench_store fill|read|serve|list|upsert|stall|work STORE [NUMBER]\n", stderr);
    return 2;
  }
  const absl::Status status = mannequin::Main({argv + 1, argv + argc});
  if (status.ok()) return 0;
  std::fprintf(stderr, "bench_store: %s\n", status.ToString().c_str());
  return 1;
}
