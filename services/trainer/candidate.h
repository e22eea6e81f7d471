// What a training would publish now: its networks as the services load them, with figures,
// calibrations, lineage and card.
//
//   Candidate candidate(plan, *pack, options, stopping);
//   ASSIGN_OR_RETURN(const v1::Quality quality, candidate.Measure(*training, step));      // on the way
//   RETURN_IF_ERROR(candidate.TrainJudge(progress));
//   ASSIGN_OR_RETURN(const v1::Quality last, candidate.Stage(*training, step, seconds));   // at the end
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mannequin/v1/training_process.pb.h"
#include "services/trainer/gan_training.h"
#include "services/trainer/judge_training.h"
#include "services/trainer/pack.h"
#include "services/trainer/quality_meter.h"

namespace mannequin {

// Overlays rendered for a training, and as many others for its calibration.
inline constexpr int kOverlayPatches = 240;

// Belongs to one thread.
class Candidate {
 public:
  // `plan` and `pack` outlive this. `stopping` is asked often: measuring takes minutes.
  Candidate(const v1::TrainingPlan& plan, const Pack& pack, const GanTrainingOptions& options,
            std::function<bool()> stopping)
      : plan_(plan), pack_(pack), options_(options), stopping_(std::move(stopping)) {}

  // Figures after `step` steps, which must have reached the full resolution. The first
  // call makes the ruler. CANCELLED once `stopping()`; errors of disk and Measure.
  absl::StatusOr<v1::Quality> Measure(const GanTraining& training, std::int64_t step);

  // Trains what will judge listings, unless the request wants none or it lies in the job's
  // folder already, from before the process was started anew. Errors of services/trainer/judge_training.h.
  absl::Status TrainJudge(const std::function<bool(const JudgeProgress&)>& progress);

  // Fills kStagedBundle and kStagedManifest of the job's folder: calibrated, measured beside
  // the bundle that is current, with lineage and card. Errors as Measure.
  absl::StatusOr<v1::Quality> Stage(const GanTraining& training, std::int64_t step, double seconds);

 private:
  v1::BundleManifest ManifestAt(std::int64_t step) const;
  absl::Status MakeMeter();
  absl::StatusOr<const Pack*> JudgePack();
  absl::Status AddJudge(const std::string& bundle, v1::GanInfo* gan) const;
  absl::Status AddLineage(const std::string& bundle, double seconds, v1::Lineage* lineage) const;

  const v1::TrainingPlan& plan_;
  const Pack& pack_;
  const GanTrainingOptions options_;
  const std::function<bool()> stopping_;
  std::unique_ptr<QualityMeter> meter_;  // once it was needed
  std::unique_ptr<Pack> judge_pack_;     // likewise: the same products, as large as the judge sees them
};

}  // namespace mannequin
