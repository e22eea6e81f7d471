#include "services/store/catalog_metrics.h"

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/rpc/metrics.h"
#include "prometheus/gauge.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

using Gauges = prometheus::Family<prometheus::Gauge>;

Gauges& Jobs() {
  static Gauges& family = prometheus::BuildGauge()
                              .Name("mannequin_store_jobs")
                              .Help("Jobs that wait for a worker (queued) or have one (running), by kind")
                              .Register(*rpc::MetricsRegistry());
  return family;
}

Gauges& Products() {
  static Gauges& family = prometheus::BuildGauge()
                              .Name("mannequin_store_products")
                              .Help("Products by the state of their image")
                              .Register(*rpc::MetricsRegistry());
  return family;
}

// "crawl" of JOB_KIND_CRAWL.
std::string Label(absl::string_view name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

struct Queue {
  v1::JobKind kind;
  v1::JobState state;
};

// Of jobs that wait or run.
std::vector<Queue> Queues() {
  std::vector<Queue> queues;
  for (int kind = v1::JobKind_MIN + 1; kind <= v1::JobKind_MAX; ++kind) {
    for (const auto state : {v1::JOB_STATE_QUEUED, v1::JOB_STATE_RUNNING}) {
      queues.push_back({static_cast<v1::JobKind>(kind), state});
    }
  }
  return queues;
}

void SetJobs(const Queue& queue, double jobs) {
  Jobs()
      .Add({{"kind", Label(v1::JobKind_Name(queue.kind), "JOB_KIND_")},
            {"state", Label(v1::JobState_Name(queue.state), "JOB_STATE_")}})
      .Set(jobs);
}

void SetProducts(v1::ImageState state, double products) {
  Products().Add({{"image_state", Label(v1::ImageState_Name(state), "IMAGE_STATE_")}}).Set(products);
}

absl::StatusOr<double> CountJobs(ProductStore& store, const Queue& queue) {
  v1::ListJobsRequest request;
  request.set_kind(queue.kind);
  request.set_state(queue.state);
  request.set_page_size(1000);
  double jobs = 0;
  do {
    ASSIGN_OR_RETURN(const v1::ListJobsResponse page, store.ListJobs(request));
    jobs += page.jobs_size();
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return jobs;
}

absl::Status Read(ProductStore& store) {
  for (const Queue& queue : Queues()) {
    ASSIGN_OR_RETURN(const double jobs, CountJobs(store, queue));
    SetJobs(queue, jobs);
  }
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store.GetStatistics({}));
  for (const v1::ImageStateCount& count : statistics.image_states()) {
    SetProducts(count.state(), static_cast<double>(count.products()));
  }
  return absl::OkStatus();
}

// An old figure would be taken for a new one.
void SetUnknown() {
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  for (const Queue& queue : Queues()) SetJobs(queue, unknown);
  for (int state = v1::ImageState_MIN + 1; state <= v1::ImageState_MAX; ++state) {
    SetProducts(static_cast<v1::ImageState>(state), unknown);
  }
}

}  // namespace

CatalogMetrics::CatalogMetrics(ProductStore& store, absl::Duration every)
    : reading_("store-metrics", every, [&store] {
        const absl::Status read = Read(store);
        if (read.ok()) return;
        spdlog::warn("metrics of the catalogue: {}", read.ToString());
        SetUnknown();
      }) {}

}  // namespace mannequin
