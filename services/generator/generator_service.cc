#include "services/generator/generator_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/described_product.h"
#include "common/rpc/status.h"
#include "services/generator/generated_image.h"
#include "services/generator/metrics.h"
#include "services/generator/review.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr int kMaxImages = 64;
constexpr int kDefaultCandidates = 8;

absl::StatusOr<DrawRequest> DrawRequestFrom(const v1::GenerateImagesRequest& request) {
  RETURN_IF_ERROR(CheckDescribed(request.product()));
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
  draw.candidates = request.candidates() > 0 ? request.candidates() : std::max(count, kDefaultCandidates);
  return draw;
}

absl::StatusOr<std::string> MediaTypeFrom(const v1::GenerateImagesRequest& request) {
  const std::string& type = request.media_type();
  if (type.empty()) return std::string("image/png");
  if (type == "image/png" || type == "image/jpeg" || type == "image/webp") return type;
  return absl::InvalidArgumentError(
      absl::StrCat("media_type: \"", type, "\", expected image/png, image/jpeg or image/webp"));
}

}  // namespace

GeneratorService::GeneratorService(ProductStore& store, const config::v1::GeneratorConfig& config)
    : store_(store),
      placeholder_maker_(store, illustrator_),
      follower_(BundleFolder(config.bundles()),
                [this, device = config.device()](const v1::BundleManifest& manifest,
                                                 const std::string& folder) -> absl::Status {
                  ASSIGN_OR_RETURN(std::shared_ptr<const GeneratorModel> model,
                                   LoadGeneratorModel(manifest, folder, device));
                  illustrator_.Use(std::move(model));
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
}

absl::StatusOr<v1::GenerateImagesResponse> GeneratorService::Generate(const v1::GenerateImagesRequest& request) const {
  ASSIGN_OR_RETURN(const DrawRequest draw, DrawRequestFrom(request));
  ASSIGN_OR_RETURN(const std::string media_type, MediaTypeFrom(request));
  ASSIGN_OR_RETURN(const std::vector<Illustration> drawn, illustrator_.Draw({draw}));
  const Illustration& illustration = drawn.front();
  generator_metrics::CountIllustration(illustration);
  v1::GenerateImagesResponse response;
  response.set_bundle_version(illustration.bundle_version);
  response.set_no_image_reason(illustration.no_image_reason);
  for (const Picture& picture : illustration.pictures) {
    v1::GeneratedImage* image = response.add_images();
    ASSIGN_OR_RETURN(*image->mutable_image(),
                     EncodeGenerated(picture, media_type, request.product().id(), illustration.bundle_version));
    image->set_confidence(picture.confidence);
    image->set_seed(picture.seed);
  }
  return response;
}

grpc::Status GeneratorService::GenerateImages(grpc::ServerContext*, const v1::GenerateImagesRequest* request,
                                              v1::GenerateImagesResponse* response) {
  return rpc::Respond(Generate(*request), response);
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

}  // namespace mannequin
