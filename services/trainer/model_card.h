// MODEL_CARD.md: what a bundle was made of, what it is worth and what it cannot do, in words.
#pragma once

#include <string>

#include "mannequin/v1/bundle.pb.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "services/trainer/evaluate.h"
#include "services/trainer/pack.h"

namespace mannequin {

// `manifest` with everything but version and files; `request` as it was completed.
std::string ModelCard(const v1::BundleManifest& manifest, const Pack& pack, const Evaluation& evaluation,
                      const v1::CreateTrainingRequest& request);

}  // namespace mannequin
