// Says whether a picture belongs to its listing, by the current bundle's discriminator.
//
//   Scorer scorer({.max_batch = 32});
//   scorer.Use(model);
//   absl::StatusOr<v1::Verdict> verdict = scorer.Score({product, image}, deadline);
//
// Rules come first: a picture that a network drew (HasGeneratedMark), of one colour, or that says
// that there is none (WhyNotAvailable) is a PLACEHOLDER whatever the bundle knows. Then the network judges. A listing
// that it cannot judge is NOT_SCORED with the reason in words, never CLEAN.
//
// Score decodes on the caller's thread and shares the forward pass with whoever else
// waits; ScoreAll is for work that comes in batches already.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/batcher.h"
#include "common/base/clock.h"
#include "common/image/image.h"
#include "common/nn/abuse_features.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/verdict.pb.h"
#include "services/scorer/judge.h"
#include "services/scorer/model.h"

namespace mannequin {

struct ScorerOptions {
  int max_batch = 32;   // listings in one forward pass at most
  int max_queue = 256;  // listings that may wait for a pass
  int threads = 2;      // that decode in ScoreAll
};

// Views of what is to be judged; both outlive the call.
struct Listing {
  const v1::Product& product;
  absl::string_view image;  // encoded
};

// Thread-safe.
class Scorer {
 public:
  explicit Scorer(const ScorerOptions& options, const Clock& clock = Clock::Real());

  // From now on judges by `model`; what is being judged ends by the one it began with.
  void Use(std::shared_ptr<const ScorerModel> model);
  // Null until the first Use.
  std::shared_ptr<const ScorerModel> model() const;

  // INVALID_ARGUMENT "image: ..." when the picture cannot be decoded whole;
  // RESOURCE_EXHAUSTED when it is over a limit or too many wait; DEADLINE_EXCEEDED;
  // CANCELLED after Stop. `product_id` of the verdict is the product's.
  absl::StatusOr<v1::Verdict> Score(const Listing& listing, absl::Time deadline);
  // A verdict or an error for each, in their order.
  std::vector<absl::StatusOr<v1::Verdict>> ScoreAll(const std::vector<Listing>& listings);

  // Every Score that waits or comes later is CANCELLED. Idempotent.
  void Stop();

 private:
  struct Question {
    std::shared_ptr<const ScorerModel> model;
    Pixels pixels;
    std::vector<float> text;
  };
  // A listing on its way: `question` has pixels and a text when the network is to be
  // asked; else the verdict is final.
  struct Draft {
    v1::Verdict verdict;
    absl::Time started;
    std::string placeholder;  // why it is one
    bool ask = false;
    Listed listed;
    PictureSize size;
    Question question;
  };

  absl::StatusOr<Draft> Prepare(const Listing& listing) const;
  // Why the network cannot judge `product`; empty when it can, and then the text and
  // category of `draft` are set.
  std::string Obstacle(const v1::Product& product, Draft& draft) const;
  absl::StatusOr<v1::Verdict> Conclude(Draft draft, const absl::StatusOr<Judgement>& judgement) const;
  static absl::StatusOr<std::vector<Judgement>> Ask(std::vector<Question> batch);

  const ScorerOptions options_;
  const Clock& clock_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const ScorerModel> model_ ABSL_GUARDED_BY(mutex_);
  Batcher<Question, Judgement> batcher_;
};

}  // namespace mannequin
