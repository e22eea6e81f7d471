#include <cmath>

#include "tests/unit/embedder/embedder_fixture.h"

namespace mannequin {
namespace {

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
}

TEST_F(EmbedderServiceTest, TrainingOptionsOutOfBoundsAreNamed) {
  using Request = v1::TrainEmbeddingRequest;
  const std::vector<std::pair<std::string, void (*)(Request&)>> wrong = {
      {"dimension: 7", [](Request& r) { r.set_dimension(7); }},
      {"vocabulary_size: 64001", [](Request& r) { r.set_vocabulary_size(64'001); }},
      {"vocabulary_size: 299", [](Request& r) { r.set_vocabulary_size(299); }},
      {"epochs: -1", [](Request& r) { r.set_epochs(-1); }},
      {"window: 21", [](Request& r) { r.set_window(21); }},
      {"negative: 51", [](Request& r) { r.set_negative(51); }},
      {"min_count: 1001", [](Request& r) { r.set_min_count(1'001); }},
      {"sample: 1.5", [](Request& r) { r.set_sample(1.5); }},
      {"sample: nan", [](Request& r) { r.set_sample(std::nan("")); }},
      {"learning_rate: -1", [](Request& r) { r.set_learning_rate(-1); }},
      {"learning_rate: 1e-60", [](Request& r) { r.set_learning_rate(1e-60); }},
      {"min_learning_rate: 0.5", [](Request& r) { r.set_min_learning_rate(0.5); }},
      {"mode: 9", [](Request& r) { r.set_mode(static_cast<v1::Doc2VecMode>(9)); }},
      {"objective: 9", [](Request& r) { r.set_objective(static_cast<v1::Doc2VecObjective>(9)); }},
      {"tokenizer: 9", [](Request& r) { r.set_tokenizer(static_cast<v1::TokenizerKind>(9)); }},
      {"vector: 9", [](Request& r) { r.set_vector(static_cast<v1::VectorKind>(9)); }},
  };
  for (const auto& [words, set] : wrong) {
    Request request;
    set(request);
    grpc::ClientContext context;
    v1::TrainEmbeddingResponse response;
    const grpc::Status status = stub_->TrainEmbedding(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << words;
    EXPECT_NE(status.error_message().find(words), std::string::npos) << status.error_message();
  }
}

// A protobuf string is UTF-8: gRPC ends such a call before it reaches the service.
TEST_F(EmbedderServiceTest, TextThatIsNotUtf8EndsItsCallAlone) {
  AddProducts();
  ASSERT_EQ(Train().state(), v1::JOB_STATE_SUCCEEDED);
  v1::EmbedTextsResponse vectors;
  EXPECT_EQ(Embed({"shoe \xff\xfe"}, &vectors), grpc::StatusCode::INTERNAL);
  v1::FindSimilarRequest similar;
  similar.set_text("shoe \xff\xfe");
  v1::FindSimilarResponse found;
  EXPECT_EQ(Similar(similar, &found), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(Embed({"shoe"}, &vectors), grpc::StatusCode::OK);
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
