// The bundle that is part of this program, the files of services/mannequin/shipped_bundle:
// trained on a public fashion catalogue, so that drawing and scoring work before anyone has
// trained. Its MODEL_CARD.md says what it knows and how well.
#pragma once

#include "absl/status/statusor.h"
#include "common/model/bundle.h"

namespace mannequin {

// Into a folder where no bundle was promoted yet, and promotes it; elsewhere nothing changes.
// True when it did. The folder's errors.
absl::StatusOr<bool> InstallShippedBundle(const BundleFolder& bundles);

}  // namespace mannequin
