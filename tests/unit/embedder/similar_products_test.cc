// FindSimilar, BatchFindSimilar and EmbedCatalog as a client sees them.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/unit/embedder/embedder_fixture.h"

namespace mannequin {
namespace {

using Code = grpc::StatusCode;

class SimilarProductsTest : public EmbedderServiceTest {
 protected:
  void SetUp() override {
    EmbedderServiceTest::SetUp();
    AddProducts();
    const v1::Job trained = Train();
    ASSERT_EQ(trained.state(), v1::JOB_STATE_SUCCEEDED) << trained.error();
    ASSERT_EQ(EmbedCatalog().state(), v1::JOB_STATE_SUCCEEDED);
  }

  static v1::FindSimilarRequest Text(const std::string& text) {
    v1::FindSimilarRequest request;
    request.set_text(text);
    return request;
  }
  static v1::FindSimilarRequest Like(const std::string& product_id) {
    v1::FindSimilarRequest request;
    request.set_product_id(product_id);
    return request;
  }
  static v1::FindSimilarRequest Vector(const std::vector<float>& values) {
    v1::FindSimilarRequest request;
    request.mutable_vector()->mutable_values()->Add(values.begin(), values.end());
    return request;
  }

  v1::FindSimilarResponse Found(const v1::FindSimilarRequest& request) {
    v1::FindSimilarResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub_->FindSimilar(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // Refused with that code, in words that hold `part`.
  void ExpectRefused(const v1::FindSimilarRequest& request, Code code, const std::string& part) {
    v1::FindSimilarResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub_->FindSimilar(&context, request, &response);
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_NE(status.error_message().find(part), std::string::npos) << status.error_message();
  }

  v1::EmbedCatalogProgress EmbedAgain() {
    const v1::Job job = EmbedCatalog();
    EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
    v1::EmbedCatalogProgress progress;
    job.progress().UnpackTo(&progress);
    return progress;
  }

  void Change(const std::string& id, const std::function<void(v1::Product&)>& change) {
    v1::GetProductRequest get;
    get.set_id(id);
    v1::UpsertProductsRequest upsert;
    *upsert.add_products() = store_->GetProduct(get)->product().product();
    change(*upsert.mutable_products(0));
    ASSERT_TRUE(store_->UpsertProducts(upsert).ok());
  }

  static std::vector<std::string> Ids(const v1::FindSimilarResponse& response) {
    std::vector<std::string> ids;
    for (const v1::SimilarProduct& product : response.products()) ids.push_back(product.product_id());
    return ids;
  }
};

TEST_F(SimilarProductsTest, AVectorFindsWhatItsTextFinds) {
  v1::EmbedTextsResponse embedded;
  ASSERT_EQ(Embed({"running shoe with laces"}, &embedded), Code::OK);
  std::vector<float> values(embedded.vectors(0).values().begin(), embedded.vectors(0).values().end());
  for (float& value : values) value *= 1e-15f;  // its length does not matter
  const v1::FindSimilarResponse by_vector = Found(Vector(values)), by_text = Found(Text("running shoe with laces"));
  EXPECT_EQ(Ids(by_vector), Ids(by_text));
  EXPECT_NEAR(by_vector.products(0).cosine(), by_text.products(0).cosine(), 1e-5);
  EXPECT_EQ(by_text.bundle_version(), embedded.bundle_version());
  EXPECT_TRUE(by_text.exact());
}

TEST_F(SimilarProductsTest, EveryFaultIsNamed) {
  ExpectRefused({}, Code::INVALID_ARGUMENT, "text, product_id or vector");
  ExpectRefused(Text(""), Code::INVALID_ARGUMENT, "text: ");
  ExpectRefused(Text("😀!?"), Code::INVALID_ARGUMENT, "text: ");
  ExpectRefused(Text("--- ... ///"), Code::INVALID_ARGUMENT, "no words");
  ExpectRefused(Text(std::string(65'537, 'a')), Code::INVALID_ARGUMENT, "65536");
  ExpectRefused(Like(""), Code::INVALID_ARGUMENT, "product_id");
  ExpectRefused(Like("nobody"), Code::NOT_FOUND, "nobody");
  ExpectRefused(Like(std::string(129, 'x')), Code::INVALID_ARGUMENT, "product_id");
  ExpectRefused(Vector({}), Code::INVALID_ARGUMENT, "vector: 0 components, expected 24");
  ExpectRefused(Vector(std::vector<float>(25, 1.0f)), Code::INVALID_ARGUMENT, "vector: 25 components, expected 24");
  ExpectRefused(Vector(std::vector<float>(24, 0.0f)), Code::INVALID_ARGUMENT, "vector: all components are 0");
  std::vector<float> broken(24, 1.0f);
  broken[7] = std::numeric_limits<float>::quiet_NaN();
  ExpectRefused(Vector(broken), Code::INVALID_ARGUMENT, "vector: component 7");
  broken[7] = -std::numeric_limits<float>::infinity();
  ExpectRefused(Vector(broken), Code::INVALID_ARGUMENT, "vector: component 7");
  for (const int count : {-1, 1'001}) {
    v1::FindSimilarRequest request = Text("shoe");
    request.set_count(count);
    ExpectRefused(request, Code::INVALID_ARGUMENT, "count: ");
  }
  v1::FindSimilarRequest nowhere = Text("shoe");
  nowhere.add_category_path("Shoes");
  nowhere.add_category_path("Moon boots");
  ExpectRefused(nowhere, Code::NOT_FOUND, "Shoes > Moon boots");
  for (int i = 0; i < 17; ++i) nowhere.add_category_path("deeper");
  ExpectRefused(nowhere, Code::INVALID_ARGUMENT, "category_path: ");
  v1::FindSimilarRequest long_part = Text("shoe");
  long_part.add_category_path(std::string(257, 'x'));
  ExpectRefused(long_part, Code::INVALID_ARGUMENT, "category_path: a part of 257 bytes");
}

// Protobuf refuses such a text before a handler sees it, so this is asked in the process.
TEST_F(SimilarProductsTest, BytesThatAreNotUtf8AreNamedByTheirPlace) {
  Embedder embedder(*store_, BundleFolder(folder_ + "/bundles"), {});
  embedder.Start();
  const auto found = embedder.FindSimilar(Text("shoe \xFF"));
  EXPECT_EQ(found.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(found.status().message().find("byte 5"), std::string::npos) << found.status();
}

TEST_F(SimilarProductsTest, WithinACategoryOnlyItsProductsAreFound) {
  Change("P1004", [](v1::Product& product) { product.add_category_path("Boots"); });
  EXPECT_EQ(EmbedAgain().embedded(), 1);
  v1::FindSimilarRequest request = Text("acoustic guitar");
  request.set_count(200);
  request.add_category_path("Shoes");
  v1::FindSimilarResponse found = Found(request);
  EXPECT_TRUE(found.exact());
  EXPECT_EQ(found.products_size(), 100);
  for (const v1::SimilarProduct& product : found.products()) EXPECT_EQ(product.category_path(0), "Shoes");
  request.add_category_path("Boots");
  EXPECT_EQ(Ids(Found(request)), (std::vector<std::string>{"P1004"}));
  // Nothing but the product that is asked for: an empty answer, and no error.
  request.set_product_id("P1004");
  EXPECT_EQ(Found(request).products_size(), 0);
}

TEST_F(SimilarProductsTest, MoreThanThereAreGivesAllOthers) {
  v1::FindSimilarRequest request = Like("P1000");
  request.set_count(1'000);
  const std::vector<std::string> ids = Ids(Found(request));
  EXPECT_EQ(ids.size(), 299u);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), "P1000"), 0);
}

TEST_F(SimilarProductsTest, AProductIsSearchedForAsItIsNow) {
  Change("P1000", [](v1::Product& product) {
    product.set_title("running leather shoe");
    product.set_category_path(0, "Shoes");
  });
  const v1::FindSimilarResponse found = Found(Like("P1000"));
  EXPECT_EQ(found.products_size(), 10);
  for (const v1::SimilarProduct& product : found.products()) {
    EXPECT_EQ(product.category_path(0), "Shoes") << product.title();
  }
}

TEST_F(SimilarProductsTest, WhatIsUnchangedIsNotEmbeddedAgain) {
  v1::EmbedCatalogProgress again = EmbedAgain();
  EXPECT_EQ(again.embedded(), 0);
  EXPECT_EQ(again.unchanged(), 300);
  EXPECT_EQ(again.skipped(), 0);

  Change("P1000", [](v1::Product& product) { product.set_title("glowing desk lamp"); });
  Change("P1001", [](v1::Product& product) { product.set_description("of which vectors know nothing"); });
  // The path, not the leaf, from which the text is made.
  Change("P1002", [](v1::Product& product) {
    product.set_category_path(0, "Home");
    product.add_category_path("Lamps");
  });
  v1::UpsertProductsRequest more;
  more.add_products()->set_id("A0");  // before all others, and without a word
  more.add_products()->set_id("Z0");
  more.mutable_products(1)->set_title("acoustic guitar");
  ASSERT_TRUE(store_->UpsertProducts(more).ok());
  again = EmbedAgain();
  EXPECT_EQ(again.embedded(), 3);
  EXPECT_EQ(again.unchanged(), 298);
  EXPECT_EQ(again.skipped(), 1);

  // Another bundle's vectors are of no use.
  ASSERT_EQ(Train().state(), v1::JOB_STATE_SUCCEEDED);
  again = EmbedAgain();
  EXPECT_EQ(again.embedded(), 301);
  EXPECT_EQ(again.unchanged(), 0);
}

TEST_F(SimilarProductsTest, AProductThatLosesItsWordsIsNoLongerFound) {
  v1::FindSimilarRequest all = Text("shoe");
  all.set_count(1'000);
  Change("P1000", [](v1::Product& product) {
    product.clear_title();
    product.clear_category_path();
    product.clear_brand();
  });
  const v1::EmbedCatalogProgress again = EmbedAgain();
  EXPECT_EQ(again.skipped(), 1);
  EXPECT_EQ(again.unchanged(), 299);
  const std::vector<std::string> ids = Ids(Found(all));
  EXPECT_EQ(ids.size(), 299u);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), "P1000"), 0);
  ExpectRefused(Like("P1000"), Code::INVALID_ARGUMENT, "P1000");
  EXPECT_EQ(EmbedAgain().skipped(), 1);
}

TEST_F(SimilarProductsTest, AProductThatLosesItsWordsIsNoLongerFoundByAnotherReplica) {
  Embedder replica(*store_, BundleFolder(folder_ + "/bundles"), {.folder = {}, .poll = absl::Milliseconds(10)});
  replica.Start();
  v1::FindSimilarRequest all = Text("shoe");
  all.set_count(1'000);
  const auto found = [&] {
    const auto response = replica.FindSimilar(all);
    return response.ok() ? response->products_size() : -1;
  };
  ASSERT_EQ(found(), 300);
  Change("P1000", [](v1::Product& product) {
    product.clear_title();
    product.clear_category_path();
    product.clear_brand();
  });
  EXPECT_EQ(EmbedAgain().embedded(), 0);  // nothing but a vector taken back
  for (const absl::Time deadline = absl::Now() + absl::Seconds(20); found() == 300 && absl::Now() < deadline;) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(found(), 299);
}

TEST_F(SimilarProductsTest, QueriesOfABatchFailAlone) {
  v1::BatchFindSimilarRequest batch;
  *batch.add_queries() = Like("P1000");
  *batch.add_queries() = Like("nobody");
  *batch.add_queries() = Vector({1.0f});
  *batch.add_queries() = Text("desk lamp");
  *batch.add_queries() = Text("");
  batch.mutable_queries(3)->set_count(3);
  batch.mutable_queries(3)->add_category_path("Lamps");
  *batch.add_queries() = Text("lamp");
  batch.mutable_queries(5)->set_count(-1);
  *batch.add_queries() = Text("lamp");
  batch.mutable_queries(6)->set_count(2'000'000'000);
  v1::BatchFindSimilarResponse response;
  grpc::ClientContext context;
  const grpc::Status status = stub_->BatchFindSimilar(&context, batch, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.results_size(), 7);
  for (int i = 0; i < 7; ++i) {
    grpc::ClientContext alone;
    v1::FindSimilarResponse found;
    const grpc::Status expected = stub_->FindSimilar(&alone, batch.queries(i), &found);
    EXPECT_EQ(response.results(i).error(), expected.error_message()) << i;
    EXPECT_EQ(response.results(i).error_code(), static_cast<int>(expected.error_code())) << i;
    EXPECT_EQ(response.results(i).found().SerializeAsString(), found.SerializeAsString()) << i;
    EXPECT_EQ(response.results(i).error().empty(), i == 0 || i == 3) << i;
  }
}

TEST_F(SimilarProductsTest, BoundsOfABatchAreNamed) {
  const auto refused = [&](const v1::BatchFindSimilarRequest& batch, const std::string& part) {
    v1::BatchFindSimilarResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub_->BatchFindSimilar(&context, batch, &response);
    EXPECT_EQ(status.error_code(), Code::INVALID_ARGUMENT);
    EXPECT_NE(status.error_message().find(part), std::string::npos) << status.error_message();
  };
  v1::BatchFindSimilarRequest batch;
  refused(batch, "queries: 0");
  for (int i = 0; i < 1'000; ++i) *batch.add_queries() = Like(absl::StrCat("P", 1'000 + i % 300));
  v1::BatchFindSimilarResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->BatchFindSimilar(&context, batch, &response).ok());
  EXPECT_EQ(response.results_size(), 1'000);
  for (v1::FindSimilarRequest& query : *batch.mutable_queries()) query.set_count(101);
  refused(batch, "100000");
  *batch.add_queries() = Like("P1000");
  refused(batch, "queries: 1001");
}

TEST_F(SimilarProductsTest, ASecondReplicaFindsWhatTheFirstEmbedded) {
  Embedder second(*store_, BundleFolder(folder_ + "/bundles"), {});
  second.Start();
  const auto found = second.FindSimilar(Like("P1000"));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(Ids(*found), Ids(Found(Like("P1000"))));
}

// Whatever lies in the file, a start ends with the same answers.
TEST_F(SimilarProductsTest, TheIndexOutlivesItsProcessAndADamagedFileIsReplaced) {
  const std::string path = folder_ + "/index/similarity.index";
  const std::vector<std::string> before = Ids(Found(Like("P1000")));
  StopService();
  std::string bytes = *ReadFile(path);
  for (const bool damaged : {false, true}) {
    if (damaged) {
      bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
      ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
    }
    StartService();
    EXPECT_EQ(Ids(Found(Like("P1000"))), before);
    StopService();
    EXPECT_TRUE(SimilarityIndex::Load(path, *BundleFolder(folder_ + "/bundles").CurrentVersion(), 24).ok());
  }
  StartService();
}

}  // namespace
}  // namespace mannequin
