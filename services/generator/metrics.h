// What the generator counts, for Prometheus.
//
//   mannequin_generator_images_total               counter; pictures handed out
//   mannequin_generator_no_image_total             counter; requests that got none
//   mannequin_generator_placeholders_total{state}  counter; "proposed", "approved", "rejected",
//                                                  "withdrawn", "redrawn"
//   mannequin_generator_confidence                 histogram; of the pictures handed out
//   mannequin_generator_cards_total                counter; category cards handed out
//   mannequin_generator_pass_pictures              histogram; candidates drawn in one pass
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"
#include "services/generator/illustrator.h"

namespace mannequin::generator_metrics {

// Thread-safe; the metrics are the process's.
void CountIllustration(const Illustration& illustration);
void CountCard();
void ObservePass(std::size_t pictures);
void CountPlaceholder(absl::string_view state);

}  // namespace mannequin::generator_metrics
