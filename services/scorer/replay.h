// Judges again what a kept verdict judged, by the versions that it names: ReplayVerdict.
//
//   Replayer replayer(store, scorer, BundleFolder(config.bundles()), config.device());
//   ASSIGN_OR_RETURN(v1::ReplayVerdictResponse replay, replayer.Replay(request, deadline));
//
// A replay has a scorer of its own, so that nothing remembered answers for it and no listing of a seller
// waits for it. What was evidence for a mismatch is not looked for again: the store has moved on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/model/bundle.h"
#include "common/store/product_store.h"
#include "mannequin/v1/abuse_scorer.pb.h"
#include "services/scorer/scorer.h"

namespace mannequin {

// How far apart probabilities and measures may lie and count as the same.
inline constexpr double kReplayTolerance = 1e-4;

// Thread-safe; one replay at a time, so that at most one bundle more than the current one is in memory, and
// that no longer than its replay.
class Replayer {
 public:
  // `scorer` says which bundle is loaded already. Both outlive this. `device` as PickDevice takes it.
  Replayer(ProductStore& store, const Scorer& scorer, BundleFolder bundles, std::string device);

  // NOT_FOUND without a kept verdict, or when its picture is neither given nor in the store;
  // INVALID_ARGUMENT when the given picture is another one; FAILED_PRECONDITION when the bundle is gone, the rules are
  // of another version, or the verdict has no picture or, kept by an early version, no listing;
  // DATA_LOSS when the bundle is damaged; DEADLINE_EXCEEDED; errors of the store.
  absl::StatusOr<v1::ReplayVerdictResponse> Replay(const v1::ReplayVerdictRequest& request, absl::Time deadline);

 private:
  absl::StatusOr<std::string> PictureOf(const v1::Verdict& kept, const v1::ReplayVerdictRequest& request) const;
  // Null for a verdict that was given without a bundle.
  absl::StatusOr<std::shared_ptr<const ScorerModel>> ModelOf(const std::string& version) const;
  absl::StatusOr<v1::Verdict> JudgeAgain(const v1::Verdict& kept, const std::string& image, absl::Time deadline) const;

  ProductStore& store_;
  const Scorer& scorer_;
  const BundleFolder bundles_;
  const std::string device_;
  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

// What differs of what the picture, the text and the versions decide: kind, reasons, boxes, findings, words.
// "reasons[0].probability: 0.91 and 0.93", the kept one first. Empty when they are the same.
std::vector<std::string> DifferencesOf(const v1::Verdict& kept, const v1::Verdict& replayed);

}  // namespace mannequin
