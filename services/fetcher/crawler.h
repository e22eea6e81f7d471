// Fetches the image of every PENDING product and keeps only good ones.
//
//   Crawler crawler(store, filter, {.worker = "fetcher@host:1"});
//   absl::Status status = crawler.Run({}, [&] { return context.stopping(); },
//                                     [&](const v1::CrawlProgress& p, double done) { context.Report(p, done); });
//
// Several crawlers, in one process or many, share a store: a product is leased to one
// of them. A crawler that dies loses nothing: what it had leased is leased again when
// the lease ends.
//
// Threads: Run's own leases ahead of need and reports; one transfers (transfer.h);
// `decode_threads` check pictures; one writes results (result_writer.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/store/product_store.h"
#include "mannequin/v1/image_fetcher.pb.h"
#include "services/fetcher/address_filter.h"
#include "services/fetcher/image_check.h"
#include "services/fetcher/transfer.h"

namespace mannequin {

struct CrawlOptions {
  // Unique among the crawlers of a store.
  std::string worker;
  TransferOptions transfer;
  ImageCheckOptions check;
  int decode_threads = 1;
  // Its share of the origins: LeaseFetchesRequest.
  int parts = 1;
  int part = 0;
  // Fetches of one product before it becomes FAILED.
  int max_attempts = 4;
  // Of one fetch.
  absl::Duration timeout = absl::Seconds(30);
  // Of a product, besides `timeout`.
  absl::Duration lease = absl::Seconds(120);
  // Before the second fetch; doubles with each, by a random factor of 0.5 to 1.5.
  absl::Duration retry_delay = absl::Milliseconds(500);
  std::uint64_t jitter_seed = 0;
  // How long a store that does not answer is tried again.
  absl::Duration store_patience = absl::Seconds(60);
};

class Crawler {
 public:
  using Stopping = std::function<bool()>;
  // `done`: 0 to 1.
  using Report = std::function<void(const v1::CrawlProgress& progress, double done)>;

  // `store` and `filter` must outlive it.
  Crawler(ProductStore& store, const AddressFilter& filter, CrawlOptions options);

  // Until nothing is PENDING that is not held for good. `before` is what an earlier
  // worker of this crawl reached; counts go on from there. Reports twice a second and
  // at the end. CANCELLED once `stopping()`: what was leased is given back; otherwise
  // the store's error.
  absl::Status Run(const v1::CrawlProgress& before, const Stopping& stopping, const Report& report);

 private:
  ProductStore& store_;
  const AddressFilter& filter_;
  const CrawlOptions options_;
};

}  // namespace mannequin
