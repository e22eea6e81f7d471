// GeneratorService over a real channel, with a real store and real networks.
#include "services/generator/generator_service.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/image/generated_mark.h"
#include "common/image/image.h"
#include "gtest/gtest.h"
#include "tests/unit/generator/served_generator.h"

namespace mannequin {
namespace {

class GeneratorServiceTest : public ServedGenerator {};

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
