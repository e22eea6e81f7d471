// How well a bundle's verdicts are: asked about test_listings.h through the scorer itself.
//
//   ASSIGN_OR_RETURN(ScoreEvalReport report, EvaluateScoring(options, progress));
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/bundle.h"
#include "services/mannequin/score_eval/test_listings.h"

namespace mannequin {

struct ScoreEvalOptions {
  std::string catalog;        // as ingest reads it
  std::string images;         // folder of ID.jpg, .png or .webp
  std::string bundle_folder;  // of one bundle
  std::int64_t products = 1'000;
  std::uint64_t seed = 1;
  std::string device;  // as CheckDevice
  // Folder that gets every listing's picture and listings.jsonl (id, image, abuse, script,
  // title), for others to be measured on the same; empty: none.
  std::string export_folder = {};
  // Leaf categories whose products have print of their own, which must not be taken for an
  // overlay.
  std::vector<std::string> printed = {"Tshirts", "Sports Shoes", "Watches", "Perfume and Body Mist", "Deodorant"};
};

// Abuse of one kind against honest listings, by the calibrated probability of its reason.
struct ScoreEvalRow {
  std::string reason, what;
  std::size_t honest = 0, abused = 0;
  double auc = 0, average_precision = 0;
  double false_alarms = 0;           // share of the honest, where 95 % of the abused are found
  double found_1 = 0, found_02 = 0;  // share found at 1 % and 0.2 % false alarms
  // Of the discriminator's logit alone: the prototype's way. Of LOW_QUALITY nothing: it never said anything of that.
  std::optional<double> plain_auc;
};

struct VerdictShares {
  std::string what;
  std::size_t listings = 0;
  double clean = 0, review = 0, abuse = 0, not_scored = 0;
};

// Of honest pictures: how many are said to have a defect.
struct DefectShare {
  std::string defect;  // DefectName
  std::size_t pictures = 0;
  double share = 0;
};

struct ScoreEvalReport {
  std::string bundle_version;
  std::size_t products = 0, categories = 0;
  std::vector<ScoreEvalRow> rows;
  std::vector<VerdictShares> verdicts;
  std::vector<DefectShare> honest_defects;
  double overlay_calibration_error = 0, mismatch_calibration_error = 0;
  double milliseconds = 0;  // a listing, decoded and judged in bulk
};

// On held-out products (SplitPosition) of categories that the bundle knows. INVALID_ARGUMENT
// when none have a picture; errors of catalogue, bundle and device. `progress` hears the share
// done; false stops it: CANCELLED.
absl::StatusOr<ScoreEvalReport> EvaluateScoring(const ScoreEvalOptions& options,
                                                const std::function<bool(double)>& progress);

}  // namespace mannequin
