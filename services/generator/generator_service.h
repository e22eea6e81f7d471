// ImageGenerator over gRPC: the contract in proto/mannequin/v1/image_generator.proto.
//
//   GeneratorService service(store, config);
//   service.Start();
//   ASSIGN_OR_RETURN(auto server, rpc::Server::Start("generator", config.server(), {&service}));
#pragma once

#include "absl/status/statusor.h"
#include "common/model/bundle.h"
#include "common/store/job_worker.h"
#include "common/store/product_store.h"
#include "mannequin/config/v1/config.pb.h"
#include "mannequin/v1/image_generator.grpc.pb.h"
#include "services/generator/illustrator.h"
#include "services/generator/placeholder_maker.h"
#include "services/generator/warm_models.h"

namespace mannequin {

// Thread-safe.
class GeneratorService final : public v1::ImageGenerator::Service {
 public:
  // `store` outlives the service.
  GeneratorService(ProductStore& store, const config::v1::GeneratorConfig& config);
  // Stops.
  ~GeneratorService() override;

  // Loads the promoted bundle, when there is one, and follows later promotions; takes
  // jobs. Bundles that requests name are loaded when they are asked for. A bundle that cannot be loaded is logged, and
  // the one in use stays.
  void Start();
  // Gives a running job back; requests that wait are CANCELLED. Idempotent.
  void Stop();

  grpc::Status GenerateImages(grpc::ServerContext* context, const v1::GenerateImagesRequest* request,
                              v1::GenerateImagesResponse* response) override;
  grpc::Status MakePlaceholders(grpc::ServerContext* context, const v1::MakePlaceholdersRequest* request,
                                v1::MakePlaceholdersResponse* response) override;
  grpc::Status ListPlaceholderQueue(grpc::ServerContext* context, const v1::ListPlaceholderQueueRequest* request,
                                    v1::ListPlaceholderQueueResponse* response) override;
  grpc::Status ReviewPlaceholder(grpc::ServerContext* context, const v1::ReviewPlaceholderRequest* request,
                                 v1::ReviewPlaceholderResponse* response) override;
  grpc::Status ApprovePlaceholders(grpc::ServerContext* context, const v1::ApprovePlaceholdersRequest* request,
                                   v1::ApprovePlaceholdersResponse* response) override;
  grpc::Status RedrawPlaceholder(grpc::ServerContext* context, const v1::RedrawPlaceholderRequest* request,
                                 v1::RedrawPlaceholderResponse* response) override;
  grpc::Status WithdrawPlaceholder(grpc::ServerContext* context, const v1::WithdrawPlaceholderRequest* request,
                                   v1::WithdrawPlaceholderResponse* response) override;

 private:
  absl::StatusOr<v1::GenerateImagesResponse> Generate(const v1::GenerateImagesRequest& request, absl::Time deadline);
  absl::StatusOr<std::shared_ptr<const GeneratorModel>> LoadVersion(const std::string& version) const;

  ProductStore& store_;
  const BundleFolder bundles_;
  const std::string device_;
  WarmModels models_;
  Illustrator illustrator_;
  PlaceholderMaker placeholder_maker_;
  BundleFollower follower_;
  JobWorker worker_;
};

}  // namespace mannequin
