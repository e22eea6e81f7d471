// Quality figures into the manifest of a training's candidate, with those of the bundle that
// it would replace.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/model/bundle.h"
#include "common/nn/gan.h"
#include "services/trainer/gate.h"
#include "services/trainer/quality_meter.h"

namespace mannequin {

// SHA-256 of what turns text into vectors; empty when the bundle cannot embed.
std::string EmbeddingDigest(const v1::BundleManifest& manifest);

// Sets gan.quality of `candidate`, by `gan`, its networks; and `baseline` when the
// current bundle has a GAN that reads the texts of `parent`, the bundle whose embedding
// the meter's pack was made with. A current bundle that cannot be measured here (another
// embedding, a higher resolution, of another build) is logged and left out. Errors: what
// Measure says of the candidate; CANCELLED.
absl::Status MeasureCandidate(const QualityMeter& meter, const LoadedGan& gan, const BundleFolder& bundles,
                              const v1::BundleManifest& parent, const std::string& device,
                              v1::BundleManifest* candidate);

// `candidate` against the current bundle, by their manifests; kNothingToCompare without one.
absl::StatusOr<GateResult> CompareWithCurrent(const BundleFolder& bundles, const v1::BundleManifest& candidate);

}  // namespace mannequin
