#include "services/generator/placeholder_maker.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "services/generator/generated_image.h"
#include "services/generator/metrics.h"

namespace mannequin {
namespace {

constexpr std::size_t kProductsAtOnce = 16;
constexpr int kDefaultCandidates = 4;
// Different reasons told apart in the progress; a catalogue may have thousands of
// unknown categories.
constexpr std::size_t kMaxReasons = 100;
constexpr std::size_t kPage = 1000;

bool LacksImage(const v1::StoredProduct& product) {
  return product.image().state() == v1::IMAGE_STATE_MISSING || product.image().state() == v1::IMAGE_STATE_FAILED;
}

}  // namespace

absl::Status CheckMakePlaceholders(const v1::MakePlaceholdersRequest& request) {
  if (request.candidates() < 0 || request.candidates() > 32) {
    return absl::InvalidArgumentError(
        absl::StrCat("candidates: ", request.candidates(), ", expected 1 to 32, or 0 for 4"));
  }
  return absl::OkStatus();
}

// A product to draw, and the state of the placeholder that the drawing replaces.
struct PlaceholderMaker::Wanted {
  v1::Product product;
  v1::PlaceholderState replaces = v1::PLACEHOLDER_STATE_UNSPECIFIED;
};

struct PlaceholderMaker::Work {
  v1::MakePlaceholdersRequest request;
  JobContext& context;
  absl::Time started;
  std::int64_t to_consider = 1;
  std::int64_t considered = 0;
  std::int64_t proposed = 0;
  std::map<std::string, std::int64_t> no_image;
  std::vector<Wanted> wanted;

  void NoImage(const std::string& reason) {
    const bool room = no_image.size() < kMaxReasons || no_image.count(reason) > 0;
    ++no_image[room ? reason : "other reasons"];
  }

  void Report(absl::Time now, double done) {
    v1::MakePlaceholdersProgress progress;
    progress.set_proposed(proposed);
    progress.set_seconds(absl::ToDoubleSeconds(now - started));
    for (const auto& [reason, products] : no_image) {
      v1::NoImageCount* count = progress.add_no_image();
      count->set_reason(reason);
      count->set_products(products);
    }
    context.Report(progress, done);
  }
};

PlaceholderMaker::PlaceholderMaker(ProductStore& store, WarmModels& models, const Clock& clock)
    : store_(store), models_(models), clock_(clock) {}

absl::Status PlaceholderMaker::Consider(const v1::StoredProduct& product, Work& work) {
  if (work.context.stopping()) return absl::CancelledError("making placeholders was stopped");
  ++work.considered;
  const bool named = work.request.product_ids_size() > 0;
  if (!named && !LacksImage(product)) return absl::OkStatus();
  if (product.image().state() == v1::IMAGE_STATE_STORED) {
    work.NoImage("the product has an image");
    return absl::OkStatus();
  }
  v1::GetPlaceholderRequest get;
  get.set_product_id(product.product().id());
  const absl::StatusOr<v1::GetPlaceholderResponse> found = store_.GetPlaceholder(get);
  if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
  Wanted wanted{product.product(), v1::PLACEHOLDER_STATE_UNSPECIFIED};
  if (found.ok()) {
    if (!named) return absl::OkStatus();
    wanted.replaces = found->placeholder().state();
    if (wanted.replaces == v1::PLACEHOLDER_STATE_APPROVED) {
      work.NoImage("the product has an approved placeholder");
      return absl::OkStatus();
    }
  }
  work.wanted.push_back(std::move(wanted));
  return work.wanted.size() < kProductsAtOnce ? absl::OkStatus() : DrawWanted(work);
}

absl::Status PlaceholderMaker::DrawWanted(Work& work) {
  if (work.wanted.empty()) return absl::OkStatus();
  std::vector<DrawRequest> requests;
  for (const Wanted& wanted : work.wanted) {
    DrawRequest request;
    request.product = &wanted.product;
    request.seed = ProductSeed(work.request.seed(), wanted.product.id());
    request.candidates = work.request.candidates() > 0 ? work.request.candidates() : kDefaultCandidates;
    requests.push_back(request);
  }
  ASSIGN_OR_RETURN(const WarmModels::Model model, models_.Get(""));
  ASSIGN_OR_RETURN(const std::vector<Illustration> illustrations, DrawAll(*model, requests));
  for (std::size_t i = 0; i < illustrations.size(); ++i) {
    RETURN_IF_ERROR(Propose(work.wanted[i], illustrations[i], work));
  }
  work.wanted.clear();
  const double share = static_cast<double>(work.considered) / static_cast<double>(work.to_consider);
  work.Report(clock_.Now(), std::min(share, 1.0));
  return absl::OkStatus();
}

absl::Status PlaceholderMaker::Propose(const Wanted& wanted, const Illustration& illustration, Work& work) {
  generator_metrics::CountIllustration(illustration);
  if (illustration.pictures.empty()) {
    work.NoImage(illustration.no_image_reason);
    return absl::OkStatus();
  }
  const Picture& best = illustration.pictures.front();
  v1::PutPlaceholderRequest put;
  put.set_expected_state(wanted.replaces);
  v1::Placeholder& placeholder = *put.mutable_placeholder();
  placeholder.set_product_id(wanted.product.id());
  placeholder.set_state(v1::PLACEHOLDER_STATE_PROPOSED);
  placeholder.set_confidence(best.confidence);
  placeholder.set_seed(best.seed);
  placeholder.set_bundle_version(illustration.bundle_version);
  ASSIGN_OR_RETURN(*put.mutable_image(), EncodeGenerated(best.pixels, {},
                                                         {.product_id = wanted.product.id(),
                                                          .bundle_version = illustration.bundle_version,
                                                          .seed = best.seed}));
  const absl::Status stored = store_.PutPlaceholder(put).status();
  // While it was drawn a person reviewed it, a real image arrived or the product went:
  // what happened first stands.
  if (absl::IsFailedPrecondition(stored) || absl::IsNotFound(stored)) {
    work.NoImage("the product changed meanwhile");
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(stored);
  ++work.proposed;
  generator_metrics::CountPlaceholder("proposed");
  return absl::OkStatus();
}

absl::Status PlaceholderMaker::Run(const v1::Job& job, JobContext& context) {
  Work work{.request = {}, .context = context, .started = clock_.Now(), .no_image = {}, .wanted = {}};
  if (!job.spec().UnpackTo(&work.request)) {
    return absl::InvalidArgumentError(absl::StrCat(job.id(), ": its spec is not a MakePlaceholdersRequest"));
  }
  RETURN_IF_ERROR(CheckMakePlaceholders(work.request));
  // Says at once that there is no generator, not after a scan.
  RETURN_IF_ERROR(models_.Get("").status());
  const int ids = work.request.product_ids_size();
  if (ids > 0) {
    work.to_consider = ids;
    for (int begin = 0; begin < ids; begin += static_cast<int>(kPage)) {
      v1::BatchGetProductsRequest get;
      for (int i = begin; i < std::min(ids, begin + static_cast<int>(kPage)); ++i) {
        get.add_ids(work.request.product_ids(i));
      }
      ASSIGN_OR_RETURN(const v1::BatchGetProductsResponse found, store_.BatchGetProducts(get));
      for (int i = 0; i < found.missing_ids_size(); ++i) work.NoImage("there is no such product");
      for (const v1::StoredProduct& product : found.products()) RETURN_IF_ERROR(Consider(product, work));
    }
  } else {
    ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store_.GetStatistics({}));
    work.to_consider = std::max<std::int64_t>(1, statistics.products());
    RETURN_IF_ERROR(store_.ScanProducts(
        {}, [&](const v1::StoredProduct& product) -> absl::Status { return Consider(product, work); }));
  }
  RETURN_IF_ERROR(DrawWanted(work));
  work.Report(clock_.Now(), 1);
  return absl::OkStatus();
}

}  // namespace mannequin
