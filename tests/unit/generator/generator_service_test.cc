// GeneratorService over a real channel, with a real store and real networks.
#include "services/generator/generator_service.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/image/generated_mark.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "gtest/gtest.h"
#include "services/store/rocks_store.h"
#include "tests/unit/model/random_bundle.h"

namespace mannequin {
namespace {

template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time limit = absl::Now() + absl::Seconds(60);
  while (absl::Now() < limit) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

v1::Product Shirt(const std::string& id = "p1", const std::string& category = "Shirts") {
  v1::Product product;
  product.set_id(id);
  product.set_title("Acme blue cotton shirt");
  product.add_category_path("Apparel");
  product.add_category_path(category);
  return product;
}

class GeneratorServiceTest : public testing::Test {
 protected:
  GeneratorServiceTest() : folder_(MakeTemporaryFolder("generator_test").value()), bundles_(folder_ + "/bundles") {
    config::v1::StoreConfig store;
    store.set_data(folder_ + "/store");
    store_ = RocksStore::Open(store, Clock::Real()).value();
  }
  ~GeneratorServiceTest() override {
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
  // "2 proposed; reason: 1; ..."
  std::string Progress(const v1::Job& job) {
    v1::MakePlaceholdersProgress progress;
    EXPECT_TRUE(job.progress().UnpackTo(&progress)) << job.error();
    std::string text = absl::StrCat(progress.proposed(), " proposed");
    for (const v1::NoImageCount& count : progress.no_image()) {
      absl::StrAppend(&text, "; ", count.reason(), ": ", count.products());
    }
    return text;
  }
  grpc::Status Review(const std::string& id, bool approve, const std::string& reason = "",
                      v1::Placeholder* after = nullptr) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    v1::ReviewPlaceholderRequest request;
    request.set_product_id(id);
    request.set_approve(approve);
    request.set_rejection_reason(reason);
    v1::ReviewPlaceholderResponse response;
    const grpc::Status status = stub_->ReviewPlaceholder(&context, request, &response);
    if (after != nullptr) *after = response.placeholder();
    return status;
  }
  std::vector<std::string> Queue(v1::PlaceholderState state = v1::PLACEHOLDER_STATE_UNSPECIFIED) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    v1::ListPlaceholderQueueRequest request;
    request.set_state(state);
    v1::ListPlaceholderQueueResponse response;
    EXPECT_TRUE(stub_->ListPlaceholderQueue(&context, request, &response).ok());
    std::vector<std::string> ids;
    for (const v1::Placeholder& placeholder : response.placeholders()) ids.push_back(placeholder.product_id());
    return ids;
  }
  v1::Placeholder Placeholder(const std::string& id) {
    v1::GetPlaceholderRequest get;
    get.set_product_id(id);
    const auto found = store_->GetPlaceholder(get);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? found->placeholder() : v1::Placeholder();
  }

  const std::string folder_;
  const BundleFolder bundles_;
  std::string bundle_;
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<GeneratorService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ImageGenerator::Stub> stub_;
};

TEST_F(GeneratorServiceTest, TheSameSeedGivesTheSameBytesAndAnotherSeedOthers) {
  Serve({});
  const v1::GenerateImagesResponse once = MustGenerate(Request(Shirt(), 7));
  ASSERT_EQ(once.images_size(), 1);
  EXPECT_EQ(once.bundle_version(), bundle_);
  EXPECT_EQ(once.SerializeAsString(), MustGenerate(Request(Shirt(), 7)).SerializeAsString());
  EXPECT_NE(once.images(0).image().sha256(), MustGenerate(Request(Shirt(), 8)).images(0).image().sha256());
}

TEST_F(GeneratorServiceTest, GivesAsManyAsAskedBestFirst) {
  Serve({});
  const v1::GenerateImagesResponse response = MustGenerate(Request(Shirt(), 7, 12));
  ASSERT_EQ(response.images_size(), 12);
  for (int i = 1; i < 12; ++i) EXPECT_GE(response.images(i - 1).confidence(), response.images(i).confidence());
  // The best of eight is the best of the same eight, however many are asked for.
  EXPECT_EQ(MustGenerate(Request(Shirt(), 7, 1)).images(0).seed(),
            MustGenerate(Request(Shirt(), 7, 8)).images(0).seed());
}

TEST_F(GeneratorServiceTest, APicturesOwnSeedDrawsItAgain) {
  Serve({});
  const v1::GeneratedImage best = MustGenerate(Request(Shirt(), 7)).images(0);
  v1::GenerateImagesRequest again = Request(Shirt(), best.seed());
  again.set_candidates(1);
  const v1::GeneratedImage drawn = MustGenerate(again).images(0);
  EXPECT_EQ(drawn.seed(), best.seed());
  EXPECT_EQ(DecodeImage(best.image().data())->rgb, DecodeImage(drawn.image().data())->rgb);
}

TEST_F(GeneratorServiceTest, EveryFormatIsMarkedAsGeneratedAndDescribesItself) {
  Serve({});
  for (const char* type : {"image/png", "image/jpeg", "image/webp"}) {
    v1::GenerateImagesRequest request = Request(Shirt("B<00>&X"), 7);
    request.set_media_type(type);
    const v1::Image image = MustGenerate(request).images(0).image();
    EXPECT_TRUE(HasGeneratedMark(image.data())) << type;
    EXPECT_EQ(image.media_type(), type);
    EXPECT_EQ(image.sha256(), Sha256Hex(image.data()));
    EXPECT_EQ(image.width(), 64);
    const ImageHeader header = ReadImageHeader(image.data()).value();
    EXPECT_EQ(header.media_type, type);
    EXPECT_EQ(header.height, 64);
  }
}

// The packet as libvips or a plain search would meet it: uncompressed, in the file.
TEST_F(GeneratorServiceTest, EveryFormatNamesProductBundleAndSeed) {
  Serve({});
  for (const char* type : {"image/png", "image/jpeg", "image/webp"}) {
    v1::GenerateImagesRequest request = Request(Shirt("B00X"), 7);
    request.set_media_type(type);
    const v1::GeneratedImage drawn = MustGenerate(request).images(0);
    EXPECT_EQ(GeneratedSourceTypeOf(drawn.image().data()), kGeneratedSourceType) << type;
    for (const std::string& part :
         {std::string("mannequin:ProductId=\"B00X\""), absl::StrCat("mannequin:BundleVersion=\"", bundle_, "\""),
          absl::StrCat("mannequin:Seed=\"", drawn.seed(), "\"")}) {
      EXPECT_TRUE(absl::StrContains(drawn.image().data(), part)) << type << " " << part;
    }
  }
}

TEST_F(GeneratorServiceTest, SizeScalesAndQualityCompresses) {
  Serve({});
  for (const int size : {16, 48, 64, 200, 1024}) {
    v1::GenerateImagesRequest request = Request(Shirt(), 7);
    request.set_size(size);
    const v1::Image image = MustGenerate(request).images(0).image();
    const Pixels pixels = DecodeImage(image.data()).value();
    EXPECT_EQ(image.width(), size);
    EXPECT_EQ(pixels.width, size);
    EXPECT_EQ(pixels.height, size);
    EXPECT_TRUE(HasGeneratedMark(image.data()));
  }
  v1::GenerateImagesRequest request = Request(Shirt(), 7);
  request.set_media_type("image/jpeg");
  request.set_size(256);
  request.set_quality(95);
  const std::size_t fine = MustGenerate(request).images(0).image().data().size();
  request.set_quality(10);
  EXPECT_LT(MustGenerate(request).images(0).image().data().size(), fine);
}

TEST_F(GeneratorServiceTest, ACategoryAloneIsEnough) {
  Serve({});
  v1::Product product;
  product.add_category_path("Shirts");
  const v1::GenerateImagesResponse response = MustGenerate(Request(product, 7));
  ASSERT_EQ(response.images_size(), 1) << response.no_image_reason();
}

TEST_F(GeneratorServiceTest, GivesACardOnlyWhenAskedForAndOnlyInsteadOfAnImage) {
  Serve({});
  v1::GenerateImagesRequest request = Request(Shirt("p1", "Boats"), 7);
  EXPECT_FALSE(MustGenerate(request).has_category_card());
  request.set_category_card(true);
  const v1::GenerateImagesResponse english = MustGenerate(request);
  ASSERT_TRUE(english.has_category_card());
  EXPECT_EQ(english.images_size(), 0);
  EXPECT_FALSE(english.no_image_reason().empty());
  EXPECT_EQ(english.category_card().width(), 256);
  EXPECT_EQ(GeneratedSourceTypeOf(english.category_card().data()), kProgramSourceType);
  request.set_language("ko");
  request.set_size(300);
  request.set_media_type("image/webp");
  const v1::Image korean = MustGenerate(request).category_card();
  EXPECT_EQ(ReadImageHeader(korean.data())->width, 300);
  EXPECT_EQ(korean.media_type(), "image/webp");
  request = Request(Shirt(), 7);
  request.set_category_card(true);
  EXPECT_FALSE(MustGenerate(request).has_category_card());
}

TEST_F(GeneratorServiceTest, BetweenTwoTextsTheEndsAreTheTextsThemselves) {
  Serve({});
  v1::Product boots = Shirt("p2", "Boots");
  boots.set_title("Globex red leather boots");
  v1::GenerateImagesRequest request = Request(Shirt(), 7);
  request.set_candidates(1);
  const std::string shirt = MustGenerate(request).images(0).image().sha256();
  *request.mutable_toward() = boots;
  EXPECT_EQ(MustGenerate(request).images(0).image().sha256(), shirt);
  request.set_toward_weight(1);
  const std::string at_the_end = MustGenerate(request).images(0).image().sha256();
  v1::GenerateImagesRequest other = Request(boots, 7);
  other.set_candidates(1);
  other.mutable_product()->set_id("p1");  // the packet names the first product
  EXPECT_EQ(MustGenerate(other).images(0).image().sha256(), at_the_end);
  // What is judged is the nearer category: an unknown one is said wherever it stands.
  *request.mutable_toward() = Shirt("p3", "Boats");
  EXPECT_TRUE(absl::StrContains(MustGenerate(request).no_image_reason(), "Boats"));
}

TEST_F(GeneratorServiceTest, APictureDoesNotDependOnItsCompany) {
  Serve({});
  std::map<std::uint64_t, std::string> alone;
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    v1::GenerateImagesRequest request = Request(Shirt(), seed);
    request.set_candidates(1 + static_cast<int>(seed % 3));
    alone[seed] = MustGenerate(request).SerializeAsString();
  }
  std::atomic<int> differ{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&] {
      for (std::uint64_t seed = 0; seed < 24; ++seed) {
        v1::GenerateImagesRequest request = Request(Shirt(), seed);
        request.set_candidates(1 + static_cast<int>(seed % 3));
        if (MustGenerate(request).SerializeAsString() != alone[seed]) ++differ;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(differ, 0);
}

TEST_F(GeneratorServiceTest, ANamedBundleDrawsWhicheverIsCurrent) {
  Serve({});
  const std::string first = bundle_;
  const std::string drawn = MustGenerate(Request(Shirt(), 7)).SerializeAsString();
  const std::string second = PromoteRandomBundle(bundles_, {.seed = 2}).version();
  ASSERT_TRUE(Eventually([&] { return MustGenerate(Request(Shirt(), 7)).bundle_version() == second; }));
  v1::GenerateImagesRequest request = Request(Shirt(), 7);
  request.set_bundle_version(first);
  EXPECT_EQ(MustGenerate(request).SerializeAsString(), drawn);
  request.set_bundle_version("b-nothing");
  EXPECT_EQ(Refusal(request), grpc::StatusCode::NOT_FOUND);
  request.set_bundle_version("../b");
  EXPECT_EQ(Refusal(request), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(GeneratorServiceTest, ADamagedNamedBundleIsDataLossAndTheCurrentOneGoesOn) {
  const std::string damaged = PromoteRandomBundle(bundles_, {.seed = 2}).version();
  Serve({});
  const std::string path = bundles_.FolderOf(damaged) + "/generator.safetensors";
  std::string bytes = ReadFile(path).value();
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  v1::GenerateImagesRequest request = Request(Shirt(), 7);
  request.set_bundle_version(damaged);
  EXPECT_EQ(Refusal(request), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(MustGenerate(Request(Shirt(), 7)).bundle_version(), bundle_);
}

TEST_F(GeneratorServiceTest, WhatStopsBeforeItIsDrawnIsCancelled) {
  Serve({});
  service_->Stop();
  EXPECT_EQ(Refusal(Request(Shirt(), 7)), grpc::StatusCode::CANCELLED);
}

TEST_F(GeneratorServiceTest, AnUnknownCategoryGetsNoImageAndTheReason) {
  Serve({});
  const v1::GenerateImagesResponse response = MustGenerate(Request(Shirt("p1", "Boats"), 7));
  EXPECT_EQ(response.images_size(), 0);
  EXPECT_EQ(response.no_image_reason(), absl::StrCat("category \"Boats\" is not known to bundle ", bundle_));
}

TEST_F(GeneratorServiceTest, ATextOfWhichNothingIsKnownGetsNoImageAndTheReason) {
  Serve({.categories = {"\u4E2D\u6587", "Shirts"}});
  v1::Product product;
  product.set_title("\u96EA\u5C71");
  product.add_category_path("\u4E2D\u6587");
  const v1::GenerateImagesResponse response = MustGenerate(Request(product, 7));
  EXPECT_EQ(response.images_size(), 0);
  EXPECT_TRUE(absl::StartsWith(response.no_image_reason(), "text: ")) << response.no_image_reason();
}

TEST_F(GeneratorServiceTest, CandidatesUnderTheFloorAreNotOffered) {
  Serve({.confidence_floor = 0.999});
  const v1::GenerateImagesResponse response = MustGenerate(Request(Shirt(), 7));
  EXPECT_EQ(response.images_size(), 0);
  EXPECT_TRUE(absl::StrContains(response.no_image_reason(), "floor")) << response.no_image_reason();
  v1::GenerateImagesRequest any = Request(Shirt(), 7, 2);
  any.set_include_unconfident(true);
  EXPECT_EQ(MustGenerate(any).images_size(), 2);
}

TEST_F(GeneratorServiceTest, AGeneratorWhosePicturesDoNotLookLikePhotographsIsLessSureOfThemAll) {
  Serve({.mismatch_bias = -9});
  const double unmeasured = MustGenerate(Request(Shirt(), 7)).images(0).confidence();
  bundle_ =
      PromoteRandomBundle(bundles_, {.mismatch_bias = -9, .confidence_floor = 0.9 * unmeasured, .precision = 0.25})
          .version();
  v1::GenerateImagesRequest request = Request(Shirt(), 7);
  request.set_bundle_version(bundle_);
  const v1::GenerateImagesResponse response = MustGenerate(request);
  ASSERT_EQ(response.images_size(), 1) << "the floor is of what the picture shows: " << response.no_image_reason();
  EXPECT_NEAR(response.images(0).confidence(), 0.25 * unmeasured, 1e-6);
}

TEST_F(GeneratorServiceTest, RefusesABadRequest) {
  Serve({});
  EXPECT_EQ(Refusal({}), grpc::StatusCode::INVALID_ARGUMENT);
  v1::Product nameless = Shirt();
  nameless.clear_category_path();
  EXPECT_EQ(Refusal(Request(nameless, 1)), grpc::StatusCode::INVALID_ARGUMENT);
  const auto refuses = [&](const std::function<void(v1::GenerateImagesRequest&)>& change, const std::string& field) {
    v1::GenerateImagesRequest bad = Request(Shirt(), 1);
    change(bad);
    v1::GenerateImagesResponse response;
    const grpc::Status status = Generate(bad, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << field;
    EXPECT_TRUE(absl::StartsWith(status.error_message(), field)) << status.error_message();
  };
  for (const int size : {-1, 15, 1025, 5000}) refuses([=](auto& r) { r.set_size(size); }, "size:");
  for (const int quality : {-1, 101}) refuses([=](auto& r) { r.set_quality(quality); }, "quality:");
  refuses([](auto& r) { r.set_language("xx"); }, "language:");
  refuses([](auto& r) { r.set_toward_weight(0.5); }, "toward_weight:");
  for (const double weight : {-0.1, 1.1, std::nan("")}) {
    refuses(
        [=](auto& r) {
          *r.mutable_toward() = Shirt();
          r.set_toward_weight(weight);
        },
        "toward_weight:");
  }
  refuses([](auto& r) { r.mutable_toward()->set_title("no category"); }, "toward: product.category_path:");
  EXPECT_EQ(Refusal(Request(Shirt(), 1, 65)), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Refusal(Request(Shirt(), 1, -1)), grpc::StatusCode::INVALID_ARGUMENT);
  v1::GenerateImagesRequest request = Request(Shirt(), 1, 4);
  request.set_candidates(3);
  EXPECT_EQ(Refusal(request), grpc::StatusCode::INVALID_ARGUMENT);
  request = Request(Shirt(), 1);
  request.set_media_type("image/gif");
  EXPECT_EQ(Refusal(request), grpc::StatusCode::INVALID_ARGUMENT);
  request = Request(Shirt(), 1);
  request.mutable_product()->set_title(std::string(1 << 20, 'a'));
  EXPECT_EQ(Refusal(request), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(GeneratorServiceTest, WithoutAGeneratorItSaysFailedPrecondition) {
  Serve();
  EXPECT_EQ(Refusal(Request(Shirt(), 1)), grpc::StatusCode::FAILED_PRECONDITION);
  const v1::Job job = MakePlaceholders();
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_TRUE(absl::StrContains(job.error(), "no bundle")) << job.error();
}

TEST_F(GeneratorServiceTest, ProposesAPictureForEachProductWithoutOne) {
  Serve({});
  v1::Product with_image = Shirt("with"), pending = Shirt("pending");
  pending.set_image_url("http://example.com/x.jpg");
  std::vector<v1::Product> products{with_image, pending, Shirt("boat", "Boats")};
  for (int i = 0; i < 18; ++i) products.push_back(Shirt(absl::StrCat("p", i)));
  Store(products);
  StoreImage("with");

  v1::Job job = MakePlaceholders();
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  EXPECT_EQ(Progress(job), absl::StrCat("18 proposed; category \"Boats\" is not known to bundle ", bundle_, ": 1"));
  EXPECT_EQ(Queue().size(), 18u);

  const v1::Placeholder placeholder = Placeholder("p3");
  EXPECT_EQ(placeholder.state(), v1::PLACEHOLDER_STATE_PROPOSED);
  EXPECT_EQ(placeholder.bundle_version(), bundle_);
  EXPECT_GT(placeholder.confidence(), 0);
  v1::GetImageRequest get;
  get.set_sha256(placeholder.image_sha256());
  const auto image = store_->GetImage(get);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_TRUE(HasGeneratedMark(image->image().data()));

  // Run again: nothing is drawn twice.
  job = MakePlaceholders();
  EXPECT_EQ(Progress(job), absl::StrCat("0 proposed; category \"Boats\" is not known to bundle ", bundle_, ": 1"));
}

TEST_F(GeneratorServiceTest, NamedProductsAreDrawnAnewUnlessApproved) {
  Serve({});
  Store({Shirt("a"), Shirt("b"), Shirt("c"), Shirt("d")});
  StoreImage("d");
  MakePlaceholders();
  ASSERT_TRUE(Review("a", true).ok());
  ASSERT_TRUE(Review("b", false, "too dark").ok());
  const std::string before = Placeholder("b").image_sha256();

  v1::MakePlaceholdersRequest request;
  for (const char* id : {"a", "b", "d", "none"}) request.add_product_ids(id);
  request.set_seed(99);
  EXPECT_EQ(Progress(MakePlaceholders(request)),
            "1 proposed; the product has an approved placeholder: 1; the product has an image: 1; "
            "there is no such product: 1");
  EXPECT_EQ(Placeholder("a").state(), v1::PLACEHOLDER_STATE_APPROVED);
  EXPECT_EQ(Placeholder("b").state(), v1::PLACEHOLDER_STATE_PROPOSED);
  EXPECT_NE(Placeholder("b").image_sha256(), before);
  EXPECT_EQ(Placeholder("b").rejection_reason(), "");
}

TEST_F(GeneratorServiceTest, AProductsPictureDoesNotDependOnItsNeighbours) {
  Serve({});
  Store({Shirt("a"), Shirt("b"), Shirt("c")});
  MakePlaceholders();
  const std::uint64_t among_others = Placeholder("b").seed();
  v1::MakePlaceholdersRequest alone;
  alone.add_product_ids("b");
  MakePlaceholders(alone);
  EXPECT_EQ(Placeholder("b").seed(), among_others);
}

TEST_F(GeneratorServiceTest, AReviewIsSaidOnceAndStands) {
  Serve({});
  Store({Shirt("a"), Shirt("b")});
  MakePlaceholders();
  v1::Placeholder after;
  ASSERT_TRUE(Review("a", true, "", &after).ok());
  EXPECT_EQ(after.state(), v1::PLACEHOLDER_STATE_APPROVED);
  EXPECT_TRUE(Review("a", true, "", &after).ok());
  EXPECT_EQ(after.state(), v1::PLACEHOLDER_STATE_APPROVED);
  EXPECT_EQ(Review("a", false).error_code(), grpc::StatusCode::FAILED_PRECONDITION);

  ASSERT_TRUE(Review("b", false, "not a shirt", &after).ok());
  EXPECT_EQ(after.rejection_reason(), "not a shirt");
  EXPECT_EQ(Review("b", true).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(Queue().empty());
  EXPECT_EQ(Queue(v1::PLACEHOLDER_STATE_APPROVED), std::vector<std::string>{"a"});
  EXPECT_EQ(Queue(v1::PLACEHOLDER_STATE_REJECTED), std::vector<std::string>{"b"});
}

TEST_F(GeneratorServiceTest, RefusesABadReview) {
  Serve({});
  EXPECT_EQ(Review("", true).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Review("none", true).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Review("none", false, std::string(1025, 'a')).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Review("none", true, "because").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(GeneratorServiceTest, OfReviewersWhoDisagreeOneWins) {
  Serve({});
  std::vector<v1::Product> products;
  for (int i = 0; i < 6; ++i) products.push_back(Shirt(absl::StrCat("p", i)));
  Store(products);
  MakePlaceholders();
  for (int i = 0; i < 6; ++i) {
    const std::string id = absl::StrCat("p", i);
    grpc::Status yes, no;
    std::thread other([&] { no = Review(id, false, "no"); });
    yes = Review(id, true);
    other.join();
    EXPECT_NE(yes.ok(), no.ok()) << yes.error_message() << " / " << no.error_message();
    EXPECT_EQ((yes.ok() ? no : yes).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_EQ(Placeholder(id).state(), yes.ok() ? v1::PLACEHOLDER_STATE_APPROVED : v1::PLACEHOLDER_STATE_REJECTED);
  }
}

TEST_F(GeneratorServiceTest, ANewBundleTakesOverWithoutDroppingARequest) {
  Serve({});
  std::atomic<int> failed{0};
  std::atomic<bool> done{false}, switched{false};
  const std::string first = bundle_;
  std::vector<std::thread> callers;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    callers.emplace_back([&, seed] {
      while (!done) {
        v1::GenerateImagesResponse response;
        if (!Generate(Request(Shirt(), seed), &response).ok() || response.images_size() != 1) ++failed;
        if (response.bundle_version() != first) switched = true;
      }
    });
  }
  PromoteRandomBundle(bundles_, {.seed = 2});
  EXPECT_TRUE(Eventually([&] { return switched.load(); }));
  done = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace mannequin
