#include "services/scorer/metrics.h"

#include <array>
#include <cstddef>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "common/rpc/metrics.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"

namespace mannequin::scorer_metrics {
namespace {

std::string Label(const std::string& name, const char* prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

// A counter for each value of an enum, by its number. Found once: by their labels the registry takes a lock
// and builds a map each time.
template <std::size_t size, typename Name>
std::array<prometheus::Counter*, size> CountersOf(const char* metric, const char* help, const char* label,
                                                  const char* prefix, const Name& name) {
  prometheus::Family<prometheus::Counter>& family =
      prometheus::BuildCounter().Name(metric).Help(help).Register(*rpc::MetricsRegistry());
  std::array<prometheus::Counter*, size> counters{};
  for (std::size_t i = 0; i < size; ++i) counters[i] = &family.Add({{label, Label(name(static_cast<int>(i)), prefix)}});
  return counters;
}

struct Metrics {
  std::array<prometheus::Counter*, v1::VerdictKind_ARRAYSIZE> verdicts = CountersOf<v1::VerdictKind_ARRAYSIZE>(
      "mannequin_scorer_verdicts_total", "Verdicts by kind", "kind", "VERDICT_KIND_", v1::VerdictKind_Name<int>);
  std::array<prometheus::Counter*, v1::AbuseReason_ARRAYSIZE> reasons =
      CountersOf<v1::AbuseReason_ARRAYSIZE>("mannequin_scorer_reasons_total", "Highest reason of each REVIEW and ABUSE",
                                            "reason", "ABUSE_REASON_", v1::AbuseReason_Name<int>);
  prometheus::Family<prometheus::Counter>& reviews = prometheus::BuildCounter()
                                                         .Name("mannequin_scorer_reviews_total")
                                                         .Help("Decisions of reviewers by the kind of the verdict")
                                                         .Register(*rpc::MetricsRegistry());
  prometheus::Family<prometheus::Counter>& defects = prometheus::BuildCounter()
                                                         .Name("mannequin_scorer_defects_total")
                                                         .Help("Pictures of low quality by what spoils them")
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

}  // namespace

void CountVerdict(const v1::Verdict& verdict) {
  All().verdicts[static_cast<std::size_t>(verdict.kind())]->Increment();
  const bool bad = verdict.kind() == v1::VERDICT_KIND_REVIEW || verdict.kind() == v1::VERDICT_KIND_ABUSE;
  if (!bad || verdict.reasons().empty()) return;
  All().reasons[static_cast<std::size_t>(verdict.reasons(0).reason())]->Increment();
}
void CountReview(const v1::Review& review) {
  All()
      .reviews
      .Add({{"verdict", Label(v1::VerdictKind_Name(review.verdict().kind()), "VERDICT_KIND_")},
            {"decision", Label(v1::VerdictKind_Name(review.decision()), "VERDICT_KIND_")}})
      .Increment();
}
void CountDefect(const char* defect) { All().defects.Add({{"defect", defect}}).Increment(); }
void ObserveBatch(double listings) { All().batch.Observe(listings); }
void SetQueued(double listings) { All().queued.Set(listings); }
void CountRefused(const char* why) { All().refused.Add({{"why", why}}).Increment(); }
void CountCacheLookup(bool hit) { (hit ? All().hits : All().misses).Increment(); }

}  // namespace mannequin::scorer_metrics
