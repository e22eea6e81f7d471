// One training from the catalogue to a published bundle:
//
//   packing      decode images, embed texts            pack.h
//   training     steps, checkpoints, sample grids      batches.h, gan_training.h
//   calibrating  figures on held-out products          evaluate.h, calibration.h
//   publishing   bundle with card, promoted if asked   common/model/bundle.h
//
// Knows neither gRPC nor flags.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/model/bundle.h"
#include "common/store/job_worker.h"
#include "common/store/product_store.h"
#include "mannequin/v1/gan_trainer.pb.h"

namespace mannequin {

struct TrainingEnvironment {
  std::string bundles;  // folder of bundles
  std::string work;     // folder of packs, checkpoints, samples: a folder a job
  std::string device;   // default of the request's
  int threads = 0;      // of the CPU; 0: one a core
};

// The request with its defaults filled in. INVALID_ARGUMENT naming the field and its
// bound.
absl::StatusOr<v1::CreateTrainingRequest> CompleteRequest(v1::CreateTrainingRequest request);

// "<work>/<job id>/checkpoint.safetensors".
std::string CheckpointPath(const std::string& work, const std::string& job_id);

// Runs the job on this thread. Files of its folder: checkpoint.safetensors,
// losses.csv (step, loss_generator, loss_discriminator, images_per_second), sample-NNNNNN.png.
// A job that was interrupted goes on from its own last checkpoint.
//
// FAILED_PRECONDITION: no embedding, too few images or categories, a checkpoint of other
// categories; ABORTED: a loss is not a number; CANCELLED once the context says stop; the
// store's errors.
absl::Status RunTraining(ProductStore& store, const TrainingEnvironment& environment, const v1::Job& job,
                         JobContext& context);

}  // namespace mannequin
