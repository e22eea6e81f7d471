// A training's process: opens the pack, trains, evaluates, and leaves a bundle's files in the
// job's folder for the trainer to publish. Knows neither store nor gRPC; local_process.h
// starts it and says what it is given.
//
//   if (const std::optional<int> status = TrainingProcessMain(argc, argv)) return *status;   // first in main
//
// Files of the job's folder, besides training.textproto and pack/ which the trainer made:
//
//   checkpoint-NNNNNNNN.safetensors, best.safetensors   checkpoints.h
//   curve.pb                                            curve.h
//   sample-NNNNNNNN.png                                 fixed noise, held-out texts; every 20 s
//   bundle/, bundle.textproto                           the bundle to come and its manifest
//   log.txt
#pragma once

#include <optional>

namespace mannequin {

// The exit status when this process was started as a training's (its first argument says
// so), which has then been done; nothing otherwise. Before the first thread.
std::optional<int> TrainingProcessMain(int argc, char** argv);

}  // namespace mannequin
