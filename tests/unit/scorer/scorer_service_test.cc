// ScorerService over a real channel, with a real store and real networks.
#include "services/scorer/scorer_service.h"

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/image/generated_mark.h"
#include "common/image/image.h"
#include "common/image/resize.h"
#include "gtest/gtest.h"
#include "tests/unit/scorer/served_scorer.h"

namespace mannequin {
namespace {

// Stripes, so that it is not blank; another picture for another `shade`.
Pixels Photo(int width, int height, int shade = 0) {
  Pixels pixels{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width * 3; ++x) pixels.rgb.push_back(static_cast<std::uint8_t>((x * 5 + y * 3 + shade) % 256));
  }
  return pixels;
}

// A disc with clear, slanting stripes on white, 200 pixels.
Pixels StripedDisc() {
  Pixels pixels{200, 200, std::vector<std::uint8_t>(200 * 200 * 3, 255)};
  for (int y = 0; y < 200; ++y) {
    for (int x = 0; x < 200; ++x) {
      if ((x - 97) * (x - 97) + (y - 103) * (y - 103) > 80 * 80) continue;
      for (int c = 0; c < 3; ++c) {
        const int level = (2 * x + 3 * y) / 61 % 2 == 0 ? 30 + 60 * c : 200 - 50 * c;
        pixels.rgb[static_cast<std::size_t>(3 * (y * 200 + x) + c)] = static_cast<std::uint8_t>(level);
      }
    }
  }
  return pixels;
}

std::string Jpeg(const Pixels& pixels) { return EncodeImage(pixels, "image/jpeg").value(); }

v1::Product Shirt(const std::string& category = "Shirts") {
  v1::Product product;
  product.set_id("p1");
  product.set_title("Acme blue cotton shirt");
  product.add_category_path("Apparel");
  product.add_category_path(category);
  return product;
}

class ScorerServiceTest : public testing::Test, public ServedScorer {
 protected:
  v1::Verdict MustScore(const v1::Product& product, const std::string& image) {
    v1::ScoreListingRequest request;
    *request.mutable_product() = product;
    request.set_image(image);
    v1::Verdict verdict;
    const grpc::Status status = Score(request, &verdict);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return verdict;
  }
  // "CODE: message" of a call that must fail.
  grpc::Status Fails(const v1::Product& product, const std::string& image) {
    v1::ScoreListingRequest request;
    *request.mutable_product() = product;
    request.set_image(image);
    v1::Verdict verdict;
    return Score(request, &verdict);
  }
  void Store(const std::string& id, const std::string& image) {
    v1::UpsertProductsRequest upsert;
    v1::Product product = Shirt();
    product.set_id(id);
    *upsert.add_products() = product;
    ASSERT_TRUE(store_->UpsertProducts(upsert).ok());
    v1::PutImageRequest put;
    put.set_product_id(id);
    put.mutable_image()->set_data(image);
    put.mutable_image()->set_media_type("image/jpeg");
    const auto stored = store_->PutImage(put);
    ASSERT_TRUE(stored.ok()) << stored.status();
  }
  v1::Job AwaitEnd(const std::string& id) {
    v1::GetJobRequest get;
    get.set_id(id);
    v1::Job job;
    EXPECT_TRUE(Eventually([&] {
      job = store_->GetJob(get)->job();
      return job.state() != v1::JOB_STATE_QUEUED && job.state() != v1::JOB_STATE_RUNNING;
    }));
    return job;
  }
  v1::Job ScoreCatalog(const std::string& policy = "") {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    v1::ScoreCatalogRequest request;
    request.set_policy(policy);
    v1::ScoreCatalogResponse response;
    const grpc::Status status = stub_->ScoreCatalog(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return AwaitEnd(response.job().id());
  }
};

TEST_F(ScorerServiceTest, JudgesAListingAndSaysByWhatItJudged) {
  Serve({.mismatch_bias = -4, .overlay_bias = -3});
  const std::string image = Jpeg(Photo(120, 80));
  const v1::Verdict verdict = MustScore(Shirt(), image);
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_CLEAN);
  EXPECT_EQ(verdict.product_id(), "");
  EXPECT_EQ(verdict.bundle_version(), bundle_);
  EXPECT_EQ(verdict.image_sha256(), Sha256Hex(image));
  EXPECT_GT(verdict.scored_at().seconds(), 1'600'000'000);
  EXPECT_NE(verdict.discriminator_logit(), 0);
  std::set<v1::AbuseReason> reasons;
  for (const v1::ReasonScore& reason : verdict.reasons()) reasons.insert(reason.reason());
  EXPECT_EQ(reasons, (std::set<v1::AbuseReason>{v1::ABUSE_REASON_PROMOTIONAL_OVERLAY, v1::ABUSE_REASON_MISMATCH,
                                                v1::ABUSE_REASON_LOW_QUALITY}));
  EXPECT_EQ(verdict.reasons(0).reason(), v1::ABUSE_REASON_PROMOTIONAL_OVERLAY);
  EXPECT_NEAR(verdict.reasons(0).probability(), 0.0474, 1e-3);
  EXPECT_EQ(verdict.rules_version(), "rules-1");
  EXPECT_EQ(verdict.policy(), "");
  EXPECT_EQ(verdict.overlay_boxes_size(), 0);
  EXPECT_EQ(verdict.not_scored_reason(), "");
}

TEST_F(ScorerServiceTest, TheThresholdsOfTheBundleDecideTheKind) {
  Serve({.mismatch_bias = 1});
  EXPECT_EQ(MustScore(Shirt(), Jpeg(Photo(64, 64))).kind(), v1::VERDICT_KIND_REVIEW);
  PromoteRandomBundle(bundles_, {.mismatch_bias = 4});
  EXPECT_TRUE(Eventually([&] { return MustScore(Shirt(), Jpeg(Photo(64, 64))).kind() == v1::VERDICT_KIND_ABUSE; }));
}

TEST_F(ScorerServiceTest, OverlayBoxesLieWithinTheSubmittedPicture) {
  Serve({.overlay_bias = 4});
  const v1::Verdict verdict = MustScore(Shirt(), Jpeg(Photo(300, 120)));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE);
  // Random weights: wherever the map is high there is a box, and none leaves the picture.
  for (const v1::Box& box : verdict.overlay_boxes()) {
    EXPECT_GE(box.x(), 0);
    EXPECT_GE(box.y(), 0);
    EXPECT_GT(box.width(), 0);
    EXPECT_GT(box.height(), 0);
    EXPECT_LE(box.x() + box.width(), 300);
    EXPECT_LE(box.y() + box.height(), 120);
  }
}

TEST_F(ScorerServiceTest, WhatCannotBeJudgedIsNotScoredAndSaysWhy) {
  ServeWithoutBundle();
  v1::Verdict verdict = MustScore(Shirt(), Jpeg(Photo(64, 64)));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_NOT_SCORED);
  EXPECT_TRUE(absl::StrContains(verdict.not_scored_reason(), "no trained bundle")) << verdict.not_scored_reason();

  const std::string embedding_only = PromoteRandomBundle(bundles_, {.gan = false}).version();
  ASSERT_TRUE(Eventually([&] { return MustScore(Shirt(), Jpeg(Photo(64, 64))).bundle_version() == embedding_only; }));
  verdict = MustScore(Shirt(), Jpeg(Photo(64, 64)));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_NOT_SCORED);
  EXPECT_TRUE(absl::StrContains(verdict.not_scored_reason(), "no trained bundle")) << verdict.not_scored_reason();

  const std::string whole = PromoteRandomBundle(bundles_, {}).version();
  ASSERT_TRUE(Eventually([&] { return MustScore(Shirt(), Jpeg(Photo(64, 64))).bundle_version() == whole; }));
  verdict = MustScore(Shirt("Boats"), Jpeg(Photo(64, 64)));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_NOT_SCORED);
  EXPECT_EQ(verdict.not_scored_reason(), absl::StrCat("category \"Boats\" is not known to bundle ", whole));
  ASSERT_EQ(verdict.reasons_size(), 1);  // what needs no network
  EXPECT_EQ(verdict.reasons(0).reason(), v1::ABUSE_REASON_LOW_QUALITY);
}

TEST_F(ScorerServiceTest, ATextOfWhichNothingIsKnownIsNotScored) {
  Serve({.categories = {"\u4E2D\u6587", "Shirts"}});
  v1::Product product = Shirt("\u4E2D\u6587");
  product.set_title("\u96EA\u5C71");
  product.mutable_category_path()->DeleteSubrange(0, 1);
  const v1::Verdict verdict = MustScore(product, Jpeg(Photo(64, 64)));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_NOT_SCORED);
  EXPECT_TRUE(absl::StartsWith(verdict.not_scored_reason(), "text: ")) << verdict.not_scored_reason();
}

TEST_F(ScorerServiceTest, ABlankPictureIsAPlaceholder) {
  Serve({});
  const v1::Verdict verdict = MustScore(Shirt(), Jpeg({50, 80, std::vector<std::uint8_t>(50 * 80 * 3, 128)}));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE);
  EXPECT_EQ(verdict.reasons(0).reason(), v1::ABUSE_REASON_PLACEHOLDER);
  EXPECT_EQ(verdict.reasons(0).probability(), 1);
  EXPECT_EQ(verdict.reasons_size(), 4);
}

TEST_F(ScorerServiceTest, APictureThatANetworkDrewIsAPlaceholderEvenWithoutABundle) {
  ServeWithoutBundle();
  const std::string xmp = absl::StrCat("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">", kGeneratedSourceType, "</x:xmpmeta>");
  for (const char* type : {"image/png", "image/jpeg", "image/webp"}) {
    const std::string image = EncodeImage(Photo(64, 64), type, 90, xmp).value();
    const v1::Verdict verdict = MustScore(Shirt(), image);
    EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE) << type;
    ASSERT_EQ(verdict.reasons_size(), 2);
    EXPECT_EQ(verdict.reasons(0).reason(), v1::ABUSE_REASON_PLACEHOLDER);
    EXPECT_EQ(verdict.not_scored_reason(), "");
    ASSERT_EQ(verdict.degraded_size(), 1);
    EXPECT_TRUE(absl::StrContains(verdict.degraded(0), "no trained bundle")) << verdict.degraded(0);
  }
}

TEST_F(ScorerServiceTest, ABlurredPictureIsOfLowQualityAndSaysHow) {
  Serve({});
  const v1::Verdict verdict = MustScore(Shirt(), Jpeg(Resize(Resize(StripedDisc(), 40, 40), 200, 200)));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_REVIEW);
  EXPECT_EQ(verdict.reasons(0).reason(), v1::ABUSE_REASON_LOW_QUALITY);
  EXPECT_GT(verdict.reasons(0).probability(), 0.9);
  EXPECT_TRUE(absl::StartsWith(verdict.reasons(0).detail(), "blurred: edges are ")) << verdict.reasons(0).detail();
  EXPECT_EQ(MustScore(Shirt(), Jpeg(StripedDisc())).kind(), v1::VERDICT_KIND_CLEAN);
}

TEST_F(ScorerServiceTest, ARuleThatFindsSomethingHoldsWithoutABundle) {
  ServeWithoutBundle();
  const v1::Verdict verdict = MustScore(Shirt(), Jpeg(Resize(Resize(StripedDisc(), 40, 40), 200, 200)));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_REVIEW);
  EXPECT_EQ(verdict.not_scored_reason(), "");
  ASSERT_EQ(verdict.degraded_size(), 1);
  EXPECT_TRUE(absl::StartsWith(verdict.degraded(0), "by rules alone: no trained bundle")) << verdict.degraded(0);
  EXPECT_EQ(MustScore(Shirt(), Jpeg(StripedDisc())).kind(), v1::VERDICT_KIND_NOT_SCORED);
}

TEST_F(ScorerServiceTest, WhatBreaksTheAskedPolicyIsFoundWithItsSource) {
  Serve({});
  v1::ScoreListingRequest request;
  *request.mutable_product() = Shirt();
  request.set_image(Jpeg(StripedDisc()));
  request.set_policy("amazon");
  v1::Verdict verdict;
  const grpc::Status status = Score(request, &verdict);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE);
  EXPECT_EQ(verdict.policy(), "amazon");
  EXPECT_TRUE(absl::StartsWith(verdict.rules_version(), "rules-1 amazon-")) << verdict.rules_version();
  ASSERT_GE(verdict.policy_findings_size(), 1);
  for (const v1::PolicyFinding& finding : verdict.policy_findings()) {
    EXPECT_TRUE(absl::StartsWith(finding.source(), "https://")) << finding.rule();
    EXPECT_NE(finding.detail(), "") << finding.rule();
  }
  EXPECT_EQ(verdict.reasons(0).reason(), v1::ABUSE_REASON_POLICY);
  EXPECT_TRUE(absl::StrContains(verdict.reasons(0).detail(), "size")) << verdict.reasons(0).detail();
}

TEST_F(ScorerServiceTest, AnUnknownPolicyIsRefusedOfOneListingAStreamAndACatalogue) {
  Serve({});
  v1::ScoreListingsRequest request;
  *request.mutable_listing()->mutable_product() = Shirt();
  request.mutable_listing()->set_image(Jpeg(StripedDisc()));
  request.mutable_listing()->set_policy("ebay");
  v1::Verdict verdict;
  grpc::Status status = Score(request.listing(), &verdict);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(absl::StartsWith(status.error_message(), "policy: \"ebay\" is not known; there are amazon"))
      << status.error_message();
  {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    auto stream = stub_->ScoreListings(&context);
    EXPECT_TRUE(stream->Write(request));
    request.mutable_listing()->set_policy("naver");
    EXPECT_TRUE(stream->Write(request));
    stream->WritesDone();
    v1::ScoreListingsResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.error_code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.verdict().policy(), "naver");
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_TRUE(stream->Finish().ok());
  }
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(60));
  v1::ScoreCatalogRequest catalog;
  catalog.set_policy("ebay");
  v1::ScoreCatalogResponse response;
  EXPECT_EQ(stub_->ScoreCatalog(&context, catalog, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ScorerServiceTest, ACatalogueIsHeldToTheAskedPolicy) {
  Serve({});
  Store("p1", Jpeg(StripedDisc()));
  const v1::Job job = ScoreCatalog("google_merchant");
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  v1::GetVerdictRequest get;
  get.set_product_id("p1");
  const v1::Verdict verdict = store_->GetVerdict(get)->verdict();
  EXPECT_EQ(verdict.policy(), "google_merchant");
  ASSERT_GE(verdict.policy_findings_size(), 1);
  EXPECT_EQ(verdict.policy_findings(0).rule(), "size_2027");
}

TEST_F(ScorerServiceTest, ThePoliciesAreListedWithTheirRulesAndSources) {
  Serve({});
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(60));
  v1::ListPoliciesResponse response;
  ASSERT_TRUE(stub_->ListPolicies(&context, {}, &response).ok());
  ASSERT_EQ(response.policies_size(), 4);
  EXPECT_EQ(response.policies(0).name(), "amazon");
  EXPECT_NE(response.policies(0).rules(0).source(), "");
}

TEST_F(ScorerServiceTest, RefusesWhatIsNoPictureAndNamesTheField) {
  Serve({});
  const std::string image = Jpeg(Photo(200, 200));
  for (const std::string& bad :
       {std::string("<html>not found</html>"), std::string(), image.substr(0, image.size() / 2)}) {
    const grpc::Status status = Fails(Shirt(), bad);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << bad.size();
    EXPECT_TRUE(absl::StartsWith(status.error_message(), "image: ")) << status.error_message();
  }
}

TEST_F(ScorerServiceTest, RefusesAProductOverItsBoundsAndNamesTheField) {
  Serve({});
  const std::string image = Jpeg(Photo(64, 64));
  v1::Product product = Shirt();
  product.set_title(std::string(1 << 20, 'a'));
  grpc::Status status = Fails(product, image);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(absl::StartsWith(status.error_message(), "product.title: 1048576 bytes")) << status.error_message();
  status = Fails({}, "");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(absl::StartsWith(status.error_message(), "product.title: empty")) << status.error_message();
}

TEST_F(ScorerServiceTest, RefusesARequestWithoutASource) {
  Serve({});
  v1::Verdict verdict;
  EXPECT_EQ(Score({}, &verdict).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ScorerServiceTest, ADeadlineThatHasPassedIsDeadlineExceeded) {
  Serve({});
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(-1));
  v1::ScoreListingRequest request;
  *request.mutable_product() = Shirt();
  request.set_image(Jpeg(Photo(64, 64)));
  v1::ScoreListingResponse response;
  EXPECT_EQ(stub_->ScoreListing(&context, request, &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  // The client gave up by itself; so does the logic.
  Scorer scorer({});
  const v1::Product product = Shirt();
  EXPECT_EQ(scorer.Score({product, request.image()}, absl::Now() - absl::Seconds(1)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ScorerServiceTest, JudgesAStoredProductAndKeepsTheVerdict) {
  Serve({});
  Store("p7", Jpeg(Photo(64, 64)));
  v1::ScoreListingRequest request;
  request.mutable_product()->set_id("p7");
  request.set_stored(true);
  v1::Verdict verdict;
  const grpc::Status status = Score(request, &verdict);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(verdict.product_id(), "p7");
  v1::GetVerdictRequest get;
  get.set_product_id("p7");
  EXPECT_EQ(store_->GetVerdict(get)->verdict().SerializeAsString(), verdict.SerializeAsString());
  request.mutable_product()->set_id("none");
  EXPECT_EQ(Score(request, &verdict).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ScorerServiceTest, AStreamIsAnsweredInOrderEachWithItsOwnError) {
  Serve({});
  constexpr int kListings = 150;
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(60));
  auto stream = stub_->ScoreListings(&context);
  std::vector<std::string> images;
  for (int i = 0; i < kListings; ++i) images.push_back(i % 10 == 3 ? "broken" : Jpeg(Photo(64, 64, i)));
  std::thread writer([&] {
    for (const std::string& image : images) {
      v1::ScoreListingsRequest request;
      *request.mutable_listing()->mutable_product() = Shirt();
      request.mutable_listing()->set_image(image);
      EXPECT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
  });
  int answers = 0;
  for (v1::ScoreListingsResponse response; stream->Read(&response); ++answers) {
    const std::string& image = images[static_cast<std::size_t>(answers)];
    if (image == "broken") {
      EXPECT_EQ(response.error_code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
      EXPECT_FALSE(response.has_verdict());
    } else {
      EXPECT_EQ(response.error_code(), 0) << response.error_message();
      EXPECT_EQ(response.verdict().image_sha256(), Sha256Hex(image));
    }
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answers, kListings);
}

TEST_F(ScorerServiceTest, AClientThatLeavesItsStreamHoldsNothingUp) {
  Serve({});
  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext context;
    auto stream = stub_->ScoreListings(&context);
    v1::ScoreListingsRequest request;
    *request.mutable_listing()->mutable_product() = Shirt();
    request.mutable_listing()->set_image(Jpeg(Photo(64, 64)));
    EXPECT_TRUE(stream->Write(request));
    context.TryCancel();
    stream->Finish();
  }
  EXPECT_EQ(MustScore(Shirt(), Jpeg(Photo(64, 64))).kind(), v1::VERDICT_KIND_CLEAN);
  // The destructor drains: it would hang on a handler that never ends.
}

TEST_F(ScorerServiceTest, ACatalogueIsScoredAndWhatCannotBeDecodedIsNotScored) {
  Serve({.mismatch_bias = 4});
  for (int i = 0; i < 5; ++i) Store(absl::StrCat("good", i), Jpeg(Photo(64, 64, i)));
  Store("broken", "not a picture");
  v1::UpsertProductsRequest upsert;
  *upsert.add_products() = Shirt();  // without an image
  ASSERT_TRUE(store_->UpsertProducts(upsert).ok());

  const v1::Job job = ScoreCatalog();
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  v1::ScoreCatalogProgress progress;
  ASSERT_TRUE(job.progress().UnpackTo(&progress));
  EXPECT_EQ(progress.scored(), 6);
  std::map<v1::VerdictKind, std::int64_t> counts;
  for (const v1::VerdictCount& count : progress.verdicts()) counts[count.kind()] = count.listings();
  EXPECT_EQ(counts,
            (std::map<v1::VerdictKind, std::int64_t>{{v1::VERDICT_KIND_ABUSE, 5}, {v1::VERDICT_KIND_NOT_SCORED, 1}}));
  v1::GetVerdictRequest get;
  get.set_product_id("broken");
  EXPECT_TRUE(absl::StartsWith(store_->GetVerdict(get)->verdict().not_scored_reason(), "image: "));
  get.set_product_id("good3");
  EXPECT_EQ(store_->GetVerdict(get)->verdict().bundle_version(), bundle_);
  get.set_product_id("p1");
  EXPECT_EQ(store_->GetVerdict(get).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ScorerServiceTest, ACatalogueIsNotScoredWithoutABundle) {
  ServeWithoutBundle();
  Store("good", Jpeg(Photo(64, 64)));
  const v1::Job job = ScoreCatalog();
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_TRUE(absl::StrContains(job.error(), "no trained bundle")) << job.error();
}

TEST_F(ScorerServiceTest, ANewBundleTakesOverWithoutDroppingARequest) {
  Serve({});
  std::atomic<int> failed{0};
  std::atomic<bool> done{false};
  absl::Mutex mutex;
  std::set<std::string> versions;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      const std::string image = Jpeg(Photo(64, 64));
      while (!done) {
        v1::ScoreListingRequest request;
        *request.mutable_product() = Shirt();
        request.set_image(image);
        v1::Verdict verdict;
        const grpc::Status status = Score(request, &verdict);
        if (!status.ok() || verdict.kind() != v1::VERDICT_KIND_CLEAN) ++failed;
        absl::MutexLock lock(&mutex);
        versions.insert(verdict.bundle_version());
      }
    });
  }
  // Another resolution too, so that a question must go to the bundle it was made for.
  std::set<std::string> promoted{bundle_};
  for (const int resolution : {128, 64}) {
    const std::string version = PromoteRandomBundle(bundles_, {.resolution = resolution}).version();
    promoted.insert(version);
    EXPECT_TRUE(Eventually([&] {
      absl::MutexLock lock(&mutex);
      return versions.count(version) > 0;
    }));
  }
  done = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(versions, promoted);
}

}  // namespace
}  // namespace mannequin
