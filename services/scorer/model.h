// What the scorer needs of a bundle, loaded: never changed, replaced as a whole.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/nn/gan.h"
#include "common/text/text_encoder.h"
#include "mannequin/v1/bundle.pb.h"

namespace mannequin {

// Thread-safe: every member is.
struct ScorerModel {
  v1::BundleManifest manifest;
  std::unique_ptr<TextEncoder> text;
  // Not set when the bundle has an embedding only.
  std::optional<LoadedGan> gan;
};

// `device` as PickDevice takes it. Errors of TextEncoder::Load and LoadGan.
absl::StatusOr<std::shared_ptr<const ScorerModel>> LoadScorerModel(const v1::BundleManifest& manifest,
                                                                   const std::string& folder,
                                                                   const std::string& device);

// Judges made-up pictures in passes of one, of an odd and of even sizes up to `max_batch`, by all cores and
// by `threads`, so that what the networks set up at their first pass of a shape is set up before
// anybody waits. Errors of Discriminate.
absl::Status WarmUp(const ScorerModel& model, int max_batch, int threads);

}  // namespace mannequin
