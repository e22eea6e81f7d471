#include "services/scorer/scorer_service.h"

#include <algorithm>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/call_ids.h"
#include "common/base/check_range.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/model/described_product.h"
#include "common/nn/device.h"
#include "common/rpc/channel.h"
#include "common/rpc/retry_after.h"
#include "common/rpc/status.h"
#include "common/store/product_share.h"
#include "services/scorer/kept_verdict.h"
#include "services/scorer/policy.h"
#include "services/scorer/reviews.h"
#include "services/scorer/window.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

int OrDefault(int value, int otherwise) { return value > 0 ? value : otherwise; }

// A GPU does one at a time best; cores are shared out among few.
int PassesOn(const std::string& device) {
  const bool cpu = device == "cpu" || (device.empty() && CudaDevices() == 0);
  return cpu ? static_cast<int>(std::min<std::size_t>(Cores(), 4)) : 1;
}

ScorerOptions OptionsFrom(const config::v1::ScorerConfig& config) {
  return {.max_batch = OrDefault(config.max_batch(), 32),
          .max_queue = OrDefault(config.max_queue(), 256),
          .threads = static_cast<int>(Cores()),
          .cache = config.cache_verdicts() == 0 ? 10'000 : std::max(0, config.cache_verdicts()),
          .passes = PassesOn(config.device())};
}

Urgency UrgencyOf(v1::ScorePriority priority, Urgency otherwise) {
  switch (priority) {
    case v1::SCORE_PRIORITY_LISTING:
      return Urgency::kUrgent;
    case v1::SCORE_PRIORITY_BULK:
      return Urgency::kBulk;
    default:
      return otherwise;
  }
}

// The port listens before the bundle is loaded: NOT_SCORED for want of it would be false.
absl::Status CheckStarted(bool started) {
  return started ? absl::OkStatus() : absl::UnavailableError("the scorer loads its bundle; try again in a moment");
}

// The caller of an RPC: for as long as its handler runs.
Waiter WaiterOf(grpc::ServerContext& context, Urgency urgency) {
  return {.deadline = SteadyTimeOf(absl::FromChrono(context.deadline())), .urgency = urgency, .gone = [&context] {
            return context.IsCancelled();
          }};
}

// Calls `visit(i)` for 0 to `n`: eight at a time when one of them waits for a neighbour (the store, a picture by its
// address, evidence), else here.
template <typename Waits, typename Visit>
void ForEachAtOnce(std::size_t n, const Waits& waits, const Visit& visit) {
  constexpr std::size_t kAtOnce = 8;
  bool some_wait = false;
  for (std::size_t i = 0; i < n && !some_wait; ++i) some_wait = waits(i);
  ParallelFor(
      n, some_wait ? 1 : std::max<std::size_t>(n, 1),
      [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) visit(i);
      },
      kAtOnce);
}

}  // namespace

ScorerService::ScorerService(ProductStore& store, const config::v1::ScorerConfig& config)
    : store_(store),
      max_batch_(OptionsFrom(config).max_batch),
      scorer_(OptionsFrom(config)),
      fetcher_("fetcher", config.fetcher(), config.client()),
      evidence_(store, /*embedder=*/""),
      catalog_scorer_(store, scorer_, static_cast<int>(Cores())),
      replayer_(store, scorer_, BundleFolder(config.bundles()), config.device()),
      follower_(
          BundleFolder(config.bundles()),
          [this, device = config.device()](const v1::BundleManifest& manifest,
                                           const std::string& folder) -> absl::Status {
            ASSIGN_OR_RETURN(std::shared_ptr<const ScorerModel> model, LoadScorerModel(manifest, folder, device));
            RETURN_IF_ERROR(WarmUp(*model, max_batch_, ThreadsOfAPass(PassesOn(device))));
            scorer_.Use(std::move(model));
            evidence_.pictures().Follow(manifest.version());
            spdlog::info("scoring with bundle {}", manifest.version());
            return absl::OkStatus();
          },
          [this](const absl::Status& problem) { scorer_.RememberDamage(problem); }),
      worker_(store, "scorer", {v1::JOB_KIND_SCORE_CATALOG}, [this](const v1::Job& job, JobContext& context) {
        // A bundle promoted just now is used now; a damaged one is the follower's to report.
        (void)follower_.Check();
        const absl::Status status = catalog_scorer_.Run(job, context);
        evidence_.pictures().Refresh();
        return status;
      }) {
  if (!config.embedder().empty()) {
    evidence_.embedder().Reach(rpc::NewChannel(config.embedder(), config.client()), config.embedder());
  }
}

ScorerService::~ScorerService() { Stop(); }

void ScorerService::Reach(const std::shared_ptr<grpc::Channel>& channel, const std::string& address) {
  fetcher_.Reach(channel, address);
  evidence_.embedder().Reach(channel, address);
}

void ScorerService::Start() {
  evidence_.Start();
  follower_.Start();
  started_ = true;
  worker_.Start();
}

void ScorerService::Stop() {
  worker_.Stop();
  follower_.Stop();
  evidence_.Stop();
  scorer_.Stop();
}

absl::Status ScorerService::Resolve(const v1::ScoreListingRequest& request, absl::Time deadline, Subject& subject) {
  RETURN_IF_ERROR(CheckEvidence(request.evidence()));
  subject.keep = request.keep() || request.stored();
  if (subject.keep) RETURN_IF_ERROR(CheckKeptId(request.product()));
  ASSIGN_OR_RETURN(subject.policy, PolicyNamed(request.policy()));
  if (request.source_case() == v1::ScoreListingRequest::kImage) {
    RETURN_IF_ERROR(CheckListing(request.product()));
    subject.product = &request.product();
    subject.image = request.image();
    return absl::OkStatus();
  }
  if (request.source_case() == v1::ScoreListingRequest::kImageUrl) {
    RETURN_IF_ERROR(CheckListing(request.product()));
    ASSIGN_OR_RETURN(subject.image_from_url, FetchImageUrl(fetcher_, request.image_url(), deadline));
    subject.product = &request.product();
    subject.image = subject.image_from_url.data();
    return absl::OkStatus();
  }
  if (!request.stored()) {
    return absl::InvalidArgumentError("source: set `image`, `image_url`, or `stored` with a product id");
  }
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
                                                              const Waiter& waiter) {
  RETURN_IF_ERROR(CheckStarted(started_));
  Subject subject;
  // What comes from elsewhere is not fetched for a listing that will be refused.
  if (request.source_case() != v1::ScoreListingRequest::kImage) RETURN_IF_ERROR(scorer_.CheckRoom(waiter.deadline));
  RETURN_IF_ERROR(Resolve(request, waiter.deadline, subject));
  v1::ScoreListingResponse response;
  ASSIGN_OR_RETURN(*response.mutable_verdict(),
                   scorer_.Score({*subject.product, subject.image, subject.policy}, waiter));
  evidence_.Add(*subject.product, request.evidence(), scorer_.model(), waiter.deadline, *response.mutable_verdict());
  if (subject.keep) {
    AddListing(*subject.product, *response.mutable_verdict());
    v1::PutVerdictsRequest put;
    *put.add_verdicts() = response.verdict();
    RETURN_IF_ERROR(KeepVerdicts(store_, put));
  } else {
    response.mutable_verdict()->clear_product_id();
    response.mutable_verdict()->clear_picture_vector();
  }
  return response;
}

std::vector<v1::ScoreListingsResponse> ScorerService::ScoreBatch(const std::vector<v1::ScoreListingsRequest>& requests,
                                                                 const Waiter& stream) {
  std::vector<v1::ScoreListingsResponse> responses(requests.size());
  const auto fail = [&](std::size_t i, const absl::Status& status) {
    responses[i].clear_verdict();
    responses[i].set_error_code(static_cast<int>(status.code()));
    responses[i].set_error_message(std::string(status.message()));
  };
  std::vector<Subject> subjects(requests.size());
  std::vector<absl::Status> resolved(requests.size());
  ForEachAtOnce(
      requests.size(),
      [&](std::size_t i) { return requests[i].listing().source_case() != v1::ScoreListingRequest::kImage; },
      [&](std::size_t i) { resolved[i] = Resolve(requests[i].listing(), stream.deadline, subjects[i]); });
  std::vector<Listing> listings;
  std::vector<Waiter> waiters;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (resolved[i].ok()) {
      listings.push_back({*subjects[i].product, subjects[i].image, subjects[i].policy});
      waiters.push_back(stream);
      waiters.back().urgency = UrgencyOf(requests[i].listing().priority(), stream.urgency);
      places.push_back(i);
    } else {
      fail(i, resolved[i]);
    }
  }
  std::vector<absl::StatusOr<v1::Verdict>> verdicts = scorer_.ScoreAll(listings, waiters);
  ForEachAtOnce(
      places.size(), [&](std::size_t k) { return requests[places[k]].listing().evidence() > 0; },
      [&](std::size_t k) {
        if (!verdicts[k].ok()) return;
        evidence_.Add(listings[k].product, requests[places[k]].listing().evidence(), scorer_.model(), stream.deadline,
                      *verdicts[k]);
      });
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
      responses[i].mutable_verdict()->clear_picture_vector();
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
  absl::StatusOr<v1::ScoreListingResponse> scored =
      Score(*request, WaiterOf(*context, UrgencyOf(request->priority(), Urgency::kUrgent)));
  rpc::SendRetryAfter(scored.status(), *context);
  return rpc::Respond(std::move(scored), response);
}

grpc::Status ScorerService::ScoreListings(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::ScoreListingsResponse, v1::ScoreListingsRequest>* stream) {
  if (const absl::Status started = CheckStarted(started_); !started.ok()) return rpc::ToGrpc(started);
  const Waiter waiter = WaiterOf(*context, Urgency::kBulk);
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
    for (const v1::ScoreListingsResponse& response : ScoreBatch(batch, waiter)) {
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
  return rpc::Respond(replayer_.Replay(*request, SteadyTimeOf(absl::FromChrono(context->deadline()))), response);
}

grpc::Status ScorerService::SubmitReview(grpc::ServerContext*, const v1::SubmitReviewRequest* request,
                                         v1::SubmitReviewResponse* response) {
  return rpc::Respond(mannequin::SubmitReview(store_, *request), response);
}

grpc::Status ScorerService::ScoreCatalog(grpc::ServerContext*, const v1::ScoreCatalogRequest* request,
                                         v1::ScoreCatalogResponse* response) {
  if (const auto policy = PolicyNamed(request->policy()); !policy.ok()) return rpc::ToGrpc(policy.status());
  if (const absl::Status parts = CheckRange("parts", request->parts(), 0, kMaxShares); !parts.ok()) {
    return rpc::ToGrpc(parts);
  }
  v1::ScoreCatalogRequest spec = *request;
  for (int part = 0; part < std::max(request->parts(), 1); ++part) {
    spec.set_part(part);
    v1::CreateJobRequest create;
    create.set_kind(v1::JOB_KIND_SCORE_CATALOG);
    create.mutable_spec()->PackFrom(spec);
    absl::StatusOr<v1::CreateJobResponse> created = store_.CreateJob(create);
    if (!created.ok()) return rpc::ToGrpc(created.status());
    *response->add_jobs() = std::move(*created->mutable_job());
  }
  worker_.Wake();
  *response->mutable_job() = response->jobs(0);
  return grpc::Status::OK;
}

grpc::Status ScorerService::ListPolicies(grpc::ServerContext*, const v1::ListPoliciesRequest*,
                                         v1::ListPoliciesResponse* response) {
  for (const v1::Policy& policy : Policies()) *response->add_policies() = policy;
  return grpc::Status::OK;
}

}  // namespace mannequin
