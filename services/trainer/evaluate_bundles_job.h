// Measures bundles side by side: on the same held-out products of the catalogue as it is
// now, by one classifier. What `train eval` shows.
//
// Knows neither gRPC nor flags.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/model/bundle.h"
#include "common/store/job_worker.h"
#include "common/store/product_store.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "services/trainer/training_job.h"

namespace mannequin {

inline constexpr int kMaxEvaluated = 32;  // bundles at once

// The request with the current version filled in when it names none. INVALID_ARGUMENT
// naming the field; NOT_FOUND for a version that is not there; FAILED_PRECONDITION for
// one without a GAN, or when none is named and none is current; CheckDevice's errors.
absl::StatusOr<v1::EvaluateBundlesRequest> CompleteEvaluation(const BundleFolder& bundles,
                                                              v1::EvaluateBundlesRequest request);

// Runs the job on this thread, with the networks on `device` unless the request names one:
// packs the products at the highest resolution among the
// bundles, once for each text embedding among them. A product whose text an embedding knows
// nothing of is drawn from a text of zeros. CompleteEvaluation's, BuildPack's and Measure's errors;
// CANCELLED once the context says stop.
absl::Status RunEvaluation(ProductStore& store, const TrainingEnvironment& environment, const v1::Job& job,
                           const std::string& device, JobContext& context);

}  // namespace mannequin
