#include "services/scorer/metrics.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "common/rpc/metrics.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"

namespace mannequin::scorer_metrics {
namespace {

struct Metrics {
  prometheus::Family<prometheus::Counter>& verdicts = prometheus::BuildCounter()
                                                          .Name("mannequin_scorer_verdicts_total")
                                                          .Help("Verdicts by kind")
                                                          .Register(*rpc::MetricsRegistry());
  prometheus::Family<prometheus::Counter>& reasons = prometheus::BuildCounter()
                                                         .Name("mannequin_scorer_reasons_total")
                                                         .Help("Highest reason of each REVIEW and ABUSE")
                                                         .Register(*rpc::MetricsRegistry());
  prometheus::Histogram& batch = prometheus::BuildHistogram()
                                     .Name("mannequin_scorer_batch_listings")
                                     .Help("Listings in a forward pass")
                                     .Register(*rpc::MetricsRegistry())
                                     .Add({}, prometheus::Histogram::BucketBoundaries{1, 2, 4, 8, 16, 32, 64, 128});
  prometheus::Gauge& queued = prometheus::BuildGauge()
                                  .Name("mannequin_scorer_queue_listings")
                                  .Help("Listings that wait for a forward pass")
                                  .Register(*rpc::MetricsRegistry())
                                  .Add({});
  prometheus::Family<prometheus::Counter>& refused = prometheus::BuildCounter()
                                                         .Name("mannequin_scorer_refused_total")
                                                         .Help("Listings that were refused before any work")
                                                         .Register(*rpc::MetricsRegistry());
  prometheus::Family<prometheus::Counter>& lookups = prometheus::BuildCounter()
                                                         .Name("mannequin_scorer_cache_lookups_total")
                                                         .Help("Verdicts looked for in memory")
                                                         .Register(*rpc::MetricsRegistry());
  prometheus::Counter& hits = lookups.Add({{"result", "hit"}});
  prometheus::Counter& misses = lookups.Add({{"result", "miss"}});
};

Metrics& All() {
  static auto& metrics = *new Metrics;
  return metrics;
}

std::string Label(const std::string& name, const char* prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

}  // namespace

void CountVerdict(const v1::Verdict& verdict) {
  All().verdicts.Add({{"kind", Label(v1::VerdictKind_Name(verdict.kind()), "VERDICT_KIND_")}}).Increment();
  const bool bad = verdict.kind() == v1::VERDICT_KIND_REVIEW || verdict.kind() == v1::VERDICT_KIND_ABUSE;
  if (!bad || verdict.reasons().empty()) return;
  All()
      .reasons.Add({{"reason", Label(v1::AbuseReason_Name(verdict.reasons(0).reason()), "ABUSE_REASON_")}})
      .Increment();
}
void ObserveBatch(double listings) { All().batch.Observe(listings); }
void SetQueued(double listings) { All().queued.Set(listings); }
void CountRefused(const char* why) { All().refused.Add({{"why", why}}).Increment(); }
void CountCacheLookup(bool hit) { (hit ? All().hits : All().misses).Increment(); }

}  // namespace mannequin::scorer_metrics
