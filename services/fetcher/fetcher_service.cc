#include "services/fetcher/fetcher_service.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/rpc/status.h"
#include "common/store/job_state.h"
#include "common/store/job_worker.h"
#include "google/protobuf/util/time_util.h"
#include "services/fetcher/crawl_options.h"
#include "services/fetcher/single_fetch.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

using google::protobuf::util::TimeUtil;

constexpr absl::Duration kWatchEvery = absl::Milliseconds(500);
constexpr absl::Duration kSingleFetchTimeout = absl::Seconds(30);
constexpr int kSingleFetchConnections = 32;

AddressFilter MakeFilter(const config::v1::FetcherConfig& config) {
  absl::StatusOr<AddressFilter> filter =
      AddressFilter::Create(std::vector<std::string>(config.allow_addresses().begin(), config.allow_addresses().end()));
  if (filter.ok()) return *std::move(filter);
  // Only without Validate(): shut rather than open.
  spdlog::error("{}; nothing is excepted", filter.status().ToString());
  return AddressFilter();
}

}  // namespace

struct FetcherService::Impl {
  Impl(ProductStore& product_store, const config::v1::FetcherConfig& fetcher_config)
      : store(product_store),
        config(fetcher_config),
        filter(MakeFilter(config)),
        defaults(MakeCrawlOptions(config, v1::StartCrawlRequest())),
        engine(filter, SingleFetchOptions()),
        worker(store, "fetcher", {v1::JOB_KIND_CRAWL},
               [this](const v1::Job& job, JobContext& context) { return RunCrawl(job, context); }) {}

  TransferOptions SingleFetchOptions() const {
    TransferOptions options = defaults.transfer;
    options.connections = kSingleFetchConnections;
    options.threads = 1;
    return options;
  }

  ImageCheckOptions SingleFetchCheck() const {
    ImageCheckOptions check = defaults.check;
    check.rendition_sides.clear();
    return check;
  }

  absl::Status RunCrawl(const v1::Job& job, JobContext& context) {
    v1::StartCrawlRequest request;
    if (!job.spec().UnpackTo(&request)) {
      return absl::InvalidArgumentError(absl::StrCat("job ", job.id(), ": spec: expected a StartCrawlRequest"));
    }
    v1::CrawlProgress before;
    if (job.has_progress() && !job.progress().UnpackTo(&before)) before.Clear();
    CrawlOptions options = MakeCrawlOptions(config, request);
    // A worker that was killed may still hold leases under its own name.
    options.worker = absl::StrCat(WorkerName("fetcher"), "/", NewId("crawl-", absl::Now()));
    options.jitter_seed = absl::Uniform<std::uint64_t>(absl::BitGen());
    Crawler crawler(store, filter, std::move(options));
    return crawler.Run(
        before, [&] { return context.stopping(); },
        [&](const v1::CrawlProgress& progress, double done) { context.Report(progress, done); });
  }

  absl::StatusOr<v1::StartCrawlResponse> StartCrawl(const v1::StartCrawlRequest& request) {
    RETURN_IF_ERROR(ValidateRequest(request));
    if (request.retry_failed() != v1::FETCH_FAILURE_UNSPECIFIED) {
      v1::RetryFetchesRequest retry;
      retry.set_failure(request.retry_failed());
      RETURN_IF_ERROR(store.RetryFetches(retry).status());
    }
    if (request.has_refresh_older_than()) {
      v1::RefreshFetchesRequest refresh;
      const std::int64_t age = TimeUtil::DurationToMilliseconds(request.refresh_older_than());
      if (age > 0) {
        *refresh.mutable_fetched_before() =
            TimeUtil::MillisecondsToTimestamp(absl::ToUnixMillis(absl::Now() - absl::Milliseconds(age)));
      }
      RETURN_IF_ERROR(store.RefreshFetches(refresh).status());
    }
    v1::StartCrawlResponse response;
    v1::StartCrawlRequest spec = request;
    for (int part = 0; part < std::max(request.parts(), 1); ++part) {
      spec.set_part(part);
      v1::CreateJobRequest create;
      create.set_kind(v1::JOB_KIND_CRAWL);
      create.mutable_spec()->PackFrom(spec);
      ASSIGN_OR_RETURN(v1::CreateJobResponse created, store.CreateJob(create));
      *response.add_jobs() = std::move(*created.mutable_job());
    }
    worker.Wake();
    *response.mutable_job() = response.jobs(0);
    return response;
  }

  absl::StatusOr<v1::Job> GetCrawl(const std::string& id) {
    v1::GetJobRequest request;
    request.set_id(id);
    ASSIGN_OR_RETURN(v1::GetJobResponse found, store.GetJob(request));
    if (found.job().kind() == v1::JOB_KIND_CRAWL) return found.job();
    return absl::NotFoundError(
        absl::StrCat("job_id: ", id, " is not a crawl but ", v1::JobKind_Name(found.job().kind())));
  }

  absl::StatusOr<v1::Job> CancelCrawl(const std::string& id) {
    RETURN_IF_ERROR(GetCrawl(id).status());
    v1::CancelJobRequest request;
    request.set_id(id);
    ASSIGN_OR_RETURN(v1::CancelJobResponse cancelled, store.CancelJob(request));
    return cancelled.job();
  }

  absl::StatusOr<v1::Job> PauseCrawl(const std::string& id) {
    RETURN_IF_ERROR(GetCrawl(id).status());
    v1::PauseJobRequest request;
    request.set_id(id);
    ASSIGN_OR_RETURN(v1::PauseJobResponse paused, store.PauseJob(request));
    return paused.job();
  }

  absl::StatusOr<v1::Job> ResumeCrawl(const std::string& id) {
    RETURN_IF_ERROR(GetCrawl(id).status());
    v1::ResumeJobRequest request;
    request.set_id(id);
    ASSIGN_OR_RETURN(v1::ResumeJobResponse resumed, store.ResumeJob(request));
    worker.Wake();
    return resumed.job();
  }

  ProductStore& store;
  const config::v1::FetcherConfig config;
  const AddressFilter filter;
  const CrawlOptions defaults;
  TransferEngine engine;  // For FetchImage; each crawl has its own.
  SteadyNotification stopped;
  std::atomic<bool> stop_called{false};
  JobWorker worker;
};

absl::Status FetcherService::Validate(const config::v1::FetcherConfig& config) { return ValidateConfig(config); }

FetcherService::FetcherService(ProductStore& store, const config::v1::FetcherConfig& config)
    : impl_(std::make_unique<Impl>(store, config)) {}

FetcherService::~FetcherService() { Stop(); }

void FetcherService::Start() { impl_->worker.Start(); }

void FetcherService::Stop() {
  if (impl_->stop_called.exchange(true)) return;
  impl_->stopped.Notify();
  impl_->worker.Stop();
  impl_->engine.Stop();
}

grpc::Status FetcherService::StartCrawl(grpc::ServerContext* /*context*/, const v1::StartCrawlRequest* request,
                                        v1::StartCrawlResponse* response) {
  return rpc::Respond(impl_->StartCrawl(*request), response);
}

grpc::Status FetcherService::GetCrawl(grpc::ServerContext* /*context*/, const v1::GetCrawlRequest* request,
                                      v1::GetCrawlResponse* response) {
  return rpc::Respond(impl_->GetCrawl(request->job_id()), response->mutable_job());
}

grpc::Status FetcherService::WatchCrawl(grpc::ServerContext* context, const v1::WatchCrawlRequest* request,
                                        grpc::ServerWriter<v1::WatchCrawlResponse>* writer) {
  while (!context->IsCancelled()) {
    absl::StatusOr<v1::Job> job = impl_->GetCrawl(request->job_id());
    if (!job.ok()) return rpc::ToGrpc(job.status());
    const bool ended = HasEnded(job->state());
    v1::WatchCrawlResponse response;
    *response.mutable_job() = *std::move(job);
    if (!writer->Write(response) || ended) return grpc::Status::OK;
    if (impl_->stopped.WaitFor(kWatchEvery)) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the fetcher stops; the crawl goes on elsewhere: watch again");
    }
  }
  return grpc::Status::CANCELLED;
}

grpc::Status FetcherService::CancelCrawl(grpc::ServerContext* /*context*/, const v1::CancelCrawlRequest* request,
                                         v1::CancelCrawlResponse* response) {
  return rpc::Respond(impl_->CancelCrawl(request->job_id()), response->mutable_job());
}

grpc::Status FetcherService::PauseCrawl(grpc::ServerContext* /*context*/, const v1::PauseCrawlRequest* request,
                                        v1::PauseCrawlResponse* response) {
  return rpc::Respond(impl_->PauseCrawl(request->job_id()), response->mutable_job());
}

grpc::Status FetcherService::ResumeCrawl(grpc::ServerContext* /*context*/, const v1::ResumeCrawlRequest* request,
                                         v1::ResumeCrawlResponse* response) {
  return rpc::Respond(impl_->ResumeCrawl(request->job_id()), response->mutable_job());
}

grpc::Status FetcherService::FetchImage(grpc::ServerContext* context, const v1::FetchImageRequest* request,
                                        v1::FetchImageResponse* response) {
  const absl::Duration left = absl::FromChrono(context->deadline()) - WallNow();
  const absl::Duration timeout = std::clamp(left, absl::Milliseconds(1), kSingleFetchTimeout);
  return rpc::Respond(FetchOne(impl_->engine, request->url(), impl_->SingleFetchCheck(), timeout),
                      response->mutable_image());
}

}  // namespace mannequin
