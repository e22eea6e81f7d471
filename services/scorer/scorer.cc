#include "services/scorer/scorer.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/image/generated_mark.h"
#include "common/image/not_available.h"
#include "common/model/described_product.h"
#include "services/scorer/metrics.h"
#include "services/scorer/sight.h"

namespace mannequin {
namespace {

// Side at which pictures are checked while no bundle says another.
constexpr int kDefaultResolution = 64;

absl::Status Prefixed(const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("image: ", status.message()));
}

}  // namespace

Scorer::Scorer(const ScorerOptions& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      batcher_({.max_batch = options.max_batch, .max_queue = options.max_queue}, &Scorer::Ask) {}

void Scorer::Use(std::shared_ptr<const ScorerModel> model) {
  absl::MutexLock lock(&mutex_);
  model_ = std::move(model);
}

std::shared_ptr<const ScorerModel> Scorer::model() const {
  absl::MutexLock lock(&mutex_);
  return model_;
}

void Scorer::Stop() { batcher_.Stop(); }

std::string Scorer::Obstacle(const v1::Product& product, Draft& draft) const {
  const ScorerModel* current = draft.question.model.get();
  if (current == nullptr || !current->gan) {
    return "no trained bundle is promoted; run `mannequin train start` and promote its bundle";
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

absl::StatusOr<Scorer::Draft> Scorer::Prepare(const Listing& listing) const {
  Draft draft;
  draft.started = clock_.Now();
  draft.question.model = model();
  const ScorerModel* current = draft.question.model.get();
  const absl::StatusOr<ImageHeader> header = ReadImageHeader(listing.image);
  if (!header.ok()) return Prefixed(header.status());
  DecodeOptions decode;
  decode.resize_to = current != nullptr && current->gan ? current->gan->judged_side() : kDefaultResolution;
  absl::StatusOr<Pixels> pixels = DecodeImage(listing.image, decode);
  if (!pixels.ok()) return Prefixed(pixels.status());
  draft.question.pixels = *std::move(pixels);
  draft.size = {header->width, header->height};

  draft.verdict.set_product_id(listing.product.id());
  draft.verdict.set_image_sha256(Sha256Hex(listing.image));
  if (current != nullptr) draft.verdict.set_bundle_version(current->manifest.version());
  draft.placeholder = HasGeneratedMark(listing.image) ? "it carries the mark of a generated picture"
                                                      : WhyNotAvailable(WithoutBars(draft.question.pixels, draft.size),
                                                                        header->width, header->height);
  const std::string obstacle = Obstacle(listing.product, draft);
  draft.ask = obstacle.empty();
  if (!draft.ask) draft.verdict.set_not_scored_reason(obstacle);
  return draft;
}

absl::StatusOr<std::vector<Judgement>> Scorer::Ask(std::vector<Question> batch) {
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

absl::StatusOr<v1::Verdict> Scorer::Conclude(Draft draft, const absl::StatusOr<Judgement>& judgement) const {
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
  if (!draft.placeholder.empty()) {
    AddPlaceholder(opinion, draft.placeholder);
    verdict.clear_not_scored_reason();
  }
  verdict.set_kind(opinion.kind);
  for (const v1::ReasonScore& reason : opinion.reasons) *verdict.add_reasons() = reason;
  if (opinion.overlay_probable) {
    for (const v1::Box& box : OverlayBoxes(*judgement, draft.size)) *verdict.add_overlay_boxes() = box;
  }
  const absl::Time now = clock_.Now();
  verdict.mutable_scored_at()->set_seconds(absl::ToUnixSeconds(now));
  verdict.mutable_scored_at()->set_nanos(static_cast<int>(absl::ToUnixNanos(now) % 1'000'000'000));
  verdict.set_milliseconds(absl::ToDoubleMilliseconds(now - draft.started));
  scorer_metrics::CountVerdict(verdict);
  return std::move(verdict);
}

absl::StatusOr<v1::Verdict> Scorer::Score(const Listing& listing, absl::Time deadline) {
  // Nobody waits for what comes too late: not even decoded.
  if (deadline <= absl::Now())
    return absl::DeadlineExceededError("the deadline passed before the listing was looked at");
  ASSIGN_OR_RETURN(Draft draft, Prepare(listing));
  absl::StatusOr<Judgement> judgement = absl::InternalError("not asked");
  if (draft.ask) {
    scorer_metrics::SetQueued(batcher_.queued());
    judgement = batcher_.Run({draft.question.model, std::move(draft.question.pixels), std::move(draft.question.text)},
                             deadline);
  }
  return Conclude(std::move(draft), judgement);
}

std::vector<absl::StatusOr<v1::Verdict>> Scorer::ScoreAll(const std::vector<Listing>& listings) {
  std::vector<absl::StatusOr<Draft>> drafts(listings.size(), absl::InternalError("not prepared"));
  ParallelFor(
      listings.size(), 1, [&](std::size_t i, std::size_t) { drafts[i] = Prepare(listings[i]); },
      static_cast<std::size_t>(options_.threads));

  std::vector<absl::StatusOr<Judgement>> judgements(listings.size(), absl::InternalError("not asked"));
  std::vector<std::size_t> asked;
  std::vector<Question> batch;
  const auto flush = [&] {
    absl::StatusOr<std::vector<Judgement>> said = Ask(std::move(batch));
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (said.ok()) {
        judgements[asked[i]] = std::move((*said)[i]);
      } else {
        judgements[asked[i]] = said.status();
      }
    }
    asked.clear();
    batch.clear();
  };
  for (std::size_t i = 0; i < listings.size(); ++i) {
    if (!drafts[i].ok() || !drafts[i]->ask) continue;
    asked.push_back(i);
    batch.push_back(
        {drafts[i]->question.model, std::move(drafts[i]->question.pixels), std::move(drafts[i]->question.text)});
    if (static_cast<int>(batch.size()) == options_.max_batch) flush();
  }
  if (!batch.empty()) flush();

  std::vector<absl::StatusOr<v1::Verdict>> verdicts;
  for (std::size_t i = 0; i < listings.size(); ++i) {
    if (drafts[i].ok()) {
      verdicts.push_back(Conclude(*std::move(drafts[i]), judgements[i]));
    } else {
      verdicts.push_back(drafts[i].status());
    }
  }
  return verdicts;
}

}  // namespace mannequin
