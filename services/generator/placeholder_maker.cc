#include "services/generator/placeholder_maker.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/store/lacks_image.h"
#include "common/store/product_bounds.h"
#include "services/generator/metrics.h"
#include "services/generator/proposal.h"

namespace mannequin {
namespace {

constexpr std::size_t kProductsAtOnce = 16;
constexpr int kDefaultCandidates = 4;
// Different reasons told apart in the progress; a catalogue may have thousands of
// unknown categories.
constexpr std::size_t kMaxReasons = 100;
constexpr std::size_t kPage = 1000;

absl::Status Stopped() { return absl::CancelledError("making placeholders was stopped"); }

}  // namespace

absl::Status CheckCandidates(int candidates) {
  if (candidates >= 0 && candidates <= 32) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("candidates: ", candidates, ", expected 1 to 32, or 0 for 4"));
}

int CandidatesOf(int candidates) { return candidates > 0 ? candidates : kDefaultCandidates; }

absl::Status CheckMakePlaceholders(const v1::MakePlaceholdersRequest& request) {
  RETURN_IF_ERROR(CheckCandidates(request.candidates()));
  if (request.category_path().empty()) return absl::OkStatus();
  if (!request.product_ids().empty()) {
    return absl::InvalidArgumentError("category_path: given together with product_ids");
  }
  if (request.category_path_size() > kMaxCategoryParts) {
    return absl::InvalidArgumentError(
        absl::StrCat("category_path: ", request.category_path_size(), " parts, expected at most ", kMaxCategoryParts));
  }
  for (const std::string& part : request.category_path()) {
    if (part.size() <= kMaxCategoryPartBytes) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("category_path: a part of ", part.size(), " bytes, expected at most ", kMaxCategoryPartBytes));
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
  if (work.context.stopping()) return Stopped();
  ++work.considered;
  const bool named = work.request.product_ids_size() > 0;
  if (!named && !LacksImage(product.image().state())) return absl::OkStatus();
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
    request.candidates = CandidatesOf(work.request.candidates());
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
  ASSIGN_OR_RETURN(v1::PutPlaceholderRequest put, ProposalOf(wanted.product.id(), illustration));
  put.set_expected_state(wanted.replaces);
  put.set_must_be_new(wanted.replaces == v1::PLACEHOLDER_STATE_UNSPECIFIED);
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
  RETURN_IF_ERROR(work.request.product_ids().empty() ? ConsiderAll(work) : ConsiderNamed(work));
  RETURN_IF_ERROR(DrawWanted(work));
  work.Report(clock_.Now(), 1);
  return absl::OkStatus();
}

absl::Status PlaceholderMaker::ConsiderNamed(Work& work) {
  const int ids = work.request.product_ids_size();
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
  return absl::OkStatus();
}

absl::Status PlaceholderMaker::ConsiderAll(Work& work) {
  const auto scan = [&](v1::ImageState state, const std::function<absl::Status(const v1::StoredProduct&)>& visit) {
    v1::ScanProductsRequest request;
    request.mutable_filter()->set_image_state(state);
    *request.mutable_filter()->mutable_category_path() = work.request.category_path();
    return store_.ScanProducts(request, visit);
  };
  // How many there are: of all the store keeps count, those of a category are counted here.
  work.to_consider = 0;
  if (work.request.category_path().empty()) {
    ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store_.GetStatistics({}));
    for (const v1::ImageStateCount& count : statistics.image_states()) {
      if (LacksImage(count.state())) work.to_consider += count.products();
    }
  } else {
    for (const v1::ImageState state : kLackingImage) {
      RETURN_IF_ERROR(scan(state, [&](const v1::StoredProduct&) -> absl::Status {
        ++work.to_consider;
        return work.context.stopping() ? Stopped() : absl::OkStatus();
      }));
    }
  }
  work.to_consider = std::max<std::int64_t>(1, work.to_consider);
  for (const v1::ImageState state : kLackingImage) {
    RETURN_IF_ERROR(scan(state, [&](const v1::StoredProduct& product) { return Consider(product, work); }));
  }
  return absl::OkStatus();
}

}  // namespace mannequin
