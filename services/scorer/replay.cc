#include "services/scorer/replay.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "services/scorer/kept_verdict.h"
#include "services/scorer/model.h"
#include "services/scorer/policy.h"

namespace mannequin {
namespace {

// Gathers differences, each under its field's name.
class Comparison {
 public:
  void Text(absl::string_view field, absl::string_view kept, absl::string_view replayed) {
    if (kept != replayed) Add(field, absl::StrCat("\"", kept, "\""), absl::StrCat("\"", replayed, "\""));
  }
  void Number(absl::string_view field, double kept, double replayed) {
    // Written so that what is no number differs.
    if (!(std::abs(kept - replayed) <= kReplayTolerance)) {
      Add(field, absl::StrFormat("%.6g", kept), absl::StrFormat("%.6g", replayed));
    }
  }
  void Add(absl::string_view field, absl::string_view kept, absl::string_view replayed) {
    differences_.push_back(absl::StrCat(field, ": ", kept, " and ", replayed));
  }
  std::vector<std::string> Take() { return std::move(differences_); }

 private:
  std::vector<std::string> differences_;
};

std::string Name(v1::AbuseReason reason) {
  return std::string(absl::StripPrefix(v1::AbuseReason_Name(reason), "ABUSE_REASON_"));
}
std::string Name(v1::VerdictKind kind) {
  return std::string(absl::StripPrefix(v1::VerdictKind_Name(kind), "VERDICT_KIND_"));
}
std::string Name(const v1::Box& box) {
  return absl::StrCat("x ", box.x(), " y ", box.y(), ", ", box.width(), " x ", box.height());
}

const v1::ReasonScore* Find(const v1::Verdict& verdict, v1::AbuseReason reason) {
  for (const v1::ReasonScore& score : verdict.reasons()) {
    if (score.reason() == reason) return &score;
  }
  return nullptr;
}

// By reason and not by place: two that are as good as equal may have changed places.
void CompareReasons(const v1::Verdict& kept, const v1::Verdict& replayed, Comparison& comparison) {
  for (int i = 0; i < kept.reasons_size(); ++i) {
    const std::string field = absl::StrCat("reasons[", i, "]");
    const v1::ReasonScore* again = Find(replayed, kept.reasons(i).reason());
    if (again == nullptr) {
      comparison.Add(field, Name(kept.reasons(i).reason()), "nothing");
      continue;
    }
    comparison.Number(field + ".probability", kept.reasons(i).probability(), again->probability());
    comparison.Text(field + ".detail", kept.reasons(i).detail(), again->detail());
  }
  for (const v1::ReasonScore& reason : replayed.reasons()) {
    if (Find(kept, reason.reason()) == nullptr) comparison.Add("reasons", "nothing", Name(reason.reason()));
  }
}

void CompareBoxes(const v1::Verdict& kept, const v1::Verdict& replayed, Comparison& comparison) {
  const int boxes = std::max(kept.overlay_boxes_size(), replayed.overlay_boxes_size());
  for (int i = 0; i < boxes; ++i) {
    const std::string then = i < kept.overlay_boxes_size() ? Name(kept.overlay_boxes(i)) : "nothing";
    const std::string now = i < replayed.overlay_boxes_size() ? Name(replayed.overlay_boxes(i)) : "nothing";
    if (then != now) comparison.Add(absl::StrCat("overlay_boxes[", i, "]"), then, now);
  }
}

void CompareFindings(const v1::Verdict& kept, const v1::Verdict& replayed, Comparison& comparison) {
  const int findings = std::max(kept.policy_findings_size(), replayed.policy_findings_size());
  for (int i = 0; i < findings; ++i) {
    const std::string field = absl::StrCat("policy_findings[", i, "]");
    const std::string then = i < kept.policy_findings_size() ? kept.policy_findings(i).rule() : "nothing";
    const std::string now = i < replayed.policy_findings_size() ? replayed.policy_findings(i).rule() : "nothing";
    if (then != now) {
      comparison.Add(field + ".rule", then, now);
      continue;
    }
    comparison.Number(field + ".measured", kept.policy_findings(i).measured(), replayed.policy_findings(i).measured());
    comparison.Number(field + ".bound", kept.policy_findings(i).bound(), replayed.policy_findings(i).bound());
  }
}

}  // namespace

std::vector<std::string> DifferencesOf(const v1::Verdict& kept, const v1::Verdict& replayed) {
  Comparison comparison;
  if (kept.kind() != replayed.kind()) comparison.Add("kind", Name(kept.kind()), Name(replayed.kind()));
  CompareReasons(kept, replayed, comparison);
  CompareBoxes(kept, replayed, comparison);
  CompareFindings(kept, replayed, comparison);
  comparison.Text("not_scored_reason", kept.not_scored_reason(), replayed.not_scored_reason());
  return comparison.Take();
}

Replayer::Replayer(ProductStore& store, const Scorer& scorer, BundleFolder bundles, std::string device)
    : store_(store), scorer_(scorer), bundles_(std::move(bundles)), device_(std::move(device)) {}

absl::StatusOr<std::string> Replayer::PictureOf(const v1::Verdict& kept,
                                                const v1::ReplayVerdictRequest& request) const {
  const std::string& sha256 = kept.image_sha256();
  if (!request.image().empty()) {
    const std::string given = Sha256Hex(request.image());
    if (given == sha256) return request.image();
    return absl::InvalidArgumentError(absl::StrCat("image: its SHA-256 is ", given, ", the verdict of ",
                                                   kept.product_id(), " is of ", sha256, "; send that picture"));
  }
  v1::GetImageRequest get;
  get.set_sha256(sha256);
  absl::StatusOr<v1::GetImageResponse> image = store_.GetImage(get);
  if (absl::IsNotFound(image.status())) {
    return absl::NotFoundError(absl::StrCat("image: the picture ", sha256, " of the verdict of ", kept.product_id(),
                                            " is not in the store; send it"));
  }
  RETURN_IF_ERROR(image.status());
  return std::move(*image->mutable_image()->mutable_data());
}

absl::StatusOr<std::shared_ptr<const ScorerModel>> Replayer::ModelOf(const std::string& version) const {
  if (version.empty()) return std::shared_ptr<const ScorerModel>();
  std::shared_ptr<const ScorerModel> current = scorer_.model();
  if (current != nullptr && current->manifest.version() == version) return current;
  const absl::StatusOr<v1::BundleManifest> manifest = bundles_.Open(version);
  if (absl::IsNotFound(manifest.status())) {
    return absl::FailedPreconditionError(absl::StrCat("bundle ", version, " is gone from ", bundles_.root(),
                                                      ": only the bundle that judged can judge the same again"));
  }
  RETURN_IF_ERROR(manifest.status());
  return LoadScorerModel(*manifest, bundles_.FolderOf(version), device_);
}

absl::StatusOr<v1::Verdict> Replayer::JudgeAgain(const v1::Verdict& kept, const std::string& image,
                                                 absl::Time deadline) const {
  ASSIGN_OR_RETURN(std::shared_ptr<const ScorerModel> model, ModelOf(kept.bundle_version()));
  const absl::StatusOr<const v1::Policy*> policy = PolicyNamed(kept.policy());
  if (!policy.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the policy that judged then is gone: ", policy.status().message()));
  }
  Scorer scorer({.max_batch = 1, .max_queue = 1, .threads = 1});
  if (model != nullptr) scorer.Use(std::move(model));
  absl::StatusOr<v1::Verdict> verdict = scorer.Score({kept.listing(), image, *policy}, deadline);
  if (verdict.ok() || !IsOfThePicture(verdict.status())) return verdict;
  verdict = NotScored(kept.listing(), kept.image_sha256(), verdict.status(), absl::Now());
  verdict->set_rules_version(kept.rules_version());  // no rule was asked
  return verdict;
}

absl::StatusOr<v1::ReplayVerdictResponse> Replayer::Replay(const v1::ReplayVerdictRequest& request,
                                                           absl::Time deadline) {
  v1::GetVerdictRequest get;
  get.set_product_id(request.product_id());
  ASSIGN_OR_RETURN(v1::GetVerdictResponse found, store_.GetVerdict(get));
  v1::ReplayVerdictResponse response;
  v1::Verdict& kept = *response.mutable_kept();
  kept = std::move(*found.mutable_verdict());
  if (!kept.has_listing()) {
    return absl::FailedPreconditionError(absl::StrCat("the verdict of ", kept.product_id(),
                                                      " was kept by a version that did not keep listings with it; "
                                                      "score the product again"));
  }
  if (kept.image_sha256().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the verdict of ", kept.product_id(),
                     " is of no picture, it was not to be had then: ", kept.not_scored_reason()));
  }
  ASSIGN_OR_RETURN(const std::string image, PictureOf(kept, request));
  {
    absl::MutexLock lock(&mutex_);
    const auto is_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !busy_; };
    if (!AwaitFor(mutex_, absl::Condition(&is_free), deadline - SteadyNow())) {
      return absl::DeadlineExceededError("the deadline passed while another verdict was replayed");
    }
    busy_ = true;
  }
  const absl::Cleanup done = [this] {
    absl::MutexLock lock(&mutex_);
    busy_ = false;
  };
  ASSIGN_OR_RETURN(*response.mutable_replayed(), JudgeAgain(kept, image, deadline));
  const v1::Verdict& replayed = response.replayed();
  if (replayed.rules_version() != kept.rules_version()) {
    return absl::FailedPreconditionError(absl::StrCat("the rules are of another version now: \"", kept.rules_version(),
                                                      "\" judged then, this program has \"", replayed.rules_version(),
                                                      "\""));
  }
  for (std::string& difference : DifferencesOf(kept, replayed)) response.add_differences(std::move(difference));
  response.set_same(response.differences().empty());
  return response;
}

}  // namespace mannequin
