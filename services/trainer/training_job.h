// One training from the catalogue to a published bundle. The trainer itself packs, which
// needs the store, and publishes; processes of their own do what is between:
//
//   packing      decode images, embed texts            pack.h
//   training     steps, checkpoints, sample grids      supervisor.h, training_process.h
//   calibrating  figures on held-out products          evaluate.h, calibration.h
//   publishing   bundle with card, promoted if asked   common/model/bundle.h
//
// Knows neither gRPC nor flags.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/model/bundle.h"
#include "common/store/job_worker.h"
#include "common/store/product_store.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "services/trainer/supervisor.h"

namespace mannequin {

struct TrainingEnvironment {
  std::string bundles;              // folder of bundles
  std::string work;                 // folder of packs, checkpoints, samples: a folder a job
  int threads = 0;                  // of the CPU; 0: one a core
  std::string opt_out;              // as PackOptions
  std::int64_t max_pack_bytes = 0;  // 0: PackOptions' own
  SupervisorOptions supervisor = {};
};

inline constexpr int kNoiseDimension = 100;
// In a job's folder.
inline constexpr char kPackFolder[] = "/pack", kJudgePackFolder[] = "/pack/judge", kPlanFile[] = "/training.textproto",
                      kStagedBundle[] = "/bundle", kStagedManifest[] = "/bundle.textproto";

// The request with its defaults filled in. INVALID_ARGUMENT naming the field and its
// bound.
absl::StatusOr<v1::CreateTrainingRequest> CompleteRequest(v1::CreateTrainingRequest request);

// "relativistic", "lsgan" or "bce", of a complete request.
std::string LossName(const v1::CreateTrainingRequest& request);

// "<work>/<job id>".
std::string JobFolder(const std::string& work, const std::string& job_id);

// Runs the job on this thread, with a process on each of `devices`. A job that was
// interrupted goes on from its own last checkpoint, with the pack that it had; the pack goes when
// the job has ended, while checkpoints, curve, samples and log stay.
//
// FAILED_PRECONDITION: no embedding, too few images or categories, a checkpoint of other
// categories; ABORTED: it diverged, see DivergencePolicy; CANCELLED once the context says stop;
// RESOURCE_EXHAUSTED: a full disk, no memory; INTERNAL: processes kept dying; the store's errors.
absl::Status RunTraining(ProductStore& store, const TrainingEnvironment& environment, const v1::Job& job,
                         const std::vector<std::string>& devices, JobContext& context);

}  // namespace mannequin
