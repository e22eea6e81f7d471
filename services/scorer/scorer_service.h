// AbuseScorer over gRPC: the contract in proto/mannequin/v1/abuse_scorer.proto.
//
//   ScorerService service(store, config);
//   service.Start();
//   ASSIGN_OR_RETURN(auto server, rpc::Server::Start("scorer", config.server(), {&service}));
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/model/bundle.h"
#include "common/store/job_worker.h"
#include "common/store/product_store.h"
#include "mannequin/config/v1/config.pb.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "services/scorer/catalog_scorer.h"
#include "services/scorer/evidence.h"
#include "services/scorer/image_url.h"
#include "services/scorer/neighbour_service.h"
#include "services/scorer/replay.h"
#include "services/scorer/scorer.h"

namespace mannequin {

// Thread-safe.
class ScorerService final : public v1::AbuseScorer::Service {
 public:
  // `store` outlives the service. Limits of `config` that are 0 get their defaults.
  ScorerService(ProductStore& store, const config::v1::ScorerConfig& config);
  // Stops.
  ~ScorerService() override;

  // Where one server has all services, it is embedder and fetcher too: in place of the configuration's addresses.
  void Reach(const std::shared_ptr<grpc::Channel>& channel, const std::string& address);
  // Loads the promoted bundle, when there is one, and follows later promotions; takes
  // jobs. A bundle that cannot be loaded is logged, and the one in use stays.
  void Start();
  // Gives a running job back; scores that wait are CANCELLED. Idempotent.
  void Stop();

  grpc::Status ScoreListing(grpc::ServerContext* context, const v1::ScoreListingRequest* request,
                            v1::ScoreListingResponse* response) override;
  grpc::Status ScoreListings(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::ScoreListingsResponse, v1::ScoreListingsRequest>* stream) override;
  grpc::Status ReplayVerdict(grpc::ServerContext* context, const v1::ReplayVerdictRequest* request,
                             v1::ReplayVerdictResponse* response) override;
  grpc::Status SubmitReview(grpc::ServerContext* context, const v1::SubmitReviewRequest* request,
                            v1::SubmitReviewResponse* response) override;
  grpc::Status ScoreCatalog(grpc::ServerContext* context, const v1::ScoreCatalogRequest* request,
                            v1::ScoreCatalogResponse* response) override;
  grpc::Status ListPolicies(grpc::ServerContext* context, const v1::ListPoliciesRequest* request,
                            v1::ListPoliciesResponse* response) override;

 private:
  // A request with the product and picture that it means, from itself or the store.
  struct Subject {
    bool keep = false;
    const v1::Product* product = nullptr;
    absl::string_view image;
    const v1::Policy* policy = nullptr;
    v1::GetProductResponse from_store;
    v1::GetImageResponse image_from_store;
    v1::Image image_from_url;
  };
  absl::Status Resolve(const v1::ScoreListingRequest& request, absl::Time deadline, Subject& subject);
  absl::StatusOr<v1::ScoreListingResponse> Score(const v1::ScoreListingRequest& request, const Waiter& waiter);
  std::vector<v1::ScoreListingsResponse> ScoreBatch(const std::vector<v1::ScoreListingsRequest>& requests,
                                                    const Waiter& stream);

  ProductStore& store_;
  const int max_batch_;
  std::atomic<bool> started_{false};
  Scorer scorer_;
  NeighbourService<v1::ImageFetcher> fetcher_;
  EvidenceFinder evidence_;
  CatalogScorer catalog_scorer_;
  Replayer replayer_;
  BundleFollower follower_;
  JobWorker worker_;
};

}  // namespace mannequin
