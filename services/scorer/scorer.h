// Says whether a picture belongs to its listing, by the current bundle's discriminator.
//
//   Scorer scorer({.max_batch = 32});
//   scorer.Use(model);
//   absl::StatusOr<v1::Verdict> verdict = scorer.Score({product, image}, {.deadline = deadline});
//
// Rules come first: a picture that a network drew (HasGeneratedMark), of one colour, or that says
// that there is none (WhyNotAvailable) is a PLACEHOLDER whatever the bundle knows, and a bad photo is LOW_QUALITY
// (quality_rules.h). Then the network judges, and last the marketplace's rules that the caller asked for (policy.h). A
// listing that the network cannot judge is NOT_SCORED with the reason in words, never CLEAN, unless a rule alone finds
// something.
//
// A listing is looked up among the verdicts in memory (VerdictCache), taken or refused (Admission),
// decoded by one of a few threads and judged in a pass with whatever else waits (Batcher, both
// stages): its caller's thread only waits. ScoreAll is for work that comes in batches; it goes the
// same way behind the listings that a seller waits for, and waits for room rather than being refused.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/batcher.h"
#include "common/base/clock.h"
#include "common/image/image.h"
#include "common/image/picture_measures.h"
#include "common/nn/abuse_features.h"
#include "mannequin/v1/abuse_scorer.pb.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/verdict.pb.h"
#include "services/scorer/admission.h"
#include "services/scorer/judge.h"
#include "services/scorer/model.h"
#include "services/scorer/verdict_cache.h"

namespace mannequin {

struct ScorerOptions {
  int max_batch = 32;   // listings in one forward pass at most
  int max_queue = 256;  // listings in hand; in bulk, listings that wait for a stage
  int threads = 2;      // that decode
  int cache = 0;        // verdicts kept in memory
  // Passes at a time. On a CPU several of few threads do more than one of many: they share no barriers, at
  // which a thread that lost its core to a decoder holds up the others.
  int passes = 1;
};

// Of the cores, when `passes` run at a time.
int ThreadsOfAPass(int passes);

// Views of what is to be judged; both outlive the call.
struct Listing {
  const v1::Product& product;
  absl::string_view image;  // encoded
  // Whose rules the picture must keep too: PolicyNamed's. May be null.
  const v1::Policy* policy = nullptr;
  // Judged anew though the answer is in memory.
  bool fresh = false;
};

// Thread-safe.
class Scorer {
 public:
  explicit Scorer(const ScorerOptions& options, const Clock& clock = Clock::Real());

  // From now on judges by `model`; what is being judged ends by the one it began with.
  void Use(std::shared_ptr<const ScorerModel> model);
  // Null until the first Use.
  std::shared_ptr<const ScorerModel> model() const;
  // The promoted bundle cannot be used, or (OK) can again: while there is no other one, that is why nothing is judged.
  void RememberDamage(const absl::Status& problem);
  // Why listings are not judged when `model` is null or has no networks.
  std::string WhyUnjudged() const;

  // INVALID_ARGUMENT "image: ..." when the picture cannot be decoded whole or is over a limit;
  // RESOURCE_EXHAUSTED, with RetryAfter, when too many wait or the answer would come too late;
  // DEADLINE_EXCEEDED; CANCELLED when the waiter is gone, and after Stop.
  // `product_id` of the verdict is the product's.
  absl::StatusOr<v1::Verdict> Score(const Listing& listing, const Waiter& waiter);
  absl::StatusOr<v1::Verdict> Score(const Listing& listing, absl::Time deadline) {
    return Score(listing, Waiter{.deadline = deadline});
  }
  // A verdict or an error for each, in their order. `waiters`: of each, or one for all; those in bulk and
  // those of an urgent listing among them wait for room.
  std::vector<absl::StatusOr<v1::Verdict>> ScoreAll(const std::vector<Listing>& listings,
                                                    const std::vector<Waiter>& waiters = {{.urgency = Urgency::kBulk}});
  // Whether Score would take a listing now: for callers that have something to fetch first.
  absl::Status CheckRoom(absl::Time deadline) const { return admission_.Check(deadline); }

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
    absl::Time started;  // on the steady clock
    std::string cache_key;
    std::string placeholder;  // why it is one
    bool ask = false;
    PictureMeasures measures;
    const v1::Policy* policy = nullptr;
    Listed listed;
    PictureSize size;
    Question question;
  };

  // What is to be decoded: the listing is its caller's, who waits.
  struct Undecoded {
    const Listing* listing;
    Draft draft;
  };

  // What can be said without decoding; the verdict when it is in memory.
  Draft Begin(const Listing& listing, std::optional<v1::Verdict>& known);
  absl::StatusOr<Draft> Prepare(const Listing& listing, Draft draft) const;
  // Why the network cannot judge `product`; empty when it can, and then the text and
  // category of `draft` are set.
  std::string Obstacle(const v1::Product& product, Draft& draft) const;
  absl::StatusOr<v1::Verdict> Conclude(Draft draft, const absl::StatusOr<Judgement>& judgement);
  // Sets what is of this answer alone, and counts it.
  void Stamp(absl::Time started, v1::Verdict& verdict) const;
  absl::StatusOr<std::vector<Judgement>> Ask(std::vector<Question> batch);

  const ScorerOptions options_;
  const Clock& clock_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const ScorerModel> model_ ABSL_GUARDED_BY(mutex_);
  absl::Status damage_ ABSL_GUARDED_BY(mutex_);  // OK: none
  VerdictCache cache_;
  std::atomic<int> running_{0};  // passes
  Batcher<Undecoded, Draft> decoder_;
  Batcher<Question, Judgement> batcher_;
  Admission admission_;
};

}  // namespace mannequin
