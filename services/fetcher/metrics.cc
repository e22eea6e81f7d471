#include "services/fetcher/metrics.h"

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "common/rpc/metrics.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"

namespace mannequin::fetcher_metrics {
namespace {

struct Metrics {
  prometheus::Family<prometheus::Counter>& images = prometheus::BuildCounter()
                                                        .Name("mannequin_fetcher_images_total")
                                                        .Help("Images by what became of them")
                                                        .Register(*rpc::MetricsRegistry());
  prometheus::Counter& received_bytes = prometheus::BuildCounter()
                                            .Name("mannequin_fetcher_received_bytes_total")
                                            .Help("Bytes of bodies received")
                                            .Register(*rpc::MetricsRegistry())
                                            .Add({});
  prometheus::Gauge& in_flight = prometheus::BuildGauge()
                                     .Name("mannequin_fetcher_transfers_in_flight")
                                     .Help("Transfers begun and not ended")
                                     .Register(*rpc::MetricsRegistry())
                                     .Add({});
  prometheus::Gauge& troubled_hosts = prometheus::BuildGauge()
                                          .Name("mannequin_fetcher_troubled_hosts")
                                          .Help("Hosts that a crawl leaves alone just now")
                                          .Register(*rpc::MetricsRegistry())
                                          .Add({});
  prometheus::Histogram& seconds =
      prometheus::BuildHistogram()
          .Name("mannequin_fetcher_transfer_seconds")
          .Help("Seconds that a transfer took")
          .Register(*rpc::MetricsRegistry())
          .Add({}, prometheus::Histogram::BucketBoundaries{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30});
};

Metrics& All() {
  static auto& metrics = *new Metrics;
  return metrics;
}

}  // namespace

std::string OutcomeName(v1::FetchFailure failure) {
  const std::string name = v1::FetchFailure_Name(failure);
  return absl::AsciiStrToLower(absl::StripPrefix(name, "FETCH_FAILURE_"));
}

void CountImages(absl::string_view outcome, double images) {
  if (images > 0) All().images.Add({{"outcome", std::string(outcome)}}).Increment(images);
}
void CountReceivedBytes(double bytes) { All().received_bytes.Increment(bytes); }
void SetInFlight(double transfers) { All().in_flight.Set(transfers); }
void SetTroubledHosts(double hosts) { All().troubled_hosts.Set(hosts); }
void ObserveTransfer(absl::Duration elapsed) { All().seconds.Observe(absl::ToDoubleSeconds(elapsed)); }

}  // namespace mannequin::fetcher_metrics
