// A bundle's generator and discriminator ready to answer, without torch in sight: the
// services that draw and judge need no more than this header.
//
//   ASSIGN_OR_RETURN(LoadedGan gan, LoadGan(manifest, folder, "cpu"));
//   ASSIGN_OR_RETURN(std::vector<Pixels> drawn, Generate(gan, {text}, {seed}));
//   ASSIGN_OR_RETURN(std::vector<Judgement> said, Discriminate(gan, drawn, {text}));
//
// Networks are in evaluation mode with batch norm folded into their convolutions, in
// channels-last layout; bfloat16 only where that is faster (FastBf16).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/image/image.h"
#include "common/nn/abuse_features.h"
#include "mannequin/v1/bundle.pb.h"

namespace mannequin {

// Cheap to copy; copies share the weights. Immutable, so thread-safe.
class LoadedGan {
 public:
  struct Impl;
  explicit LoadedGan(std::shared_ptr<const Impl> impl);
  const Impl& impl() const { return *impl_; }

  int resolution() const;      // pixels of a side: what Generate gives
  int judged_side() const;     // pixels of a side: what Discriminate wants
  int text_dimension() const;  // components of a text vector
  // In the order of the category logits.
  const std::vector<std::string>& categories() const;
  // Index of a leaf category, or -1 when the bundle does not know it.
  int CategoryIndex(absl::string_view leaf) const;
  // Index of a colour (any case), or -1 when the bundle does not tell it.
  int ColorIndex(absl::string_view color) const;

 private:
  std::shared_ptr<const Impl> impl_;
};

// Which networks to load: a scorer needs no generator, and half the memory.
struct GanParts {
  bool generator = true;
  // What answers Discriminate: the bundle's judge, or its discriminator when it has none.
  bool discriminator = true;
  // False: the discriminator, whatever else the bundle has.
  bool judge = true;
};

// FAILED_PRECONDITION when the bundle has no GAN or names a preset that this build does
// not know; DATA_LOSS, naming the tensor, when the weights do not fit the manifest;
// CheckDevice's errors.
absl::StatusOr<LoadedGan> LoadGan(const v1::BundleManifest& manifest, const std::string& folder,
                                  absl::string_view device, GanParts parts = {});

// One image of resolution() for each text (unit length) and seed, drawn in one pass.
// The same seed and text give the same bytes on the same build and device.
// INVALID_ARGUMENT when counts or dimensions do not fit; FAILED_PRECONDITION when the
// generator was not loaded.
absl::StatusOr<std::vector<Pixels>> Generate(const LoadedGan& gan, const std::vector<std::vector<float>>& texts,
                                             const std::vector<std::uint64_t>& seeds);

// One judgement for each image (judged_side() square; drawn ones of resolution() are enlarged)
// with its text, in one pass.
// Errors as for Generate.
absl::StatusOr<std::vector<Judgement>> Discriminate(const LoadedGan& gan, const std::vector<Pixels>& images,
                                                    const std::vector<std::vector<float>>& texts);

}  // namespace mannequin
