// What the store's records add up to, for Prometheus: how much work waits, which autoscalers go by, and how far
// the catalogue is. Read every ten seconds on a thread `store-metrics`.
//
//   mannequin_store_jobs{kind="crawl",state="queued|running"}     gauge; jobs that have not ended and are not paused
//   mannequin_store_products{image_state="stored"}                gauge; products by the state of their image
//
// Each process of a store in PostgreSQL says the same: take max(), not sum(). NaN while the store cannot be read.
#pragma once

#include "common/base/periodic.h"
#include "common/store/product_store.h"

namespace mannequin {

class CatalogMetrics {
 public:
  // `store` must outlive it.
  explicit CatalogMetrics(ProductStore& store, absl::Duration every = absl::Seconds(10));

 private:
  Periodic reading_;
};

}  // namespace mannequin
