#include "services/trainer/model_card.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "services/trainer/calibration.h"
#include "services/trainer/quality_figures.h"

namespace mannequin {
namespace {

// Free text that cannot break a line of the card.
std::string OneLine(const std::string& text) { return absl::StrReplaceAll(text, {{"\n", " "}, {"\r", " "}}); }

std::string Duration(double seconds) {
  return absl::FormatDuration(absl::Seconds(static_cast<std::int64_t>(seconds + 0.5)));
}

std::string Data(const v1::BundleManifest& manifest, const Pack& pack, const v1::CreateTrainingRequest& request) {
  const v1::Lineage& lineage = manifest.lineage();
  return absl::StrFormat(
      "## Data\n\n"
      "- Products: %d trained on, %d held out (by a hash of the id). Left out: %d with an unreadable image, %d "
      "without\n"
      "  known text, %d in categories with too few images, %d on the opt-out list.\n"
      "- Licence: %s.\n"
      "- The file `products.sha256` tells whether a product was trained on: `mannequin models show VERSION --product "
      "ID`.\n"
      "- Categories: %s.\n\n",
      lineage.products(), pack.held_out.size(), pack.unreadable, pack.no_text, pack.rare, lineage.opted_out(),
      request.data_license().empty() ? "not stated by who trained it (`--data-license`)"
                                     : OneLine(request.data_license()),
      absl::StrJoin(manifest.gan().categories(), ", "));
}

std::string Training(const v1::BundleManifest& manifest, const v1::CreateTrainingRequest& request) {
  const v1::GanInfo& gan = manifest.gan();
  const v1::Lineage& lineage = manifest.lineage();
  return absl::StrFormat(
      "## Training\n\n"
      "- Networks: %s, %d feature maps, noise of %d, loss %s, %d steps over %d images in batches of %d.\n"
      "- Seed %d, learning rate %g, %s of steps on device %s, by %s in job %s.\n"
      "- %s\n"
      "- The whole request is in the manifest (`lineage.request`).\n\n",
      gan.preset(), gan.features(), gan.noise_dimension(), gan.loss(), gan.steps(), gan.images(), request.batch(),
      lineage.seed(), request.learning_rate(), Duration(lineage.seconds()), lineage.device(), lineage.program(),
      lineage.job_id(),
      gan.has_judge() ? absl::StrFormat("Listings are judged by a network of its own, trained on real images alone: %d "
                                        "steps over %d images; it tells %d colours.",
                                        gan.judge().steps(), gan.judge().images(), gan.judge().colors_size())
                      : "Listings are judged by the discriminator.");
}

std::string QualityTable(const v1::GanInfo& gan) {
  const v1::Quality& quality = gan.quality();
  std::string card = absl::StrCat(
      "## Quality of drawn images\n\nOn ", quality.products(),
      quality.from_training() ? " products of the TRAINING set, because too few were held out: too good.\n"
                              : " products that were kept out of training.\n",
      "An image was drawn from each one's text and compared with the real images in the features of a small\n"
      "classifier, which was trained on the training products' real images. Ruler: `",
      quality.measured_with(), "`; only figures of the same ruler compare.\n\n");
  const bool baseline = gan.has_baseline();
  absl::StrAppend(&card, "| figure | this bundle | real images |", baseline ? " bundle before |" : "",
                  " what it means |\n| --- | --- | --- |", baseline ? " --- |" : "", " --- |\n");
  for (const QualityFigure& figure : QualityFigures()) {
    absl::StrAppend(&card, "| ", figure.name, " | ", FigureText((quality.*figure.value)()), " | ",
                    figure.real == nullptr ? "" : FigureText((quality.*figure.real)()), " |",
                    baseline ? absl::StrCat(" ", FigureText((gan.baseline().*figure.value)()), " |") : "", " ",
                    figure.meaning, " |\n");
  }
  absl::StrAppend(
      &card, baseline ? absl::StrCat("\nThe bundle before is ", gan.baseline_version(), ".\n") : "",
      quality.color_accuracy() == 0 ? "\nThe catalogue names too few colours: the colour figures are 0.\n" : "", "\n");
  return card;
}

std::string Verdicts(const v1::GanInfo& gan, const Evaluation& evaluation) {
  std::string card = absl::StrCat(
      "## Verdicts\n\nOn ", evaluation.products,
      evaluation.from_training
          ? " products of the TRAINING set, because fewer than 40 were held out: these figures are too good.\n"
          : " held-out products.\n",
      absl::StrFormat("Each was judged as it is, with a picture of another category, with one of another colour of\n"
                      "its category, and with a rendered overlay.\nThresholds: review above %.0f %%, abuse above %.0f "
                      "%% false positives; categories with %d listings or more have their own.\n\n",
                      100 * kReviewFalsePositives, 100 * kAbuseFalsePositives, static_cast<int>(kOwnThresholds)),
      "| reason | AUC | calibration error | review above | abuse above | categories of their own | clean left out "
      "as mislabelled |\n| --- | --- | --- | --- | --- | --- | --- |\n");
  for (std::size_t i = 0; i < evaluation.calibrations.size(); ++i) {
    const v1::Calibration& c = evaluation.calibrations[i];
    absl::StrAppend(&card, absl::StrFormat("| %s | %.3f | %.3f | %.3f | %.3f | %d | %d |\n", c.reason(), c.auc(),
                                           c.expected_calibration_error(), c.review_threshold(), c.abuse_threshold(),
                                           c.categories_size(), evaluation.left_out[i]));
  }
  absl::StrAppend(
      &card,
      absl::StrFormat(
          "\nMISMATCH by what is wrong: another category, AUC %.3f; another colour, %s.\n", evaluation.category_auc,
          evaluation.color_auc == 0 ? std::string("not tried") : absl::StrFormat("AUC %.3f", evaluation.color_auc)));
  absl::StrAppend(&card, absl::StrFormat("\nCategory told from the picture alone: %.1f %% right.\n"
                                         "Drawn pictures: mean confidence %.2f; %.0f %% lie above the "
                                         "floor of %.2f, below which nothing is shown.\n\n",
                                         100 * evaluation.category_accuracy, evaluation.drawn_agreement,
                                         100 * evaluation.drawn_above_floor, gan.confidence_floor()));
  return card;
}

}  // namespace

std::string ModelCard(const v1::BundleManifest& manifest, const Pack& pack, const Evaluation& evaluation,
                      const v1::CreateTrainingRequest& request) {
  const v1::GanInfo& gan = manifest.gan();
  return absl::StrCat(
      absl::StrFormat("# Model card\n\n"
                      "Draws product pictures of %d categories at %dx%d from text, and judges whether a picture "
                      "belongs to its listing.\n"
                      "Made from the embedding of %s.\n\n",
                      gan.categories_size(), gan.resolution(), gan.resolution(),
                      absl::StrJoin(manifest.parents(), ", ")),
      Data(manifest, pack, request), Training(manifest, request), QualityTable(gan), Verdicts(gan, evaluation),
      "## Limits\n\n"
      "- Drawn pictures are placeholders: they show a kind of product, never the product for sale.\n"
      "- Other categories get no verdict and no picture.\n"
      "- A picture of the right category but of another product is hardly told apart.\n"
      "- The quality figures come from a classifier that saw this catalogue only, and are as good as its accuracy\n"
      "  (column \"real images\"). They rank bundles on one catalogue; they say nothing between catalogues.\n"
      "- The calibration holds equally many clean and abusive listings; in a catalogue with less abuse the\n"
      "  probabilities are too high, while their order and the false-positive shares hold.\n"
      "- The same products fit and measured the calibration.\n");
}

}  // namespace mannequin
