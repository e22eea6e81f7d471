// GeneratorService over a real channel, with a real store and real networks: for the tests of its calls.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "gtest/gtest.h"
#include "services/generator/generator_service.h"
#include "services/store/rocks/rocks_store.h"
#include "tests/unit/model/random_bundle.h"

namespace mannequin {

template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time limit = absl::Now() + absl::Seconds(60);
  while (absl::Now() < limit) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

inline v1::Product Shirt(const std::string& id = "p1", const std::string& category = "Shirts") {
  v1::Product product;
  product.set_id(id);
  product.set_title("Acme blue cotton shirt");
  product.add_category_path("Apparel");
  product.add_category_path(category);
  return product;
}

class ServedGenerator : public testing::Test {
 protected:
  ServedGenerator() : folder_(MakeTemporaryFolder("generator_test").value()), bundles_(folder_ + "/bundles") {
    config::v1::StoreConfig store;
    store.set_data(folder_ + "/store");
    store_ = RocksStore::Open(store, Clock::Real()).value();
  }
  ~ServedGenerator() override {
    if (server_) server_->Drain();
    if (service_) service_->Stop();
    service_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Serve() {
    config::v1::GeneratorConfig config;
    config.set_bundles(bundles_.root());
    config.set_device("cpu");
    service_ = std::make_unique<GeneratorService>(*store_, config);
    config::v1::ServerConfig server;
    server.set_listen("127.0.0.1:0");
    server_ = rpc::Server::Start("generator", server, {service_.get()}).value();
    service_->Start();
    stub_ = v1::ImageGenerator::NewStub(rpc::NewChannel(server_->address()));
  }
  void Serve(const RandomBundleOptions& options) {
    bundle_ = PromoteRandomBundle(bundles_, options).version();
    Serve();
  }

  v1::GenerateImagesRequest Request(const v1::Product& product, std::uint64_t seed, int count = 1) {
    v1::GenerateImagesRequest request;
    *request.mutable_product() = product;
    request.set_seed(seed);
    request.set_count(count);
    return request;
  }
  grpc::Status Generate(const v1::GenerateImagesRequest& request, v1::GenerateImagesResponse* response) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    return stub_->GenerateImages(&context, request, response);
  }
  v1::GenerateImagesResponse MustGenerate(const v1::GenerateImagesRequest& request) {
    v1::GenerateImagesResponse response;
    const grpc::Status status = Generate(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::StatusCode Refusal(const v1::GenerateImagesRequest& request) {
    v1::GenerateImagesResponse response;
    return Generate(request, &response).error_code();
  }

  void Store(const std::vector<v1::Product>& products) {
    v1::UpsertProductsRequest upsert;
    for (const v1::Product& product : products) *upsert.add_products() = product;
    ASSERT_TRUE(store_->UpsertProducts(upsert).ok());
  }
  void StoreImage(const std::string& id) {
    v1::PutImageRequest put;
    put.set_product_id(id);
    put.mutable_image()->set_data("a photograph");
    ASSERT_TRUE(store_->PutImage(put).ok());
  }
  // Runs the job to its end.
  v1::Job MakePlaceholders(const v1::MakePlaceholdersRequest& request = {}) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    v1::MakePlaceholdersResponse response;
    const grpc::Status status = stub_->MakePlaceholders(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    v1::GetJobRequest get;
    get.set_id(response.job().id());
    v1::Job job;
    EXPECT_TRUE(Eventually([&] {
      job = store_->GetJob(get)->job();
      return job.state() != v1::JOB_STATE_QUEUED && job.state() != v1::JOB_STATE_RUNNING;
    }));
    return job;
  }
  const std::string folder_;
  const BundleFolder bundles_;
  std::string bundle_;
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<GeneratorService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ImageGenerator::Stub> stub_;
};

}  // namespace mannequin
