#include "services/embedder/embedder_service.h"

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
#include "services/store/rocks_store.h"

namespace mannequin {
namespace {

// A real server over a real store, with a catalogue of 300 products of three categories.
class EmbedderServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = *MakeTemporaryFolder("embedder");
    config::v1::StoreConfig store_config;
    store_config.set_data(folder_ + "/store");
    store_ = *RocksStore::Open(store_config, Clock::Real());
    std::filesystem::create_directories(folder_ + "/bundles");
    config::v1::EmbedderConfig config;
    config.set_bundles(folder_ + "/bundles");
    config.mutable_server()->set_listen("127.0.0.1:0");
    service_ = std::make_unique<EmbedderService>(*store_, config);
    server_ = *rpc::Server::Start("embedder", config.server(), {service_.get()});
    service_->Start();
    stub_ = v1::TextEmbedder::NewStub(rpc::NewChannel(server_->address()));
  }

  void TearDown() override {
    server_->Drain();
    service_->Stop();
    server_.reset();
    service_.reset();
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

TEST_F(EmbedderServiceTest, SimilarProductsShareTheCategory) {
  AddProducts();
  const v1::Job trained = Train();
  ASSERT_EQ(trained.state(), v1::JOB_STATE_SUCCEEDED) << trained.error();
  v1::TrainEmbeddingProgress progress;
  ASSERT_TRUE(trained.progress().UnpackTo(&progress));
  EXPECT_EQ(progress.products(), 300);
  EXPECT_EQ(progress.epoch(), 15);
  EXPECT_FALSE(progress.bundle_version().empty());

  v1::FindSimilarRequest by_id;
  by_id.set_product_id("P1000");
  by_id.set_count(20);
  v1::FindSimilarResponse found;
  EXPECT_EQ(Similar(by_id, &found), grpc::StatusCode::FAILED_PRECONDITION);  // not embedded yet

  const v1::Job embedded = EmbedCatalog();
  ASSERT_EQ(embedded.state(), v1::JOB_STATE_SUCCEEDED) << embedded.error();
  v1::EmbedCatalogProgress done;
  ASSERT_TRUE(embedded.progress().UnpackTo(&done));
  EXPECT_EQ(done.embedded(), 300);
  EXPECT_EQ(done.skipped(), 0);

  ASSERT_EQ(Similar(by_id, &found), grpc::StatusCode::OK);
  ASSERT_EQ(found.products_size(), 20);
  for (int i = 0; i < found.products_size(); ++i) {
    EXPECT_NE(found.products(i).product_id(), "P1000");
    EXPECT_EQ(found.products(i).category_path(0), "Guitars") << found.products(i).title();
    if (i > 0) {
      EXPECT_LE(found.products(i).cosine(), found.products(i - 1).cosine());
    }
  }
  v1::FindSimilarRequest by_text;
  by_text.set_text("running shoe with leather sole");
  ASSERT_EQ(Similar(by_text, &found), grpc::StatusCode::OK);
  ASSERT_EQ(found.products_size(), 10);
  for (const v1::SimilarProduct& product : found.products()) EXPECT_EQ(product.category_path(0), "Shoes");

  by_id.set_product_id("nobody");
  EXPECT_EQ(Similar(by_id, &found), grpc::StatusCode::NOT_FOUND);
  by_text.set_text("😀");
  EXPECT_EQ(Similar(by_text, &found), grpc::StatusCode::INVALID_ARGUMENT);

  v1::EmbedTextsResponse vectors;
  ASSERT_EQ(Embed({"leather shoe", "😀", "leather shoe"}, &vectors), grpc::StatusCode::OK);
  EXPECT_EQ(vectors.bundle_version(), progress.bundle_version());
  ASSERT_EQ(vectors.vectors_size(), 3);
  EXPECT_EQ(vectors.vectors(0).values_size(), 24);
  EXPECT_EQ(vectors.vectors(0).SerializeAsString(), vectors.vectors(2).SerializeAsString());
  EXPECT_EQ(vectors.vectors(1).values_size(), 0);
  EXPECT_FALSE(vectors.vectors(1).refused_reason().empty());
}

TEST_F(EmbedderServiceTest, BoundsAreNamed) {
  v1::EmbedTextsResponse vectors;
  EXPECT_EQ(Embed({}, &vectors), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Embed(std::vector<std::string>(1001, "x"), &vectors), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Embed({std::string(1 << 20, 'a')}, &vectors), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Embed({"shoe"}, &vectors), grpc::StatusCode::FAILED_PRECONDITION);  // nothing is trained
  v1::FindSimilarRequest similar;
  v1::FindSimilarResponse found;
  EXPECT_EQ(Similar(similar, &found), grpc::StatusCode::INVALID_ARGUMENT);
  similar.set_text("shoe");
  similar.set_count(1001);
  EXPECT_EQ(Similar(similar, &found), grpc::StatusCode::INVALID_ARGUMENT);
  for (const auto& set : std::vector<void (*)(v1::TrainEmbeddingRequest&)>{
           [](v1::TrainEmbeddingRequest& r) { r.set_dimension(7); },
           [](v1::TrainEmbeddingRequest& r) { r.set_vocabulary_size(64'001); },
           [](v1::TrainEmbeddingRequest& r) { r.set_epochs(-1); },
           [](v1::TrainEmbeddingRequest& r) { r.set_window(21); },
           [](v1::TrainEmbeddingRequest& r) { r.set_negative(51); },
           [](v1::TrainEmbeddingRequest& r) { r.set_mode(static_cast<v1::Doc2VecMode>(9)); }}) {
    v1::TrainEmbeddingRequest request;
    set(request);
    grpc::ClientContext context;
    v1::TrainEmbeddingResponse response;
    EXPECT_EQ(stub_->TrainEmbedding(&context, request, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(EmbedderServiceTest, JobsSayWhyTheyFail) {
  const v1::Job trained = Train();
  EXPECT_EQ(trained.state(), v1::JOB_STATE_FAILED);
  EXPECT_NE(trained.error().find("no products"), std::string::npos) << trained.error();
  const v1::Job embedded = EmbedCatalog();
  EXPECT_EQ(embedded.state(), v1::JOB_STATE_FAILED);
  EXPECT_NE(embedded.error().find("embed train"), std::string::npos) << embedded.error();
}

}  // namespace
}  // namespace mannequin
