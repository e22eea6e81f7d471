#include "services/store/postgres/metrics.h"

#include <string>

#include "common/rpc/metrics.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"

namespace mannequin::store_metrics {
namespace {

struct Metrics {
  prometheus::Family<prometheus::Counter>& changes = prometheus::BuildCounter()
                                                         .Name("mannequin_store_changes_total")
                                                         .Help("Changes by what became of them")
                                                         .Register(*rpc::MetricsRegistry());
  prometheus::Histogram& seconds =
      prometheus::BuildHistogram()
          .Name("mannequin_store_change_seconds")
          .Help("Seconds that a change took, with its repeats and uploads")
          .Register(*rpc::MetricsRegistry())
          .Add({}, prometheus::Histogram::BucketBoundaries{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30});
  prometheus::Gauge& connections = prometheus::BuildGauge()
                                       .Name("mannequin_store_connections_in_use")
                                       .Help("Connections to PostgreSQL that a call holds just now")
                                       .Register(*rpc::MetricsRegistry())
                                       .Add({});
  prometheus::Counter& uploaded = prometheus::BuildCounter()
                                      .Name("mannequin_store_uploaded_bytes_total")
                                      .Help("Bytes of pictures and renditions written to the bucket")
                                      .Register(*rpc::MetricsRegistry())
                                      .Add({});
  prometheus::Counter& swept = prometheus::BuildCounter()
                                   .Name("mannequin_store_swept_objects_total")
                                   .Help("Objects deleted because nothing referred to them any more")
                                   .Register(*rpc::MetricsRegistry())
                                   .Add({});
};

Metrics& All() {
  static auto& metrics = *new Metrics;
  return metrics;
}

}  // namespace

void CountChange(absl::string_view outcome) { All().changes.Add({{"outcome", std::string(outcome)}}).Increment(); }
void ObserveChange(absl::Duration elapsed) { All().seconds.Observe(absl::ToDoubleSeconds(elapsed)); }
void AddConnectionsInUse(double by) { All().connections.Increment(by); }
void CountUploadedBytes(double bytes) { All().uploaded.Increment(bytes); }
void CountSweptObjects(double objects) { All().swept.Increment(objects); }

}  // namespace mannequin::store_metrics
