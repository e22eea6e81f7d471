// The fetcher's RPCs (proto/mannequin/v1/image_fetcher.proto) over a store, and the
// worker that runs crawls.
//
//   RETURN_IF_ERROR(FetcherService::Validate(config));
//   FetcherService fetcher(store, config);
//   fetcher.Start();                       // from now on queued crawls run
//   ... serve it with rpc::Server ...
//   fetcher.Stop();                        // a crawl that runs goes back to the queue
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "common/store/product_store.h"
#include "grpcpp/server_context.h"
#include "mannequin/config/v1/config.pb.h"
#include "mannequin/v1/image_fetcher.grpc.pb.h"

namespace mannequin {

// Thread-safe. InitImages() must have been called.
class FetcherService final : public v1::ImageFetcher::Service {
 public:
  // INVALID_ARGUMENT names the field that is out of its range.
  static absl::Status Validate(const config::v1::FetcherConfig& config);

  // `config` must have passed Validate(). `store` must outlive the service.
  FetcherService(ProductStore& store, const config::v1::FetcherConfig& config);
  ~FetcherService() override;

  void Start();
  // Streams of WatchCrawl end with UNAVAILABLE. Idempotent.
  void Stop();

  grpc::Status StartCrawl(grpc::ServerContext* context, const v1::StartCrawlRequest* request,
                          v1::StartCrawlResponse* response) override;
  grpc::Status GetCrawl(grpc::ServerContext* context, const v1::GetCrawlRequest* request,
                        v1::GetCrawlResponse* response) override;
  grpc::Status WatchCrawl(grpc::ServerContext* context, const v1::WatchCrawlRequest* request,
                          grpc::ServerWriter<v1::WatchCrawlResponse>* writer) override;
  grpc::Status CancelCrawl(grpc::ServerContext* context, const v1::CancelCrawlRequest* request,
                           v1::CancelCrawlResponse* response) override;
  grpc::Status PauseCrawl(grpc::ServerContext* context, const v1::PauseCrawlRequest* request,
                          v1::PauseCrawlResponse* response) override;
  grpc::Status ResumeCrawl(grpc::ServerContext* context, const v1::ResumeCrawlRequest* request,
                           v1::ResumeCrawlResponse* response) override;
  grpc::Status FetchImage(grpc::ServerContext* context, const v1::FetchImageRequest* request,
                          v1::FetchImageResponse* response) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin
