// What the bundle's judge saw in the picture alone, whatever the listing says.
//
//   *verdict.mutable_sight() = SightOf(manifest.gan(), judgement);  // "Watches" 0.97, "black" 0.91
//   verdict.set_picture_vector(PictureVector(judgement.place));
//
// Pure functions on plain numbers.
#pragma once

#include <string>
#include <vector>

#include "common/nn/abuse_features.h"
#include "mannequin/v1/bundle.pb.h"
#include "mannequin/v1/verdict.pb.h"

namespace mannequin {

// The largest of each softmax with its name. Empty of a bundle without a judge; without a colour where
// it tells none. A name is missing as well where `judgement` has another number of logits than `gan` names.
v1::Sight SightOf(const v1::GanInfo& gan, const Judgement& judgement);

// Verdict.picture_vector: a signed byte of 1/127 for each component of a vector of unit length; "" of none.
std::string PictureVector(const std::vector<float>& place);

}  // namespace mannequin
