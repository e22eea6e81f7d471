#include "services/scorer/scorer_service.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "common/model/described_product.h"
#include "common/rpc/status.h"
#include "services/scorer/kept_verdict.h"
#include "services/scorer/reviews.h"
#include "services/scorer/window.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

int OrDefault(int value, int otherwise) { return value > 0 ? value : otherwise; }

ScorerOptions OptionsFrom(const config::v1::ScorerConfig& config) {
  return {.max_batch = OrDefault(config.max_batch(), 32),
          .max_queue = OrDefault(config.max_queue(), 256),
          .threads = static_cast<int>(Cores())};
}

absl::Time DeadlineOf(const grpc::ServerContext& context) { return absl::FromChrono(context.deadline()); }

}  // namespace

ScorerService::ScorerService(ProductStore& store, const config::v1::ScorerConfig& config)
    : store_(store),
      max_batch_(OptionsFrom(config).max_batch),
      scorer_(OptionsFrom(config)),
      catalog_scorer_(store, scorer_, static_cast<int>(Cores())),
      replayer_(store, scorer_, BundleFolder(config.bundles()), config.device()),
      follower_(BundleFolder(config.bundles()),
                [this, device = config.device()](const v1::BundleManifest& manifest,
                                                 const std::string& folder) -> absl::Status {
                  ASSIGN_OR_RETURN(std::shared_ptr<const ScorerModel> model, LoadScorerModel(manifest, folder, device));
                  scorer_.Use(std::move(model));
                  spdlog::info("scoring with bundle {}", manifest.version());
                  return absl::OkStatus();
                }),
      worker_(store, "scorer", {v1::JOB_KIND_SCORE_CATALOG}, [this](const v1::Job& job, JobContext& context) {
        // A bundle promoted just now is used now; a damaged one is the follower's to report.
        (void)follower_.Check();
        return catalog_scorer_.Run(job, context);
      }) {}

ScorerService::~ScorerService() { Stop(); }

void ScorerService::Start() {
  follower_.Start();
  worker_.Start();
}

void ScorerService::Stop() {
  worker_.Stop();
  follower_.Stop();
  scorer_.Stop();
}

absl::Status ScorerService::Resolve(const v1::ScoreListingRequest& request, Subject& subject) {
  subject.keep = request.keep() || request.stored();
  if (subject.keep) RETURN_IF_ERROR(CheckKeptId(request.product()));
  if (request.source_case() == v1::ScoreListingRequest::kImage) {
    RETURN_IF_ERROR(CheckListing(request.product()));
    subject.product = &request.product();
    subject.image = request.image();
    return absl::OkStatus();
  }
  if (!request.stored()) return absl::InvalidArgumentError("source: set `image`, or `stored` with a product id");
  v1::GetProductRequest product;
  product.set_id(request.product().id());
  ASSIGN_OR_RETURN(subject.from_store, store_.GetProduct(product));
  v1::GetImageRequest image;
  image.set_product_id(request.product().id());
  ASSIGN_OR_RETURN(subject.image_from_store, store_.GetImage(image));
  subject.product = &subject.from_store.product().product();
  subject.image = subject.image_from_store.image().data();
  return absl::OkStatus();
}

absl::StatusOr<v1::ScoreListingResponse> ScorerService::Score(const v1::ScoreListingRequest& request,
                                                              absl::Time deadline) {
  Subject subject;
  RETURN_IF_ERROR(Resolve(request, subject));
  v1::ScoreListingResponse response;
  ASSIGN_OR_RETURN(*response.mutable_verdict(), scorer_.Score({*subject.product, subject.image}, deadline));
  if (subject.keep) {
    AddListing(*subject.product, *response.mutable_verdict());
    v1::PutVerdictsRequest put;
    *put.add_verdicts() = response.verdict();
    RETURN_IF_ERROR(KeepVerdicts(store_, put));
  } else {
    response.mutable_verdict()->clear_product_id();
  }
  return response;
}

std::vector<v1::ScoreListingsResponse> ScorerService::ScoreBatch(
    const std::vector<v1::ScoreListingsRequest>& requests) {
  std::vector<v1::ScoreListingsResponse> responses(requests.size());
  const auto fail = [&](std::size_t i, const absl::Status& status) {
    responses[i].clear_verdict();
    responses[i].set_error_code(static_cast<int>(status.code()));
    responses[i].set_error_message(std::string(status.message()));
  };
  std::deque<Subject> subjects;  // a deque keeps the addresses that listings refer to
  std::vector<Listing> listings;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Subject& subject = subjects.emplace_back();
    if (const absl::Status status = Resolve(requests[i].listing(), subject); !status.ok()) {
      fail(i, status);
    } else {
      listings.push_back({*subject.product, subject.image});
      places.push_back(i);
    }
  }
  std::vector<absl::StatusOr<v1::Verdict>> verdicts = scorer_.ScoreAll(listings);
  v1::PutVerdictsRequest put;
  std::vector<std::size_t> kept;
  for (std::size_t k = 0; k < places.size(); ++k) {
    const std::size_t i = places[k];
    if (!verdicts[k].ok()) {
      fail(i, verdicts[k].status());
      continue;
    }
    *responses[i].mutable_verdict() = *std::move(verdicts[k]);
    if (!subjects[i].keep) {
      responses[i].mutable_verdict()->clear_product_id();
      continue;
    }
    AddListing(*subjects[i].product, *responses[i].mutable_verdict());
    *put.add_verdicts() = responses[i].verdict();
    kept.push_back(i);
  }
  if (const absl::Status status = kept.empty() ? absl::OkStatus() : KeepVerdicts(store_, put); !status.ok()) {
    for (const std::size_t i : kept) fail(i, status);
  }
  return responses;
}

grpc::Status ScorerService::ScoreListing(grpc::ServerContext* context, const v1::ScoreListingRequest* request,
                                         v1::ScoreListingResponse* response) {
  return rpc::Respond(Score(*request, DeadlineOf(*context)), response);
}

grpc::Status ScorerService::ScoreListings(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::ScoreListingsResponse, v1::ScoreListingsRequest>* stream) {
  Window<v1::ScoreListingsRequest> window({.max_items = 64, .max_bytes = 64 << 20});
  std::thread reader([&] {
    v1::ScoreListingsRequest request;
    while (stream->Read(&request)) {
      const std::size_t bytes = request.ByteSizeLong();
      if (!window.Put(std::move(request), bytes)) break;
      request.Clear();
    }
    window.Close();
  });
  bool open = true;
  while (open) {
    const std::vector<v1::ScoreListingsRequest> batch = window.Take(static_cast<std::size_t>(max_batch_));
    if (batch.empty()) break;
    for (const v1::ScoreListingsResponse& response : ScoreBatch(batch)) {
      open = open && stream->Write(response);
    }
    open = open && !context->IsCancelled();
  }
  // The client is gone: the reader must not wait for it.
  window.Close();
  if (!open) context->TryCancel();
  reader.join();
  return open ? grpc::Status::OK : grpc::Status(grpc::StatusCode::CANCELLED, "the client ended the stream");
}

grpc::Status ScorerService::ReplayVerdict(grpc::ServerContext* context, const v1::ReplayVerdictRequest* request,
                                          v1::ReplayVerdictResponse* response) {
  return rpc::Respond(replayer_.Replay(*request, DeadlineOf(*context)), response);
}

grpc::Status ScorerService::SubmitReview(grpc::ServerContext*, const v1::SubmitReviewRequest* request,
                                         v1::SubmitReviewResponse* response) {
  return rpc::Respond(mannequin::SubmitReview(store_, *request), response);
}

grpc::Status ScorerService::ScoreCatalog(grpc::ServerContext*, const v1::ScoreCatalogRequest* request,
                                         v1::ScoreCatalogResponse* response) {
  v1::CreateJobRequest create;
  create.set_kind(v1::JOB_KIND_SCORE_CATALOG);
  create.mutable_spec()->PackFrom(*request);
  absl::StatusOr<v1::CreateJobResponse> created = store_.CreateJob(create);
  if (!created.ok()) return rpc::ToGrpc(created.status());
  worker_.Wake();
  *response->mutable_job() = std::move(*created->mutable_job());
  return grpc::Status::OK;
}

}  // namespace mannequin
