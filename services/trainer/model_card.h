// MODEL_CARD.md: what a bundle was made of and what it can and cannot do, in words.
#pragma once

#include <string>

#include "mannequin/v1/bundle.pb.h"
#include "services/trainer/evaluate.h"
#include "services/trainer/pack.h"

namespace mannequin {

std::string ModelCard(const v1::BundleManifest& manifest, const Pack& pack, const Evaluation& evaluation);

}  // namespace mannequin
