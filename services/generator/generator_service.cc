#include "services/generator/generator_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/model/described_product.h"
#include "common/rpc/status.h"
#include "services/generator/category_card.h"
#include "services/generator/generated_image.h"
#include "services/generator/metrics.h"
#include "services/generator/redraw.h"
#include "services/generator/review.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr int kMaxImages = 64;
constexpr int kDefaultCandidates = 8;
constexpr int kMinSize = 16;
constexpr int kMaxSize = 1024;
constexpr int kCardSize = 256;
constexpr std::size_t kMaxBytes = 30 << 20;  // what a server sends at most, less the rest of a response

int OrDefault(int value, int otherwise) { return value > 0 ? value : otherwise; }

// "toward.title: ..." instead of "product.title: ...".
absl::Status CheckToward(const v1::GenerateImagesRequest& request) {
  if (!request.has_toward()) {
    if (request.toward_weight() == 0) return absl::OkStatus();
    return absl::InvalidArgumentError("toward_weight: given without toward");
  }
  // Written so that what is not a number fails.
  if (!(request.toward_weight() >= 0 && request.toward_weight() <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("toward_weight: ", request.toward_weight(), ", expected 0 to 1"));
  }
  const absl::Status status = CheckDescribed(request.toward());
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("toward: ", status.message()));
}

absl::StatusOr<DrawRequest> DrawRequestFrom(const v1::GenerateImagesRequest& request) {
  RETURN_IF_ERROR(CheckDescribed(request.product()));
  RETURN_IF_ERROR(CheckToward(request));
  if (request.count() < 0 || request.count() > kMaxImages) {
    return absl::InvalidArgumentError(absl::StrCat("count: ", request.count(), ", expected 1 to 64, or 0 for 1"));
  }
  const int count = std::max(1, request.count());
  if (request.candidates() != 0 && (request.candidates() < count || request.candidates() > kMaxImages)) {
    return absl::InvalidArgumentError(
        absl::StrCat("candidates: ", request.candidates(), ", expected ", count, " to 64, or 0"));
  }
  DrawRequest draw;
  draw.product = &request.product();
  draw.seed = request.seed();
  draw.keep = count;
  draw.candidates = OrDefault(request.candidates(), std::max(count, kDefaultCandidates));
  if (request.has_toward()) draw.toward = &request.toward();
  draw.toward_weight = request.toward_weight();
  draw.include_unconfident = request.include_unconfident();
  return draw;
}

absl::StatusOr<ImageFormat> ImageFormatFrom(const v1::GenerateImagesRequest& request) {
  ImageFormat format;
  const std::string& type = request.media_type();
  if (!type.empty() && type != "image/png" && type != "image/jpeg" && type != "image/webp") {
    return absl::InvalidArgumentError(
        absl::StrCat("media_type: \"", type, "\", expected image/png, image/jpeg or image/webp"));
  }
  if (!type.empty()) format.media_type = type;
  if (request.size() != 0 && (request.size() < kMinSize || request.size() > kMaxSize)) {
    return absl::InvalidArgumentError(absl::StrCat("size: ", request.size(), ", expected ", kMinSize, " to ", kMaxSize,
                                                   ", or 0 for the bundle's resolution"));
  }
  format.size = request.size();
  if (request.quality() < 0 || request.quality() > 100) {
    return absl::InvalidArgumentError(absl::StrCat("quality: ", request.quality(), ", expected 1 to 100, or 0 for 90"));
  }
  format.quality = OrDefault(request.quality(), 90);
  return format;
}

absl::StatusOr<std::string> LanguageFrom(const v1::GenerateImagesRequest& request) {
  const std::string language = request.language().empty() ? "en" : request.language();
  if (HasCardLanguage(language)) return language;
  return absl::InvalidArgumentError(absl::StrCat("language: \"", language, "\", expected en or ko"));
}

absl::Time DeadlineOf(const grpc::ServerContext& context) { return SteadyTimeOf(absl::FromChrono(context.deadline())); }

}  // namespace

GeneratorService::GeneratorService(ProductStore& store, const config::v1::GeneratorConfig& config)
    : store_(store),
      bundles_(config.bundles()),
      device_(config.device()),
      models_(OrDefault(config.warm_bundles(), 2), [this](const std::string& version) { return LoadVersion(version); }),
      illustrator_({.max_pictures = kMaxImages, .max_queue = OrDefault(config.max_queue(), 256)}),
      placeholder_maker_(store, models_),
      follower_(bundles_,
                [this](const v1::BundleManifest& manifest, const std::string& folder) -> absl::Status {
                  WarmModels::Model model = models_.Find(manifest.version());
                  if (model == nullptr) {
                    ASSIGN_OR_RETURN(model, LoadGeneratorModel(manifest, folder, device_));
                  }
                  models_.Promote(std::move(model));
                  spdlog::info("drawing with bundle {}", manifest.version());
                  return absl::OkStatus();
                }),
      worker_(store, "generator", {v1::JOB_KIND_MAKE_PLACEHOLDERS}, [this](const v1::Job& job, JobContext& context) {
        // A bundle promoted just now is used now; a damaged one is the follower's to report.
        (void)follower_.Check();
        return placeholder_maker_.Run(job, context);
      }) {}

GeneratorService::~GeneratorService() { Stop(); }

void GeneratorService::Start() {
  follower_.Start();
  worker_.Start();
}

void GeneratorService::Stop() {
  worker_.Stop();
  follower_.Stop();
  illustrator_.Stop();
}

absl::StatusOr<std::shared_ptr<const GeneratorModel>> GeneratorService::LoadVersion(const std::string& version) const {
  ASSIGN_OR_RETURN(const v1::BundleManifest manifest, bundles_.Open(version));
  spdlog::info("loading bundle {}, which a request names", version);
  return LoadGeneratorModel(manifest, bundles_.FolderOf(version), device_);
}

absl::StatusOr<v1::GenerateImagesResponse> GeneratorService::Generate(const v1::GenerateImagesRequest& request,
                                                                      absl::Time deadline) {
  ASSIGN_OR_RETURN(const DrawRequest draw, DrawRequestFrom(request));
  ASSIGN_OR_RETURN(ImageFormat format, ImageFormatFrom(request));
  ASSIGN_OR_RETURN(const std::string language, LanguageFrom(request));
  ASSIGN_OR_RETURN(WarmModels::Model model, models_.Get(request.bundle_version()));
  ASSIGN_OR_RETURN(const Illustration illustration, illustrator_.Draw(std::move(model), draw, deadline));
  generator_metrics::CountIllustration(illustration);
  v1::GenerateImagesResponse response;
  response.set_bundle_version(illustration.bundle_version);
  response.set_no_image_reason(illustration.no_image_reason);
  Provenance provenance{.product_id = request.product().id(),
                        .bundle_version = illustration.bundle_version,
                        .seed = 0,
                        .category_card = false};
  std::size_t bytes = 0;
  for (const Picture& picture : illustration.pictures) {
    v1::GeneratedImage* image = response.add_images();
    provenance.seed = picture.seed;
    ASSIGN_OR_RETURN(*image->mutable_image(), EncodeGenerated(picture.pixels, format, provenance));
    bytes += image->image().data().size();
    if (bytes > kMaxBytes) {
      return absl::InvalidArgumentError(absl::StrCat("size: ", format.size, ": ", illustration.pictures.size(),
                                                     " pictures of it are over 30 MiB; ask for fewer, for a smaller "
                                                     "size, or for image/jpeg"));
    }
    image->set_confidence(picture.confidence);
    image->set_seed(picture.seed);
  }
  if (response.images().empty() && request.category_card()) {
    provenance.category_card = true;
    format.size = OrDefault(format.size, kCardSize);
    ASSIGN_OR_RETURN(const Pixels card, CategoryCard(LeafCategory(Judged(draw)), language, format.size));
    ASSIGN_OR_RETURN(*response.mutable_category_card(), EncodeGenerated(card, format, provenance));
    generator_metrics::CountCard();
  }
  return response;
}

grpc::Status GeneratorService::GenerateImages(grpc::ServerContext* context, const v1::GenerateImagesRequest* request,
                                              v1::GenerateImagesResponse* response) {
  return rpc::Respond(Generate(*request, DeadlineOf(*context)), response);
}

grpc::Status GeneratorService::MakePlaceholders(grpc::ServerContext*, const v1::MakePlaceholdersRequest* request,
                                                v1::MakePlaceholdersResponse* response) {
  if (const absl::Status status = CheckMakePlaceholders(*request); !status.ok()) return rpc::ToGrpc(status);
  v1::CreateJobRequest create;
  create.set_kind(v1::JOB_KIND_MAKE_PLACEHOLDERS);
  create.mutable_spec()->PackFrom(*request);
  absl::StatusOr<v1::CreateJobResponse> created = store_.CreateJob(create);
  if (!created.ok()) return rpc::ToGrpc(created.status());
  worker_.Wake();
  *response->mutable_job() = std::move(*created->mutable_job());
  return grpc::Status::OK;
}

grpc::Status GeneratorService::ListPlaceholderQueue(grpc::ServerContext*,
                                                    const v1::ListPlaceholderQueueRequest* request,
                                                    v1::ListPlaceholderQueueResponse* response) {
  v1::ListPlaceholdersRequest list;
  list.set_state(request->state() == v1::PLACEHOLDER_STATE_UNSPECIFIED ? v1::PLACEHOLDER_STATE_PROPOSED
                                                                       : request->state());
  list.set_page_size(request->page_size());
  list.set_page_token(request->page_token());
  *list.mutable_category_path() = request->category_path();
  list.set_min_confidence(request->min_confidence());
  absl::StatusOr<v1::ListPlaceholdersResponse> listed = store_.ListPlaceholders(list);
  if (!listed.ok()) return rpc::ToGrpc(listed.status());
  *response->mutable_placeholders() = std::move(*listed->mutable_placeholders());
  response->set_next_page_token(listed->next_page_token());
  return grpc::Status::OK;
}

grpc::Status GeneratorService::ReviewPlaceholder(grpc::ServerContext*, const v1::ReviewPlaceholderRequest* request,
                                                 v1::ReviewPlaceholderResponse* response) {
  return rpc::Respond(Review(store_, *request), response);
}

grpc::Status GeneratorService::ApprovePlaceholders(grpc::ServerContext* context,
                                                   const v1::ApprovePlaceholdersRequest* request,
                                                   v1::ApprovePlaceholdersResponse* response) {
  return rpc::Respond(ApproveAll(store_, *request, [context] { return context->IsCancelled(); }), response);
}

grpc::Status GeneratorService::RedrawPlaceholder(grpc::ServerContext* context,
                                                 const v1::RedrawPlaceholderRequest* request,
                                                 v1::RedrawPlaceholderResponse* response) {
  const auto draw = [&](const DrawRequest& wanted) -> absl::StatusOr<Illustration> {
    ASSIGN_OR_RETURN(WarmModels::Model model, models_.Get(""));
    return illustrator_.Draw(std::move(model), wanted, DeadlineOf(*context));
  };
  return rpc::Respond(Redraw(store_, Clock::Real(), draw, *request), response);
}

grpc::Status GeneratorService::WithdrawPlaceholder(grpc::ServerContext*, const v1::WithdrawPlaceholderRequest* request,
                                                   v1::WithdrawPlaceholderResponse* response) {
  return rpc::Respond(Withdraw(store_, *request), response);
}

}  // namespace mannequin
