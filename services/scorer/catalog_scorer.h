// Scores every product with a stored image, or a share of them: the work of a SCORE_CATALOG job.
//
//   JobWorker worker(store, "scorer", {v1::JOB_KIND_SCORE_CATALOG},
//                    [&](const v1::Job& job, JobContext& context) { return catalog.Run(job, context); });
#pragma once

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/store/job_worker.h"
#include "common/store/product_store.h"
#include "services/scorer/scorer.h"

namespace mannequin {

// Thread-safe.
class CatalogScorer {
 public:
  // `threads` read and decode pictures. All arguments outlive this.
  CatalogScorer(ProductStore& store, Scorer& scorer, int threads, const Clock& clock = Clock::Real());

  // Writes a verdict for each; a picture that cannot be read or decoded is NOT_SCORED.
  // Run again it writes the same verdicts again, so a job that lost its worker just
  // starts over. FAILED_PRECONDITION without a bundle that can score; the store's
  // errors; CANCELLED when the job is to stop.
  absl::Status Run(const v1::Job& job, JobContext& context);

 private:
  struct Totals;
  absl::Status ScoreSome(const std::vector<v1::Product>& products, const v1::Policy* policy, Totals& totals);

  ProductStore& store_;
  Scorer& scorer_;
  const int threads_;
  const Clock& clock_;
};

}  // namespace mannequin
