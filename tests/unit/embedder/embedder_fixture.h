// A real embedder over a real store, for tests through its RPCs.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "gtest/gtest.h"
#include "services/embedder/embedder_service.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {

// A real server over a real store, with a catalogue of 300 products of three categories.
class EmbedderServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = *MakeTemporaryFolder("embedder");
    config::v1::StoreConfig store_config;
    store_config.set_data(folder_ + "/store");
    store_ = *RocksStore::Open(store_config, Clock::Real());
    std::filesystem::create_directories(folder_ + "/bundles");
    StartService();
  }

  void StartService() {
    config::v1::EmbedderConfig config;
    config.set_bundles(folder_ + "/bundles");
    config.set_index(folder_ + "/index");
    config.mutable_server()->set_listen("127.0.0.1:0");
    service_ = std::make_unique<EmbedderService>(*store_, config);
    server_ = *rpc::Server::Start("embedder", config.server(), {service_.get()});
    service_->Start();
    stub_ = v1::TextEmbedder::NewStub(rpc::NewChannel(server_->address()));
  }

  void StopService() {
    server_->Drain();
    service_->Stop();
    server_.reset();
    service_.reset();
  }

  void TearDown() override {
    StopService();
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void AddProducts() {
    const std::vector<std::vector<std::string>> kinds = {{"Guitars", "acoustic", "strings", "fret", "wooden", "guitar"},
                                                         {"Shoes", "running", "sole", "laces", "leather", "shoe"},
                                                         {"Lamps", "bulb", "desk", "light", "glowing", "lamp"}};
    v1::UpsertProductsRequest request;
    for (int i = 0; i < 300; ++i) {
      const auto& words = kinds[i % 3];
      v1::Product& product = *request.add_products();
      product.set_id(absl::StrCat("P", 1000 + i));
      product.add_category_path(words[0]);
      product.set_brand(i % 2 ? "Acme" : "Corsa");
      product.set_title(absl::StrCat(words[1 + i % 4], " ", words[1 + i / 3 % 4], " ", words[5]));
    }
    ASSERT_TRUE(store_->UpsertProducts(request).ok());
  }

  v1::Job WaitFor(const v1::Job& job) {
    v1::GetJobRequest request;
    request.set_id(job.id());
    for (const absl::Time deadline = absl::Now() + absl::Seconds(60); absl::Now() < deadline;) {
      const auto got = store_->GetJob(request);
      if (got.ok() && got->job().state() != v1::JOB_STATE_QUEUED && got->job().state() != v1::JOB_STATE_RUNNING) {
        return got->job();
      }
      absl::SleepFor(absl::Milliseconds(5));
    }
    ADD_FAILURE() << "job " << job.id() << " did not end";
    return {};
  }

  // Trains and answers the ended job.
  v1::Job Train(const v1::TrainEmbeddingRequest& request = Small()) {
    grpc::ClientContext context;
    v1::TrainEmbeddingResponse response;
    const grpc::Status status = stub_->TrainEmbedding(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return WaitFor(response.job());
  }

  v1::Job EmbedCatalog() {
    grpc::ClientContext context;
    v1::EmbedCatalogResponse response;
    EXPECT_TRUE(stub_->EmbedCatalog(&context, {}, &response).ok());
    return WaitFor(response.job());
  }

  static v1::TrainEmbeddingRequest Small() {
    v1::TrainEmbeddingRequest request;
    request.set_vocabulary_size(400);
    request.set_dimension(24);
    request.set_epochs(15);
    return request;
  }

  grpc::StatusCode Similar(const v1::FindSimilarRequest& request, v1::FindSimilarResponse* response) {
    grpc::ClientContext context;
    return stub_->FindSimilar(&context, request, response).error_code();
  }

  grpc::StatusCode Embed(const std::vector<std::string>& texts, v1::EmbedTextsResponse* response) {
    grpc::ClientContext context;
    v1::EmbedTextsRequest request;
    for (const std::string& text : texts) request.add_texts(text);
    return stub_->EmbedTexts(&context, request, response).error_code();
  }

  std::string folder_;
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<EmbedderService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::TextEmbedder::Stub> stub_;
};

}  // namespace mannequin
