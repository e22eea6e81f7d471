// Keeping, reviewing and replaying verdicts over a real channel, with a real store and real networks.
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/rpc/metrics.h"
#include "common/store/remote_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/scorer/kept_verdict.h"
#include "services/scorer/replay.h"
#include "tests/unit/scorer/served_scorer.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Stripes, so that it is not blank; another picture for another `shade`.
std::string Photo(int shade = 0) {
  Pixels pixels{60, 40, {}};
  for (int y = 0; y < pixels.height; ++y) {
    for (int x = 0; x < pixels.width * 3; ++x) {
      pixels.rgb.push_back(static_cast<std::uint8_t>((x * 5 + y * 3 + shade) % 256));
    }
  }
  return EncodeImage(pixels, "image/jpeg").value();
}

v1::ScoreListingRequest Listing(const std::string& id, const std::string& image) {
  v1::ScoreListingRequest request;
  v1::Product& product = *request.mutable_product();
  product.set_id(id);
  product.set_title("Acme blue cotton shirt");
  product.set_brand("Acme");
  product.add_category_path("Apparel");
  product.add_category_path("Shirts");
  product.set_description("Washable.");
  product.set_image_url("https://shop.example/p.jpg");
  v1::Attribute& attribute = *product.add_attributes();
  attribute.set_name("color");
  attribute.set_value("blue");
  request.set_image(image);
  request.set_keep(true);
  return request;
}

std::string CodeOf(const grpc::Status& status) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code()));
}

// The counter `mannequin_scorer_reviews_total` of these labels.
double CountedReviews(const std::string& verdict, const std::string& decision) {
  double count = 0;
  for (const prometheus::MetricFamily& family : rpc::MetricsRegistry()->Collect()) {
    if (family.name != "mannequin_scorer_reviews_total") continue;
    for (const prometheus::ClientMetric& metric : family.metric) {
      bool matches = true;
      for (const auto& label : metric.label) {
        if (label.name == "verdict") matches = matches && label.value == verdict;
        if (label.name == "decision") matches = matches && label.value == decision;
      }
      if (matches) count += metric.counter.value;
    }
  }
  return count;
}

class KeptVerdicts : public testing::Test, public ServedScorer {
 protected:
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::AbuseScorer::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    return (stub_.get()->*method)(&context, request, response);
  }
  grpc::Status Score(const v1::ScoreListingRequest& request, v1::Verdict* verdict = nullptr) {
    v1::ScoreListingResponse response;
    const grpc::Status status = Call(&v1::AbuseScorer::Stub::ScoreListing, request, &response);
    if (verdict != nullptr) *verdict = response.verdict();
    return status;
  }
  v1::Verdict MustScore(const v1::ScoreListingRequest& request) {
    v1::Verdict verdict;
    const grpc::Status status = Score(request, &verdict);
    EXPECT_EQ("OK", CodeOf(status)) << status.error_message();
    return verdict;
  }
  // A stream of them, to its end.
  std::vector<v1::ScoreListingsResponse> ScoreStream(const std::vector<v1::ScoreListingRequest>& requests) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    const auto stream = stub_->ScoreListings(&context);
    for (const v1::ScoreListingRequest& request : requests) {
      v1::ScoreListingsRequest message;
      *message.mutable_listing() = request;
      EXPECT_TRUE(stream->Write(message));
    }
    stream->WritesDone();
    std::vector<v1::ScoreListingsResponse> responses;
    for (v1::ScoreListingsResponse response; stream->Read(&response);) responses.push_back(response);
    EXPECT_TRUE(stream->Finish().ok());
    return responses;
  }
  absl::StatusOr<v1::Verdict> Kept(const std::string& id) {
    v1::GetVerdictRequest get;
    get.set_product_id(id);
    absl::StatusOr<v1::GetVerdictResponse> found = store_->GetVerdict(get);
    if (!found.ok()) return found.status();
    return found->verdict();
  }
  void Put(const v1::Verdict& verdict) {
    v1::PutVerdictsRequest put;
    *put.add_verdicts() = verdict;
    ASSERT_TRUE(store_->PutVerdicts(put).ok());
  }
  // A product with its picture, in the store.
  void Store(const std::string& id, const std::string& image) {
    v1::UpsertProductsRequest upsert;
    *upsert.add_products() = Listing(id, "").product();
    ASSERT_TRUE(store_->UpsertProducts(upsert).ok());
    v1::PutImageRequest put;
    put.set_product_id(id);
    put.mutable_image()->set_data(image);
    const auto stored = store_->PutImage(put);
    ASSERT_TRUE(stored.ok()) << stored.status();
  }
  grpc::Status Replay(const std::string& id, const std::string& image, v1::ReplayVerdictResponse* response) {
    v1::ReplayVerdictRequest request;
    request.set_product_id(id);
    request.set_image(image);
    return Call(&v1::AbuseScorer::Stub::ReplayVerdict, request, response);
  }
  v1::ReplayVerdictResponse MustReplay(const std::string& id, const std::string& image = "") {
    v1::ReplayVerdictResponse response;
    const grpc::Status status = Replay(id, image, &response);
    EXPECT_EQ("OK", CodeOf(status)) << status.error_message();
    return response;
  }
  void WaitForBundle(const std::string& version) {
    v1::ScoreListingRequest request = Listing("x", Photo());
    request.set_keep(false);
    EXPECT_TRUE(Eventually([&] { return MustScore(request).bundle_version() == version; }));
  }
};

TEST_F(KeptVerdicts, AreKeptWithTheirListingAndOnlyWhenAsked) {
  Serve({.mismatch_bias = 1});
  v1::ScoreListingRequest request = Listing("p1", Photo());
  request.set_keep(false);
  EXPECT_EQ("", MustScore(request).product_id());
  EXPECT_EQ(absl::StatusCode::kNotFound, Kept("p1").status().code());

  request.set_keep(true);
  const v1::Verdict answered = MustScore(request);
  const v1::Verdict kept = Kept("p1").value();
  EXPECT_EQ(answered.SerializeAsString(), kept.SerializeAsString());
  EXPECT_EQ("p1", kept.product_id());
  EXPECT_EQ(v1::VERDICT_KIND_REVIEW, kept.kind());
  v1::Product judged = request.product();
  judged.clear_description();
  judged.clear_image_url();
  EXPECT_EQ(judged.SerializeAsString(), kept.listing().SerializeAsString());
}

TEST_F(KeptVerdicts, NeedAProductId) {
  Serve({});
  for (const std::string& id : {std::string(), std::string(129, 'a'), std::string("a\nb")}) {
    const grpc::Status status = Score(Listing(id, Photo()));
    EXPECT_EQ("INVALID_ARGUMENT", CodeOf(status)) << id;
    EXPECT_THAT(status.error_message(), StartsWith("product.id: ")) << id;
  }
}

TEST_F(KeptVerdicts, AStreamKeepsThoseOfItsListingsThatAskForIt) {
  Serve({});
  std::vector<v1::ScoreListingRequest> requests;
  for (int i = 0; i < 70; ++i) requests.push_back(Listing(absl::StrCat("p", i), Photo(i)));
  requests[7].mutable_product()->clear_id();
  requests[8].set_keep(false);
  requests[9].set_image("no picture");
  const std::vector<v1::ScoreListingsResponse> responses = ScoreStream(requests);
  ASSERT_EQ(requests.size(), responses.size());
  EXPECT_EQ(static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT), responses[7].error_code());
  EXPECT_THAT(responses[7].error_message(), StartsWith("product.id: "));
  EXPECT_EQ(static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT), responses[9].error_code());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const absl::StatusOr<v1::Verdict> kept = Kept(absl::StrCat("p", i));
    if (i >= 7 && i <= 9) {
      EXPECT_EQ(absl::StatusCode::kNotFound, kept.status().code()) << i;
    } else {
      ASSERT_TRUE(kept.ok()) << i << kept.status();
      EXPECT_EQ(responses[i].verdict().SerializeAsString(), kept->SerializeAsString()) << i;
    }
  }
}

TEST_F(KeptVerdicts, ManyCallersAtOnceLoseNone) {
  Serve({});
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 6; ++i) MustScore(Listing(absl::StrCat("p", caller, "-", i), Photo(i)));
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(48, store_->GetStatistics({})->verdicts());
}

TEST_F(KeptVerdicts, AStoreThatIsDownFailsWhoeverAskedForIt) {
  bundle_ = PromoteRandomBundle(bundles_, {}).version();
  other_store_ = NewRemoteStore(rpc::NewChannel("127.0.0.1:1"));
  ServeWithoutBundle();
  v1::Verdict verdict;
  const grpc::Status status = Score(Listing("p1", Photo()), &verdict);
  EXPECT_EQ("UNAVAILABLE", CodeOf(status));
  EXPECT_THAT(status.error_message(), StartsWith("the verdict could not be kept: "));
  v1::ScoreListingRequest unkept = Listing("p2", Photo());
  unkept.set_keep(false);
  const std::vector<v1::ScoreListingsResponse> responses = ScoreStream({Listing("p1", Photo()), unkept});
  ASSERT_EQ(2u, responses.size());
  EXPECT_EQ(static_cast<int>(grpc::StatusCode::UNAVAILABLE), responses[0].error_code());
  EXPECT_FALSE(responses[0].has_verdict());
  EXPECT_EQ(0, responses[1].error_code()) << responses[1].error_message();
  EXPECT_EQ(v1::VERDICT_KIND_CLEAN, responses[1].verdict().kind());
}

TEST_F(KeptVerdicts, AReviewIsKeptAndCountedByVerdictAndDecision) {
  Serve({.mismatch_bias = 4});
  v1::SubmitReviewRequest request;
  request.set_product_id("p1");
  request.set_image_sha256(Sha256Hex(Photo()));
  request.set_decision(v1::VERDICT_KIND_ABUSE);
  request.add_reasons(v1::ABUSE_REASON_MISMATCH);
  request.set_reviewer("kim");
  request.set_note("a boot");
  v1::SubmitReviewResponse response;
  const auto submit = [&] { return Call(&v1::AbuseScorer::Stub::SubmitReview, request, &response); };
  EXPECT_EQ("NOT_FOUND", CodeOf(submit()));
  MustScore(Listing("p1", Photo()));

  const double before = CountedReviews("abuse", "abuse");
  ASSERT_EQ("OK", CodeOf(submit()));
  EXPECT_EQ("a boot", response.review().note());
  EXPECT_EQ(v1::VERDICT_KIND_ABUSE, response.review().verdict().kind());
  EXPECT_EQ("Acme blue cotton shirt", response.review().verdict().listing().title());
  EXPECT_GT(response.review().reviewed_at().seconds(), 1'600'000'000);
  EXPECT_EQ(v1::VERDICT_KIND_ABUSE, Kept("p1")->review_decision());
  EXPECT_EQ(1, store_->ListReviews({})->reviews_size());
  EXPECT_EQ(before + 1, CountedReviews("abuse", "abuse"));

  request.clear_reviewer();
  const grpc::Status nobody = submit();
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(nobody));
  EXPECT_THAT(nobody.error_message(), StartsWith("reviewer: "));
  request.set_reviewer("kim");
  request.set_image_sha256(Sha256Hex(Photo(1)));
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(submit()));
  EXPECT_EQ(before + 1, CountedReviews("abuse", "abuse"));
  // The same picture again, as another bundle sees it: nobody has to look twice.
  WaitForBundle(PromoteRandomBundle(bundles_, {.mismatch_bias = 1}).version());
  EXPECT_EQ(v1::VERDICT_KIND_REVIEW, MustScore(Listing("p1", Photo())).kind());
  EXPECT_EQ(v1::VERDICT_KIND_ABUSE, Kept("p1")->review_decision());
}

TEST_F(KeptVerdicts, AReplayIsTheSameThoughAnotherBundleIsPromoted) {
  Serve({.mismatch_bias = 4, .overlay_bias = 4});
  Store("p1", Photo());
  v1::ScoreListingRequest stored;
  stored.mutable_product()->set_id("p1");
  stored.set_stored(true);
  const v1::Verdict kept = MustScore(stored);
  ASSERT_EQ(v1::VERDICT_KIND_ABUSE, kept.kind());
  v1::ReplayVerdictResponse replay = MustReplay("p1");
  EXPECT_TRUE(replay.same()) << replay.DebugString();

  const std::string other = PromoteRandomBundle(bundles_, {.resolution = 128, .seed = 7}).version();
  WaitForBundle(other);
  // The store's product has changed as well: what was judged then is what is judged.
  v1::UpsertProductsRequest renamed;
  *renamed.add_products() = Listing("p1", "").product();
  renamed.mutable_products(0)->set_title("Boots");
  renamed.mutable_products(0)->set_category_path(1, "Boots");
  ASSERT_TRUE(store_->UpsertProducts(renamed).ok());
  replay = MustReplay("p1");
  EXPECT_TRUE(replay.same()) << replay.DebugString();
  EXPECT_THAT(replay.differences(), IsEmpty());
  EXPECT_EQ(kept.SerializeAsString(), replay.kept().SerializeAsString());
  EXPECT_EQ(bundle_, replay.replayed().bundle_version());
  EXPECT_EQ(v1::VERDICT_KIND_ABUSE, replay.replayed().kind());
  EXPECT_EQ(kept.SerializeAsString(), Kept("p1")->SerializeAsString()) << "a replay keeps nothing";
  // Listings are judged by the promoted one meanwhile and afterwards.
  EXPECT_EQ(other, MustScore(Listing("p2", Photo())).bundle_version());
}

TEST_F(KeptVerdicts, AReplayNeedsTheVeryPicture) {
  Serve({});
  MustScore(Listing("p1", Photo()));
  v1::ReplayVerdictResponse response;
  grpc::Status status = Replay("p1", "", &response);
  EXPECT_EQ("NOT_FOUND", CodeOf(status));
  EXPECT_THAT(status.error_message(), HasSubstr(Sha256Hex(Photo())));
  status = Replay("p1", Photo(1), &response);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(status));
  EXPECT_THAT(status.error_message(), StartsWith("image: its SHA-256 is " + Sha256Hex(Photo(1))));
  EXPECT_TRUE(MustReplay("p1", Photo()).same());
  EXPECT_EQ("NOT_FOUND", CodeOf(Replay("nobody", "", &response)));
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(Replay("", "", &response)));
}

TEST_F(KeptVerdicts, AReplayWhoseBundleIsGoneOrDamagedNamesIt) {
  Serve({});
  MustScore(Listing("p1", Photo()));
  WaitForBundle(PromoteRandomBundle(bundles_, {.seed = 2}).version());
  v1::ReplayVerdictResponse response;
  const std::string weights = bundles_.FolderOf(bundle_) + "/discriminator.safetensors";
  const std::string whole = ReadFile(weights).value();
  ASSERT_TRUE(WriteFileAtomically(weights, "damaged").ok());
  EXPECT_EQ("DATA_LOSS", CodeOf(Replay("p1", Photo(), &response)));
  ASSERT_TRUE(WriteFileAtomically(weights, whole).ok());
  EXPECT_TRUE(MustReplay("p1", Photo()).same());
  std::filesystem::remove_all(bundles_.FolderOf(bundle_));
  const grpc::Status status = Replay("p1", Photo(), &response);
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(status));
  EXPECT_THAT(status.error_message(), StartsWith("bundle " + bundle_ + " is gone"));
}

TEST_F(KeptVerdicts, WhatWasNotScoredIsReplayedToo) {
  ServeWithoutBundle();
  EXPECT_EQ(v1::VERDICT_KIND_NOT_SCORED, MustScore(Listing("early", Photo())).kind());
  bundle_ = PromoteRandomBundle(bundles_, {}).version();
  WaitForBundle(bundle_);
  EXPECT_TRUE(MustReplay("early", Photo()).same());

  v1::ScoreListingRequest boat = Listing("boat", Photo());
  boat.mutable_product()->set_category_path(1, "Boats");
  EXPECT_EQ(v1::VERDICT_KIND_NOT_SCORED, MustScore(boat).kind());
  EXPECT_TRUE(MustReplay("boat", Photo()).same());

  // What a job finds: a picture that is none. And one that is not there at all.
  Store("broken", "not a picture");
  v1::ScoreCatalogResponse job;
  ASSERT_EQ("OK", CodeOf(Call(&v1::AbuseScorer::Stub::ScoreCatalog, v1::ScoreCatalogRequest(), &job)));
  const absl::Time limit = absl::Now() + absl::Seconds(60);
  while (!Kept("broken").ok() && absl::Now() < limit) std::this_thread::yield();
  ASSERT_TRUE(Kept("broken").ok());
  EXPECT_EQ(Sha256Hex("not a picture"), Kept("broken")->image_sha256());
  EXPECT_EQ("Acme blue cotton shirt", Kept("broken")->listing().title());
  const v1::ReplayVerdictResponse replay = MustReplay("broken");
  EXPECT_TRUE(replay.same()) << replay.DebugString();
  EXPECT_THAT(replay.replayed().not_scored_reason(), StartsWith("image: "));
  v1::Verdict pictureless = *Kept("broken");
  pictureless.clear_image_sha256();
  Put(pictureless);
  v1::ReplayVerdictResponse response;
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(Replay("broken", "", &response)));
}

TEST_F(KeptVerdicts, AReplayKeepsToThePolicyOfThen) {
  Serve({});
  v1::ScoreListingRequest request = Listing("p1", Photo());
  request.set_policy("amazon");
  v1::Verdict kept = MustScore(request);
  EXPECT_GT(kept.policy_findings_size(), 0);
  const v1::ReplayVerdictResponse replay = MustReplay("p1", Photo());
  EXPECT_TRUE(replay.same()) << replay.DebugString();
  EXPECT_EQ(kept.policy_findings_size(), replay.replayed().policy_findings_size());
  kept.set_policy("bazaar");
  Put(kept);
  v1::ReplayVerdictResponse response;
  const grpc::Status status = Replay("p1", Photo(), &response);
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(status));
  EXPECT_THAT(status.error_message(), HasSubstr("bazaar"));
}

TEST_F(KeptVerdicts, AReplaySaysWhatDiffers) {
  Serve({.mismatch_bias = 4});
  v1::Verdict kept = MustScore(Listing("p1", Photo()));
  kept.set_kind(v1::VERDICT_KIND_CLEAN);
  kept.mutable_reasons(0)->set_probability(0.5);
  Put(kept);
  const v1::ReplayVerdictResponse replay = MustReplay("p1", Photo());
  EXPECT_FALSE(replay.same());
  EXPECT_THAT(replay.differences(), ElementsAre("kind: CLEAN and ABUSE", "reasons[0].probability: 0.5 and 0.982014"));

  v1::ReplayVerdictResponse response;
  v1::Verdict older = kept;
  older.set_rules_version("rules-0");
  Put(older);
  grpc::Status status = Replay("p1", Photo(), &response);
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(status));
  EXPECT_THAT(status.error_message(), HasSubstr("\"rules-0\" judged then"));
  older = kept;
  older.clear_listing();
  Put(older);
  status = Replay("p1", Photo(), &response);
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(status));
  EXPECT_THAT(status.error_message(), HasSubstr("score the product again"));
}

TEST(IsOfThePicture, WhoeverIsTooBusySaysNothingOfIt) {
  EXPECT_TRUE(IsOfThePicture(absl::InvalidArgumentError("image: not a picture")));
  EXPECT_TRUE(IsOfThePicture(absl::DataLossError("images/ab12: damaged")));
  EXPECT_FALSE(IsOfThePicture(absl::ResourceExhaustedError("too many wait")));
  EXPECT_FALSE(IsOfThePicture(absl::UnavailableError("the store is closing")));
}

TEST(DifferencesOf, ComparesWhatWasDecidedAndNamesTheField) {
  v1::Verdict kept;
  kept.set_kind(v1::VERDICT_KIND_ABUSE);
  const auto reason = [](v1::Verdict& verdict, v1::AbuseReason what, double probability) {
    v1::ReasonScore& score = *verdict.add_reasons();
    score.set_reason(what);
    score.set_probability(probability);
  };
  reason(kept, v1::ABUSE_REASON_MISMATCH, 0.70004);
  reason(kept, v1::ABUSE_REASON_PROMOTIONAL_OVERLAY, 0.7);
  kept.add_overlay_boxes()->set_x(3);
  kept.add_policy_findings()->set_rule("white_background");
  // What may differ: time, order of equals, evidence.
  v1::Verdict same;
  same.set_kind(v1::VERDICT_KIND_ABUSE);
  reason(same, v1::ABUSE_REASON_PROMOTIONAL_OVERLAY, 0.70002);
  reason(same, v1::ABUSE_REASON_MISMATCH, 0.70001);
  same.add_overlay_boxes()->set_x(3);
  same.add_policy_findings()->set_rule("white_background");
  same.set_milliseconds(5);
  same.add_evidence()->set_product_id("q");
  EXPECT_THAT(DifferencesOf(kept, same), IsEmpty());

  v1::Verdict other = same;
  other.mutable_reasons(1)->set_reason(v1::ABUSE_REASON_PLACEHOLDER);
  other.mutable_reasons(0)->set_detail("words");
  other.mutable_overlay_boxes(0)->set_width(9);
  other.add_overlay_boxes();
  other.mutable_policy_findings(0)->set_measured(0.5);
  other.add_policy_findings()->set_rule("formats");
  other.set_not_scored_reason("why");
  EXPECT_THAT(DifferencesOf(kept, other),
              ElementsAre("reasons[0]: MISMATCH and nothing", "reasons[1].detail: \"\" and \"words\"",
                          "reasons: nothing and PLACEHOLDER", "overlay_boxes[0]: x 3 y 0, 0 x 0 and x 3 y 0, 9 x 0",
                          "overlay_boxes[1]: nothing and x 0 y 0, 0 x 0", "policy_findings[0].measured: 0 and 0.5",
                          "policy_findings[1].rule: nothing and formats", "not_scored_reason: \"\" and \"why\""));
}

}  // namespace
}  // namespace mannequin
