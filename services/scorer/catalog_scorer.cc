#include "services/scorer/catalog_scorer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "common/store/product_share.h"
#include "mannequin/v1/abuse_scorer.pb.h"
#include "services/scorer/kept_verdict.h"
#include "services/scorer/policy.h"

namespace mannequin {
namespace {

// Products in hand at a time: some batches' worth, so that all cores decode while few
// pictures are in memory.
constexpr std::size_t kChunk = 128;

}  // namespace

struct CatalogScorer::Totals {
  absl::Time started;
  std::int64_t scored = 0;
  std::map<v1::VerdictKind, std::int64_t> kinds;

  v1::ScoreCatalogProgress Progress(absl::Time now) const {
    v1::ScoreCatalogProgress progress;
    progress.set_scored(scored);
    progress.set_seconds(absl::ToDoubleSeconds(now - started));
    for (const auto& [kind, listings] : kinds) {
      v1::VerdictCount* count = progress.add_verdicts();
      count->set_kind(kind);
      count->set_listings(listings);
    }
    return progress;
  }
};

CatalogScorer::CatalogScorer(ProductStore& store, Scorer& scorer, int threads, const Clock& clock)
    : store_(store), scorer_(scorer), threads_(threads), clock_(clock) {}

absl::Status CatalogScorer::ScoreSome(const std::vector<v1::Product>& products, const v1::Policy* policy,
                                      Totals& totals) {
  std::vector<absl::StatusOr<v1::GetImageResponse>> images(products.size(), absl::InternalError("not read"));
  const auto read = [&](std::size_t i, std::size_t) {
    v1::GetImageRequest request;
    request.set_product_id(products[i].id());
    images[i] = store_.GetImage(request);
  };
  ParallelFor(products.size(), 1, read, static_cast<std::size_t>(threads_));
  std::vector<Listing> listings;
  std::vector<std::size_t> places;
  v1::PutVerdictsRequest put;
  for (std::size_t i = 0; i < products.size(); ++i) {
    if (images[i].ok()) {
      listings.push_back({products[i], images[i]->image().data(), policy});
      places.push_back(i);
    } else if (IsOfThePicture(images[i].status())) {
      *put.add_verdicts() = NotScored(products[i], "", images[i].status(), clock_.Now());
    } else {
      return images[i].status();
    }
  }
  std::vector<absl::StatusOr<v1::Verdict>> verdicts = scorer_.ScoreAll(listings);
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const v1::Product& product = products[places[i]];
    if (verdicts[i].ok()) {
      AddListing(product, *verdicts[i]);
      *put.add_verdicts() = *std::move(verdicts[i]);
    } else if (IsOfThePicture(verdicts[i].status())) {
      *put.add_verdicts() = NotScored(product, images[places[i]]->image().sha256(), verdicts[i].status(), clock_.Now());
    } else {
      return absl::Status(verdicts[i].status().code(),
                          absl::StrCat(product.id(), ": ", verdicts[i].status().message()));
    }
  }
  RETURN_IF_ERROR(store_.PutVerdicts(put).status());
  for (const v1::Verdict& verdict : put.verdicts()) ++totals.kinds[verdict.kind()];
  totals.scored += put.verdicts_size();
  return absl::OkStatus();
}

absl::Status CatalogScorer::Run(const v1::Job& job, JobContext& context) {
  v1::ScoreCatalogRequest request;
  if (!job.spec().UnpackTo(&request)) return absl::InvalidArgumentError("the job's spec is no ScoreCatalogRequest");
  ASSIGN_OR_RETURN(const v1::Policy* policy, PolicyNamed(request.policy()));
  const int parts = std::max(request.parts(), 1);
  const std::shared_ptr<const ScorerModel> model = scorer_.model();
  // A whole catalogue of NOT_SCORED would help nobody.
  if (model == nullptr || !model->gan) {
    return absl::FailedPreconditionError(scorer_.WhyUnjudged());
  }
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store_.GetStatistics({}));
  std::int64_t stored = 0;
  for (const v1::ImageStateCount& count : statistics.image_states()) {
    if (count.state() == v1::IMAGE_STATE_STORED) stored = count.products();
  }
  Totals totals;
  totals.started = clock_.Now();
  std::vector<v1::Product> products;
  const auto flush = [&]() -> absl::Status {
    if (products.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(ScoreSome(products, policy, totals));
    products.clear();
    // Products may come while we scan: never more than everything is done.
    const double share = static_cast<double>(totals.scored) / static_cast<double>(std::max<std::int64_t>(stored, 1));
    context.Report(totals.Progress(clock_.Now()), std::min(share, 1.0));
    return absl::OkStatus();
  };
  v1::ScanProductsRequest scan;
  scan.mutable_filter()->set_image_state(v1::IMAGE_STATE_STORED);
  stored /= parts;
  RETURN_IF_ERROR(store_.ScanProducts(scan, [&](const v1::StoredProduct& product) -> absl::Status {
    if (ShareOf(product.product().id(), parts) != request.part()) return absl::OkStatus();
    if (context.stopping()) return absl::CancelledError("scoring of the catalogue was stopped");
    products.push_back(product.product());
    return products.size() < kChunk ? absl::OkStatus() : flush();
  }));
  RETURN_IF_ERROR(flush());
  context.Report(totals.Progress(clock_.Now()), 1);
  return absl::OkStatus();
}

}  // namespace mannequin
