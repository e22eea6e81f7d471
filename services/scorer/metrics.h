// What the scorer counts, for Prometheus.
//
//   mannequin_scorer_verdicts_total{kind}   counter; "clean", "review", "abuse", "not_scored"
//   mannequin_scorer_reasons_total{reason}  counter; highest reason of each REVIEW and
//                                           ABUSE, e.g. "mismatch"
//   mannequin_scorer_defects_total{defect}  counter; what spoils pictures of low quality, e.g. "blurred"
//   mannequin_scorer_batch_listings         histogram; listings in a forward pass
//   mannequin_scorer_queue_listings         gauge; listings that wait for a pass
//   mannequin_scorer_reviews_total{verdict,decision}  counter; decisions submitted, by the kind of the
//                                           verdict: "review" decided "abuse"
//   mannequin_scorer_refused_total{why}     counter; "queue" (max_queue in hand) or "deadline" (the answer
//                                           would come too late)
//   mannequin_scorer_cache_lookups_total{result}  counter; "hit" or "miss"
#pragma once

#include "mannequin/v1/verdict.pb.h"

namespace mannequin::scorer_metrics {

// Thread-safe; the metrics are the process's.
void CountVerdict(const v1::Verdict& verdict);
void CountReview(const v1::Review& review);
// A picture of low quality: DefectName.
void CountDefect(const char* defect);
void ObserveBatch(double listings);
void SetQueued(double listings);
void CountRefused(const char* why);
void CountCacheLookup(bool hit);

}  // namespace mannequin::scorer_metrics
