#include "services/scorer/scorer.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/image/generated_mark.h"
#include "common/image/not_available.h"
#include "common/image/resize.h"
#include "common/model/described_product.h"
#include "common/nn/device.h"
#include "services/scorer/metrics.h"
#include "services/scorer/policy.h"
#include "services/scorer/quality_rules.h"
#include "services/scorer/sight.h"

namespace mannequin {
namespace {

// Side at which pictures are checked while no bundle says another.
constexpr int kDefaultResolution = 64;

// A pass with bulk in it is so many times smaller: a listing that comes while one runs waits for no
// more than that, and the cores are as busy with a quarter of 32 as with the whole.
constexpr int kBulkShare = 4;

// A picture over a limit stays so however often it is sent: RESOURCE_EXHAUSTED would ask for that.
absl::Status Prefixed(const absl::Status& status) {
  const absl::StatusCode code = absl::IsResourceExhausted(status) ? absl::StatusCode::kInvalidArgument : status.code();
  return absl::Status(code, absl::StrCat("image: ", status.message()));
}

// What is judged without a network: LOW_QUALITY, and the rules of `policy` unless it is null.
void AddRules(const PictureMeasures& measures, const v1::Policy* policy, Opinion& opinion, v1::Verdict& verdict) {
  if (policy != nullptr) {
    std::optional<double> overlay;
    for (const v1::ReasonScore& reason : opinion.reasons) {
      if (reason.reason() == v1::ABUSE_REASON_PROMOTIONAL_OVERLAY) overlay = reason.probability();
    }
    const PolicyOpinion judged = JudgePolicy(*policy, measures, overlay);
    AddPolicy(opinion, judged);
    verdict.set_policy(policy->name());
    for (const v1::PolicyFinding& finding : judged.findings) *verdict.add_policy_findings() = finding;
    for (const std::string& unchecked : judged.unchecked) verdict.add_degraded(unchecked);
  }
  const std::vector<QualityFinding> findings = JudgeQuality(measures);
  AddLowQuality(opinion, findings);
  for (const QualityFinding& finding : findings) {
    if (finding.probability > kQualityReview) scorer_metrics::CountDefect(DefectName(finding.defect));
  }
}

}  // namespace

Scorer::Scorer(const ScorerOptions& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      cache_(static_cast<std::size_t>(std::max(0, options.cache))),
      decoder_({.max_batch = 1, .max_queue = options.max_queue, .threads = options.threads, .borrows = true},
               [this](std::vector<Undecoded> one) -> absl::StatusOr<std::vector<Draft>> {
                 std::vector<Draft> drafts;
                 ASSIGN_OR_RETURN(drafts.emplace_back(), Prepare(*one[0].listing, std::move(one[0].draft)));
                 return drafts;
               }),
      batcher_({.max_batch = options.max_batch,
                .max_queue = options.max_queue,
                .threads = options.passes,
                .max_bulk = std::max(1, options.max_batch / kBulkShare)},
               [this](std::vector<Question> batch) { return Ask(std::move(batch)); }),
      admission_(options.max_queue, [this](int ahead) { return batcher_.EstimatedWait(ahead); }) {}

int ThreadsOfAPass(int passes) { return std::max(1, static_cast<int>(Cores()) / passes); }

void Scorer::Use(std::shared_ptr<const ScorerModel> model) {
  absl::MutexLock lock(&mutex_);
  model_ = std::move(model);
  damage_ = absl::OkStatus();
}

void Scorer::RememberDamage(const absl::Status& problem) {
  absl::MutexLock lock(&mutex_);
  damage_ = problem;
}

std::string Scorer::WhyUnjudged() const {
  absl::MutexLock lock(&mutex_);
  if (damage_.ok()) return "no trained bundle is promoted; run `mannequin train start` and promote its bundle";
  return absl::StrCat("the promoted bundle cannot be loaded: ", damage_.message(),
                      "; promote another one, e.g. by `mannequin models rollback`");
}

std::shared_ptr<const ScorerModel> Scorer::model() const {
  absl::MutexLock lock(&mutex_);
  return model_;
}

void Scorer::Stop() {
  decoder_.Stop();
  batcher_.Stop();
}

Scorer::Draft Scorer::Begin(const Listing& listing, std::optional<v1::Verdict>& known) {
  Draft draft;
  draft.started = clock_.Steady();
  draft.question.model = model();
  draft.verdict.set_product_id(listing.product.id());
  draft.verdict.set_image_sha256(Sha256Hex(listing.image));
  draft.verdict.set_rules_version(RulesVersion(listing.policy));
  const ScorerModel* current = draft.question.model.get();
  if (current == nullptr) return draft;
  draft.verdict.set_bundle_version(current->manifest.version());
  // What is not judged for want of networks would be judged a moment later.
  if (!current->gan || !cache_.enabled()) return draft;
  draft.cache_key = VerdictKey(listing.product, draft.verdict.image_sha256(),
                               {current->manifest.version(), draft.verdict.rules_version()});
  if (listing.fresh) return draft;
  known = cache_.Find(draft.cache_key);
  if (!known) return draft;
  known->set_product_id(listing.product.id());
  Stamp(draft.started, *known);
  return draft;
}

std::string Scorer::Obstacle(const v1::Product& product, Draft& draft) const {
  const ScorerModel* current = draft.question.model.get();
  if (current == nullptr || !current->gan) {
    return WhyUnjudged();
  }
  const std::string leaf = LeafCategory(product);
  if (leaf.empty()) return "the product has no category";
  draft.listed = {current->gan->CategoryIndex(leaf),
                  current->gan->ColorIndex(ListedColor(product)),
                  {product.category_path().begin(), product.category_path().end()}};
  if (draft.listed.category < 0) {
    return absl::StrCat("category \"", leaf, "\" is not known to bundle ", current->manifest.version());
  }
  absl::StatusOr<EncodedText> text = current->text->Encode(ProductText(product));
  if (!text.ok()) return absl::StrCat("text: ", text.status().message());
  draft.question.text = std::move(text->values);
  return "";
}

absl::StatusOr<Scorer::Draft> Scorer::Prepare(const Listing& listing, Draft draft) const {
  const ScorerModel* current = draft.question.model.get();
  const absl::StatusOr<ImageHeader> header = ReadImageHeader(listing.image);
  if (!header.ok()) return Prefixed(header.status());
  const int side = current != nullptr && current->gan ? current->gan->judged_side() : kDefaultResolution;
  const absl::StatusOr<Pixels> pixels = DecodeForMeasures(listing.image, *header, side);
  if (!pixels.ok()) return Prefixed(pixels.status());
  draft.measures = ReadPictureMeasures(listing.image, *header, *pixels);
  draft.policy = listing.policy;
  draft.question.pixels = FitSquare(*pixels, side, true);
  draft.size = {header->width, header->height};

  draft.placeholder = HasGeneratedMark(listing.image) ? "it carries the mark of a generated picture"
                                                      : WhyNotAvailable(WithoutBars(draft.question.pixels, draft.size),
                                                                        header->width, header->height);
  const std::string obstacle = Obstacle(listing.product, draft);
  draft.ask = obstacle.empty();
  if (!draft.ask) draft.verdict.set_not_scored_reason(obstacle);
  return draft;
}

absl::StatusOr<std::vector<Judgement>> Scorer::Ask(std::vector<Question> batch) {
  // A listing that is alone is answered soonest by all cores.
  const bool alone = ++running_ == 1 && batcher_.queued() == 0 && decoder_.queued() == 0;
  const auto done = absl::MakeCleanup([this] { --running_; });
  if (options_.passes > 1) SetCpuThreadsHere(alone ? 0 : ThreadsOfAPass(options_.passes));
  std::vector<Judgement> judgements;
  // A batch that gathered around a promotion holds questions to two bundles.
  for (std::size_t begin = 0; begin < batch.size();) {
    const std::shared_ptr<const ScorerModel> asked = batch[begin].model;
    std::vector<Pixels> images;
    std::vector<std::vector<float>> texts;
    for (; begin < batch.size() && batch[begin].model == asked; ++begin) {
      images.push_back(std::move(batch[begin].pixels));
      texts.push_back(std::move(batch[begin].text));
    }
    scorer_metrics::ObserveBatch(static_cast<double>(images.size()));
    ASSIGN_OR_RETURN(std::vector<Judgement> said, Discriminate(*asked->gan, images, texts));
    judgements.insert(judgements.end(), std::make_move_iterator(said.begin()), std::make_move_iterator(said.end()));
  }
  return judgements;
}

absl::StatusOr<v1::Verdict> Scorer::Conclude(Draft draft, const absl::StatusOr<Judgement>& judgement) {
  v1::Verdict& verdict = draft.verdict;
  Opinion opinion;
  if (draft.ask) {
    RETURN_IF_ERROR(judgement.status());
    ASSIGN_OR_RETURN(opinion, Judge(draft.question.model->manifest.gan(), draft.listed, *judgement));
    verdict.set_discriminator_logit(judgement->match);
    if (v1::Sight sight = SightOf(draft.question.model->manifest.gan(), *judgement); sight.ByteSizeLong() > 0) {
      *verdict.mutable_sight() = std::move(sight);
    }
    verdict.set_picture_vector(PictureVector(judgement->place));
  } else {
    opinion.kind = v1::VERDICT_KIND_NOT_SCORED;
  }
  AddRules(draft.measures, draft.policy, opinion, verdict);
  if (!draft.placeholder.empty()) AddPlaceholder(opinion, draft.placeholder);
  if (!draft.ask && opinion.kind != v1::VERDICT_KIND_NOT_SCORED) {
    // A rule alone found something: what else there may be is still not known.
    verdict.add_degraded(absl::StrCat("by rules alone: ", verdict.not_scored_reason()));
    verdict.clear_not_scored_reason();
  }
  verdict.set_kind(opinion.kind);
  for (const v1::ReasonScore& reason : opinion.reasons) *verdict.add_reasons() = reason;
  if (opinion.overlay_probable) {
    for (const v1::Box& box : OverlayBoxes(*judgement, draft.size)) *verdict.add_overlay_boxes() = box;
  }
  Stamp(draft.started, verdict);
  // What is degraded so far is so of picture, listing and bundle, and would be again; what a neighbour that is
  // down leaves out is added to each answer after this.
  if (!draft.cache_key.empty()) cache_.Put(draft.cache_key, verdict);
  return std::move(verdict);
}

void Scorer::Stamp(absl::Time started, v1::Verdict& verdict) const {
  const absl::Time now = clock_.Now();
  verdict.mutable_scored_at()->set_seconds(absl::ToUnixSeconds(now));
  verdict.mutable_scored_at()->set_nanos(static_cast<int>(absl::ToUnixNanos(now) % 1'000'000'000));
  verdict.set_milliseconds(absl::ToDoubleMilliseconds(clock_.Steady() - started));
  scorer_metrics::CountVerdict(verdict);
}

absl::StatusOr<v1::Verdict> Scorer::Score(const Listing& listing, const Waiter& waiter) {
  // Nobody waits for what comes too late: not even looked at.
  if (waiter.deadline <= SteadyNow())
    return absl::DeadlineExceededError("the deadline passed before the listing was looked at");
  std::optional<v1::Verdict> known;
  Draft begun = Begin(listing, known);
  if (known) return *std::move(known);
  ASSIGN_OR_RETURN(const Admission::Ticket ticket, admission_.Admit(waiter.deadline));
  ASSIGN_OR_RETURN(Draft draft, decoder_.Run({&listing, std::move(begun)}, waiter));
  absl::StatusOr<Judgement> judgement = absl::InternalError("not asked");
  if (draft.ask) {
    scorer_metrics::SetQueued(batcher_.queued());
    judgement =
        batcher_.Run({draft.question.model, std::move(draft.question.pixels), std::move(draft.question.text)}, waiter);
  }
  return Conclude(std::move(draft), judgement);
}

std::vector<absl::StatusOr<v1::Verdict>> Scorer::ScoreAll(const std::vector<Listing>& listings,
                                                          const std::vector<Waiter>& waiters) {
  std::vector<absl::StatusOr<v1::Verdict>> verdicts(listings.size(), absl::InternalError("not judged"));
  const auto waiter = [&](std::size_t i) { return waiters.size() == 1 ? waiters[0] : waiters[i]; };

  std::vector<std::size_t> decoded, asked;  // which listings
  std::vector<std::pair<Undecoded, Waiter>> undecoded;
  for (std::size_t i = 0; i < listings.size(); ++i) {
    std::optional<v1::Verdict> known;
    Draft draft = Begin(listings[i], known);
    if (known) {
      verdicts[i] = *std::move(known);
    } else {
      decoded.push_back(i);
      undecoded.emplace_back(Undecoded{&listings[i], std::move(draft)}, waiter(i));
    }
  }
  std::vector<absl::StatusOr<Draft>> drafts = decoder_.RunAll(std::move(undecoded));

  std::vector<std::pair<Question, Waiter>> questions;
  for (std::size_t k = 0; k < drafts.size(); ++k) {
    const std::size_t i = decoded[k];
    if (!drafts[k].ok()) {
      verdicts[i] = drafts[k].status();
    } else if (!drafts[k]->ask) {
      verdicts[i] = Conclude(*std::move(drafts[k]), absl::InternalError("not asked"));
    } else {
      asked.push_back(k);
      Question& question = drafts[k]->question;
      questions.emplace_back(Question{question.model, std::move(question.pixels), std::move(question.text)}, waiter(i));
    }
  }
  const std::vector<absl::StatusOr<Judgement>> judgements = batcher_.RunAll(std::move(questions));
  for (std::size_t q = 0; q < asked.size(); ++q) {
    const std::size_t k = asked[q];
    verdicts[decoded[k]] = Conclude(*std::move(drafts[k]), judgements[q]);
  }
  return verdicts;
}

}  // namespace mannequin
