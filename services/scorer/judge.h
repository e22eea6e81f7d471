// From what the discriminator says of a listing to a verdict: reasons, kind and boxes.
//
//   ASSIGN_OR_RETURN(Opinion opinion, Judge(manifest.gan(), listed, judgement));
//   AddPlaceholder(opinion);  // the picture is blank, or one of ours
//
// Pure functions on plain numbers: no network, no clock.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/image/image.h"
#include "common/nn/abuse_features.h"
#include "mannequin/v1/bundle.pb.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/verdict.pb.h"

namespace mannequin {

// Where the submitted picture lies in the square that the networks see: scaled so that
// its longer side fits, in the middle, on white (DecodeOptions.pad).
struct PictureSize {
  int width = 0;  // pixels as submitted
  int height = 0;
};

struct Opinion {
  v1::VerdictKind kind = v1::VERDICT_KIND_CLEAN;
  std::vector<v1::ReasonScore> reasons;                   // those that made the kind first, then highest first
  std::map<v1::AbuseReason, v1::VerdictKind> kind_alone;  // what each of them alone makes of the listing
  bool overlay_probable = false;                          // worth showing where
};

// Calibrates each reason that the bundle knows. Any probability above its abuse threshold, that of the listed category
// where it has its own, makes ABUSE, else any above its review threshold REVIEW, else CLEAN. DATA_LOSS when a
// calibration does not fit its features; INVALID_ARGUMENT when `listed` is not of the bundle.
absl::StatusOr<Opinion> Judge(const v1::GanInfo& gan, const Listed& listed, const Judgement& judgement);

// Whether the MISMATCH of a verdict on `product` by this bundle is above its review threshold; false where it was not
// judged.
bool MismatchIsProbable(const v1::GanInfo& gan, const v1::Product& product, const v1::Verdict& verdict);

// Puts a reason in its place, behind equals, and makes the opinion at least the `kind` that it has alone: CLEAN, REVIEW
// or ABUSE. A NOT_SCORED one too, but for CLEAN: a rule has judged what the networks could not.
void AddReason(Opinion& opinion, v1::ReasonScore reason, v1::VerdictKind kind);

// Says PLACEHOLDER with certainty, which is ABUSE whatever the networks think; `why` becomes
// the reason's detail.
void AddPlaceholder(Opinion& opinion, const std::string& why);

// The picture without the white bars around it. `square` as DecodeImage padded it.
Pixels WithoutBars(const Pixels& square, PictureSize size);

// A box around each group of touching cells of the overlay map with a probability above
// one half, in pixels of the submitted picture, from the top down. Boxes on the white
// bars alone are left out.
std::vector<v1::Box> OverlayBoxes(const Judgement& judgement, PictureSize size);

}  // namespace mannequin
