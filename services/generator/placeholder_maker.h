// Proposes a generated picture for each product without an image: the work of a
// MAKE_PLACEHOLDERS job.
//
//   JobWorker worker(store, "generator", {v1::JOB_KIND_MAKE_PLACEHOLDERS},
//                    [&](const v1::Job& job, JobContext& context) { return maker.Run(job, context); });
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/store/job_worker.h"
#include "common/store/product_store.h"
#include "mannequin/v1/image_generator.pb.h"
#include "services/generator/illustrator.h"
#include "services/generator/warm_models.h"

namespace mannequin {

// `candidates` of a request: 1 to 32, or 0 for 4. INVALID_ARGUMENT otherwise.
absl::Status CheckCandidates(int candidates);
int CandidatesOf(int candidates);

// INVALID_ARGUMENT, naming the field and its bound; used before a job is queued.
absl::Status CheckMakePlaceholders(const v1::MakePlaceholdersRequest& request);

// Thread-safe.
class PlaceholderMaker {
 public:
  // All arguments outlive this.
  PlaceholderMaker(ProductStore& store, WarmModels& models, const Clock& clock = Clock::Real());

  // Without ids: every product (of a category) whose image is MISSING or FAILED and that has no
  // placeholder of any state, so that a job that lost its worker goes on where it was.
  // With ids: those; a placeholder that is not APPROVED is drawn anew. What a product's
  // picture is depends on its id, the seed and the bundle, not on its neighbours.
  // INVALID_ARGUMENT when the spec is not a MakePlaceholdersRequest;
  // FAILED_PRECONDITION without a generator; the store's errors; CANCELLED when the job
  // is to stop.
  absl::Status Run(const v1::Job& job, JobContext& context);

 private:
  struct Wanted;
  struct Work;
  absl::Status ConsiderNamed(Work& work);
  absl::Status ConsiderAll(Work& work);
  absl::Status Consider(const v1::StoredProduct& product, Work& work);
  absl::Status DrawWanted(Work& work);
  absl::Status Propose(const Wanted& wanted, const Illustration& illustration, Work& work);

  ProductStore& store_;
  WarmModels& models_;
  const Clock& clock_;
};

}  // namespace mannequin
