#include "services/trainer/model_card.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "services/trainer/calibration.h"

namespace mannequin {

std::string ModelCard(const v1::BundleManifest& manifest, const Pack& pack, const Evaluation& evaluation) {
  const v1::GanInfo& gan = manifest.gan();
  std::string card = absl::StrFormat(
      "# Model card\n\n"
      "Draws product pictures of %d categories at %dx%d from text, and judges whether a picture belongs to its "
      "listing.\n"
      "Made from the embedding of %s.\n\n"
      "## Training\n\n"
      "- Networks: %s, %d feature maps, noise of %d, loss %s, %d steps over %d images.\n"
      "- Products: %d trained on, %d held out (by a hash of the id), %d with an unreadable image and %d without known\n"
      "  text left out, %d in categories with too few images left out.\n"
      "- Categories: %s.\n\n",
      gan.categories_size(), gan.resolution(), gan.resolution(), absl::StrJoin(manifest.parents(), ", "), gan.preset(),
      gan.features(), gan.noise_dimension(), gan.loss(), gan.steps(), gan.images(), pack.training.size(),
      pack.held_out.size(), pack.unreadable, pack.no_text, pack.rare, absl::StrJoin(gan.categories(), ", "));
  absl::StrAppend(
      &card, "## Measured\n\nOn ", evaluation.products,
      evaluation.from_training
          ? " products of the TRAINING set, because fewer than 40 were held out: these figures are too good.\n"
          : " held-out products.\n",
      absl::StrFormat("Each was judged as it is, with the picture of another category, and with a rendered "
                      "overlay.\nThresholds: review above %.0f %%, abuse above %.0f %% false positives.\n\n",
                      100 * kReviewFalsePositives, 100 * kAbuseFalsePositives),
      "| reason | AUC | calibration error | review above | abuse above | clean left out as mislabelled |\n"
      "| --- | --- | --- | --- | --- | --- |\n");
  for (std::size_t i = 0; i < evaluation.calibrations.size(); ++i) {
    const v1::Calibration& c = evaluation.calibrations[i];
    absl::StrAppend(&card, absl::StrFormat("| %s | %.3f | %.3f | %.3f | %.3f | %d |\n", c.reason(), c.auc(),
                                           c.expected_calibration_error(), c.review_threshold(), c.abuse_threshold(),
                                           evaluation.left_out[i]));
  }
  absl::StrAppend(
      &card,
      absl::StrFormat("\nCategory told from the picture alone: %.1f %% right.\n"
                      "Drawn pictures: mean probability of the asked category %.2f; %.0f %% lie above the "
                      "floor of %.2f, below which nothing is shown.\n\n",
                      100 * evaluation.category_accuracy, evaluation.drawn_agreement,
                      100 * evaluation.drawn_above_floor, evaluation.confidence_floor),
      "## Limits\n\n"
      "- Other categories get no verdict and no picture.\n"
      "- A picture of the right category but of another product is hardly told apart.\n"
      "- The calibration holds equally many clean and abusive listings; in a catalogue with less abuse the\n"
      "  probabilities are too high, while their order and the false-positive shares hold.\n"
      "- The same products fit and measured the calibration.\n");
  return card;
}

}  // namespace mannequin
